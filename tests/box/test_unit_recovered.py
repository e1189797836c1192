"""error_daemon, as a service of an ordinary user, sees units fail and has systemd restart them; polkit lets it touch no others."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.box.host import ROOT, booted
from tests.box.unit_host import USER, UnitHost
from tests.waiting import eventually

T = TypeVar("T")

DEFINITIONS = """version: 1
targets:
  demo: {kind: service, unit: demo.service, probes: runs}
  demo-alias: {kind: service, unit: alias.service, probes: runs}
  broken: {kind: service, unit: broken.service, probes: runs}
  forbidden: {kind: service, unit: forbidden.service, probes: runs}
probes:
  runs: {kind: unit}
strategies:
  restart: {kind: unit, action: restart, timeout: 10s}
rules:
  - {id: demo, when: {source: sensor/systemd, target: demo}, target: demo, ladder: {3: restart}, mode: auto}
  - {id: broken, when: {source: sensor/systemd, target: broken}, target: broken, ladder: {3: restart}}
"""
FORBIDDEN = """
  - {id: forbidden, when: {source: sensor/systemd, target: forbidden}, target: forbidden, ladder: {3: restart}, mode: auto}
"""
UNIT = f"""[Service]
Type=notify
User={USER}
StateDirectory=error-recovery
ExecStart={sys.executable} -m error_daemon
Environment=LOG_LEVEL=INFO PYTHONDONTWRITEBYTECODE=1
KillMode=mixed
"""
DAEMON = "error-recovery.service"


class Recovered(UnitHost):
    def begin(self) -> Recovered:
        self.prepare()
        run = self.host.run
        self.host.write("/etc/recovery/definitions/50-units.yaml", DEFINITIONS)
        self.allow(run(sys.executable, "-m", "error_daemon", "--print-polkit-rule", USER).stdout)
        # who serves under another name is told of under its own
        self.host.write("/etc/systemd/system/named.service", "[Service]\nExecStart=/bin/sleep infinity\n")
        run("ln", "-s", "named.service", "/etc/systemd/system/alias.service")
        self.host.write(f"/etc/systemd/system/{DAEMON}", UNIT)
        run("systemctl", "daemon-reload")
        run("systemctl", "start", "demo.service", "forbidden.service", "named.service")
        run("systemctl", "start", "broken.service", is_checked=False)
        started = run("systemctl", "start", DAEMON, is_checked=False)
        assert started.returncode == 0, self.host.journal(DAEMON)
        return self

    def errors(self, component: str) -> list[dict[str, str]]:
        listed = self.host.run(sys.executable, "-m", "error_cli", "errors", "list", "--json").stdout
        return [error for error in json.loads(listed).get("errors", []) if error["component"] == component]

    def until_state(self, component: str, *states: str) -> dict[str, str]:
        def look() -> dict[str, str] | None:
            for error in self.errors(component):
                if error["state"].lower().rpartition("error_state_")[2] in states:
                    return error
            return None

        return self.comes_true(f"{component} is {' or '.join(states)}", look)

    def comes_true(self, what: str, look: Callable[[], T | None]) -> T:
        try:
            return eventually(what, look)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.host.journal(DAEMON)}") from error

    def count(self, component: str) -> int:
        return sum(int(error["count"]) for error in self.errors(component))

    def attempts(self, error_id: str) -> list[dict[str, str]]:
        said = self.host.run(sys.executable, "-m", "error_cli", "history", "--error", error_id, "--json").stdout
        attempts: list[dict[str, str]] = json.loads(said)["attempts"]
        return attempts


@pytest.fixture(scope="module")
def host() -> Iterator[Recovered]:
    with booted([(Path(ROOT / "etc" / "recovery.conf"), "/etc/recovery.conf")]) as box:
        yield Recovered(box).begin()


def test_a_unit_that_had_failed_before_is_reported(host: Recovered) -> None:
    host.until_state("broken", "observed")


def test_a_unit_whose_process_is_killed_runs_again_with_another_process(host: Recovered) -> None:
    before = host.host.main_pid("demo.service")
    host.host.run("kill", "-KILL", before)
    error = host.until_state("demo", "watching", "recovered", "resolved")
    after = host.host.main_pid("demo.service")
    assert after not in {before, "0"}
    [attempt] = host.attempts(error["error_id"])
    assert attempt["verdict"].lower().endswith("recovered")
    assert f"pid {after} (start ticks " in attempt["detail"]
    assert host.host.run("ps", "-o", "user:32=", "-p", host.host.main_pid(DAEMON)).stdout.strip() == USER


def test_what_the_definitions_gain_is_watched_after_a_reload_and_what_polkit_lacks_is_refused(host: Recovered) -> None:
    host.host.write("/etc/recovery/definitions/50-units.yaml", DEFINITIONS + FORBIDDEN.lstrip("\n"))
    host.host.run(sys.executable, "-m", "error_cli", "reload")
    host.host.run("systemctl", "kill", "--signal=KILL", "forbidden.service")
    error = host.until_state("forbidden", "failed")
    assert all("no polkit rule allows it" in attempt["detail"] for attempt in host.attempts(error["error_id"]))
    assert host.state("forbidden.service") == "failed"


def test_a_unit_is_watched_under_its_own_name_too_where_a_target_has_its_alias(host: Recovered) -> None:
    host.host.run("systemctl", "kill", "--signal=KILL", "named.service")
    host.until_state("demo-alias", "observed")


def test_units_are_watched_on_when_systemd_has_executed_itself_anew(host: Recovered) -> None:
    host.until_state("broken", "observed")
    host.host.run("systemctl", "daemon-reexec")
    host.host.run("systemctl", "reset-failed", "broken.service")
    before = host.count("broken")  # a second sight of the first failure is in there
    host.host.run("systemctl", "start", "broken.service", is_checked=False)
    host.comes_true("the new failure is reported", lambda: host.count("broken") > before)


def test_units_are_watched_again_when_the_system_bus_is_back(host: Recovered) -> None:
    host.host.run("systemctl", "restart", "dbus.service")
    host.host.run("systemctl", "stop", "demo.service")
    host.host.run("systemctl", "start", "demo.service")
    before = host.host.main_pid("demo.service")
    host.host.run("kill", "-KILL", before)
    host.comes_true("demo runs again", lambda: host.host.main_pid("demo.service") not in {before, "0"})
    assert "units are not watched" in host.host.journal(DAEMON)
