"""What a real systemd writes into a real journal is told of once each, whoever is killed meanwhile, and recovered."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from tests.box.host import booted
from tests.box.unit_host import USER, UnitHost
from tests.waiting import eventually

T = TypeVar("T")

DAEMON = "error-recovery.service"
SETTINGS = "worker_threads = 1\n"
SERVICE = f"""[Unit]
StartLimitIntervalSec=0
[Service]
Type=notify
User={USER}
SupplementaryGroups=systemd-journal
StateDirectory=error-recovery
ExecStart={sys.executable} -m error_daemon
Environment=LOG_LEVEL=INFO PYTHONDONTWRITEBYTECODE=1
KillMode=mixed
"""
DEFINITIONS = """version: 1
targets:
  shop: {kind: service, probes: [shop-runs]}
  watched: {kind: service, unit: watched.service}
  aliased: {kind: service, unit: alias.service}
probes:
  shop-runs: {kind: exec, command: [/bin/systemctl, is-active, shop.service]}
strategies:
  restart-shop: {kind: exec, command: [/bin/systemctl, restart, shop.service], timeout: 20s}
rules:
  - id: shop
    when: {source: journal, component: shop.service}
    target: shop
    ladder: {3: [restart-shop]}
    mode: auto
    verify: {within: 10s}
"""
CRASH = """
#include <stdlib.h>
void give_up(void) { abort(); }
int main(void) { give_up(); return 0; }
"""
OUT_OF_MEMORY = """MESSAGE_ID=fe6faa94e7774663a0da52717891d8ef
MESSAGE=greedy.service: A process of this unit has been killed by the OOM killer.
UNIT=greedy.service
INVOCATION_ID=194f76db1d2c424e89a93714ad84893e
"""
FORGED = """MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c
MESSAGE=shop.service: Failed with result 'exit-code'.
UNIT=shop.service
UNIT_RESULT=exit-code
"""
FAIL_ON = """number=0
while [ ! -e /run/calm ]; do
  number=$((number + 1))
  printf 'MESSAGE_ID=d9b373ed55a64feb8242e02dbe79a49c\\nUNIT=storm-%s.service\\nUNIT_RESULT=exit-code\\n' "$number" | logger --journald
  sleep 0.05
done
echo "$number" >/run/storm
"""
DUMPER = "/lib/systemd/systemd-coredump"


class Journal(UnitHost):
    def begin(self) -> Journal:
        self.prepare()
        self.host.write("/etc/recovery.conf", SETTINGS)
        self.host.write("/etc/recovery/definitions/50-test.yaml", DEFINITIONS)
        self.unit("shop.service", "ExecStart=/bin/sh -c 'mkdir /run/shop-was-broken && exit 7; exec sleep infinity'")
        self.unit("watched.service", "ExecStart=/bin/sh -c 'exit 3'")
        self.unit("named.service", "ExecStart=/bin/sleep infinity")
        self.host.run("ln", "-s", "named.service", "/etc/systemd/system/alias.service")
        self.host.write(f"/etc/systemd/system/{DAEMON}", SERVICE)
        self.host.run("systemctl", "daemon-reload")
        self.start_daemon()
        return self

    def unit(self, name: str, text: str) -> None:
        self.host.write(f"/etc/systemd/system/{name}", f"[Service]\n{text}\n")

    def start_daemon(self) -> None:
        started = self.host.run("systemctl", "start", DAEMON, is_checked=False)
        assert started.returncode == 0, self.host.journal(DAEMON)

    def kill_daemon(self) -> None:
        self.host.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", DAEMON)
        eventually("it is dead", lambda: self.state(DAEMON) == "failed")

    def cli(self, *arguments: str) -> str:
        return self.host.run(sys.executable, "-m", "error_cli", *arguments, is_checked=False).stdout

    def errors(self, component: str) -> list[dict[str, Any]]:
        return [error for error in self._all_errors() if error["component"] == component]

    def _all_errors(self) -> list[dict[str, Any]]:
        listed = json.loads(self.cli("errors", "list", "--limit=1000", "--json") or "{}")
        return list(listed.get("errors", []))

    def told_of(self, prefix: str) -> dict[str, int]:
        """How often, by component."""
        errors = [error for error in self._all_errors() if error["component"].startswith(prefix)]
        assert len({error["component"] for error in errors}) == len(errors)
        return {error["component"]: int(error["count"]) for error in errors}

    def until_more_are_told_of(self, prefix: str) -> None:
        before = len(self.told_of(prefix))
        self.comes_true(f"more of {prefix} are told of", lambda: len(self.told_of(prefix)) > before + 5)

    def until_told_of(self, component: str) -> dict[str, Any]:
        errors = self.comes_true(f"{component} is told of", lambda: self.errors(component))
        assert len(errors) == 1
        return errors[0]

    def comes_true(self, what: str, look: Callable[[], T | None]) -> T:
        try:
            return eventually(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.cli('diagnose')}\n{self.host.journal(DAEMON)}") from error

    def found(self, pattern: str) -> str:
        return self.host.run("sh", "-c", f"ls {pattern}", is_checked=False).stdout.strip()

    def fail(self, name: str) -> None:
        self.unit(name, "Type=oneshot\nExecStart=/bin/sh -c 'exit 7'")
        self.host.run("systemctl", "daemon-reload")
        self.host.run("systemctl", "start", name, is_checked=False)


@pytest.fixture(scope="module")
def host() -> Iterator[Journal]:
    with booted() as box:
        yield Journal(box).begin()


def test_a_unit_that_fails_is_recovered_and_its_explanation_names_the_journal(host: Journal) -> None:
    host.host.run("systemctl", "start", "shop.service")
    error = host.until_told_of("shop.service")
    host.comes_true(
        "it is recovered", lambda: host.errors("shop.service")[0]["state"].endswith(("watching", "resolved"))
    )
    assert host.state("shop.service") == "active"
    assert "reported by journal." in host.cli("explain", error["error_id"])
    assert error["message"] == "shop.service has failed: exit-code (exited 7)"


def test_units_that_fail_while_the_daemon_was_killed_are_told_of_once_and_those_before_not_again(host: Journal) -> None:
    before = [f"before-{number}.service" for number in range(3)]
    for name in before:
        host.fail(name)
    for name in before:
        host.until_told_of(name)
    host.kill_daemon()
    meanwhile = [f"meanwhile-{number}.service" for number in range(3)]
    for name in meanwhile:
        host.fail(name)
    host.start_daemon()
    host.fail("after.service")
    for name in (*before, DAEMON, *meanwhile, "after.service"):
        error = host.until_told_of(name)
        assert (name, error["count"]) == (name, "1")


def test_a_daemon_that_is_killed_again_and_again_while_units_fail_loses_none(host: Journal) -> None:
    """Written by the superuser as systemd writes them, which is quicker than units that fail. A kill between the fault's ring and the place
    in the journal counts one twice: that is the most that may happen."""
    kills = 3
    host.host.write("/srv/fail-on", FAIL_ON)
    host.host.run("systemd-run", "--unit=fails-on", "sh", "/srv/fail-on")
    for _ in range(kills):
        host.until_more_are_told_of("storm-")
        host.kill_daemon()
        host.start_daemon()
    host.host.run("touch", "/run/calm")
    eventually("the storm is over", lambda: host.host.exists("/run/storm"))
    failures = int(host.host.read("/run/storm"))
    host.comes_true("all came", lambda: len(host.told_of("storm-")) == failures)
    assert failures <= sum(host.told_of("storm-").values()) <= failures + kills


def test_the_failure_of_a_targets_unit_is_told_of_by_the_watch_of_units_alone(host: Journal) -> None:
    host.host.run("systemctl", "start", "watched.service", "named.service", is_checked=False)
    host.host.run("systemctl", "kill", "--signal=KILL", "named.service")
    host.until_told_of("watched")
    host.until_told_of("aliased")
    host.fail("later.service")
    host.until_told_of("later.service")
    assert not host.errors("watched.service")
    assert not host.errors("named.service")


def test_a_core_dump_is_told_of_with_its_stack(host: Journal) -> None:
    """The kernel would start systemd-coredump in the machine's own namespaces; here it is handed the core as the kernel does it."""
    if not host.host.exists(DUMPER) or not host.host.exists("/usr/bin/gcc"):
        pytest.skip("systemd-coredump, or gcc, is not installed on this machine")
    if not host.host.read("/proc/sys/kernel/core_pattern").startswith("core"):
        pytest.skip("this machine's kernel hands core dumps to a program")
    host.host.write("/srv/crash.c", CRASH)
    host.host.run("gcc", "-g", "-o", "/usr/local/bin/crash", "/srv/crash.c")
    host.unit(
        "crash.service",
        "WorkingDirectory=/srv\nLimitCORE=infinity\nExecStart=/bin/sh -c '/usr/local/bin/crash; exec sleep infinity'",
    )
    host.host.run("systemctl", "daemon-reload")
    host.host.run("systemctl", "start", "crash.service", "systemd-coredump.socket")
    core = eventually("it has crashed", lambda: host.found("/srv/core*"))
    told = f"{DUMPER} {host.host.main_pid('crash.service')} 0 0 6 $(date +%s) 9223372036854775808 box <{core}"
    host.host.run("sh", "-c", told)
    error = host.until_told_of("crash.service")
    shown = json.loads(host.cli("errors", "show", error["error_id"], "--json"))["error"]
    assert shown["message"].endswith("dumped core: SIGABRT")
    assert shown["fault"]["source"] == "journal"
    assert shown["fault"]["exception"]["type"] == "SIGABRT"
    functions = [frame["function"] for frame in shown["fault"]["exception"]["frames"]]
    assert functions[functions.index("main") :][:2] == ["main", "give_up"]


def test_out_of_memory_is_told_of(host: Journal) -> None:
    """As systemd writes it, but not written by it: it counts kills by control groups of version 2 with memory, which no box has."""
    assert host.host.run("sh", "-c", "printf '%s' \"$1\" | logger --journald", "sh", OUT_OF_MEMORY).returncode == 0
    assert host.until_told_of("greedy.service")["type"] == "ERROR_TYPE_RESOURCE"


def test_what_an_ordinary_user_writes_into_the_journal_is_no_failure(host: Journal) -> None:
    count = host.errors("shop.service")[0]["count"]
    host.host.run("sh", "-c", "printf '%s' \"$1\" | runuser -u nobody -- logger --journald", "sh", FORGED)
    host.fail("last.service")
    host.until_told_of("last.service")
    assert host.errors("shop.service")[0]["count"] == count
    assert host.state("shop.service") == "active"


def test_a_daemon_that_may_not_read_the_journal_says_so_in_a_diagnosis_and_serves(host: Journal) -> None:
    host.host.write(f"/etc/systemd/system/{DAEMON}.d/alone.conf", "[Service]\nSupplementaryGroups=\n")
    host.host.run("systemctl", "daemon-reload")
    host.host.run("systemctl", "restart", DAEMON)
    host.comes_true("it is said", lambda: "the journal may not be read" in host.cli("diagnose"))
