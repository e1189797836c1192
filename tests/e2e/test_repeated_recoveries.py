"""`error-cli test` on a real daemon: services whose recovery is idempotent and others whose is not, broken for real."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, running
from tests.waiting import eventually

_SERVICE = """#!/bin/sh
echo started >> {directory}/started
printf '%s\\n' "config" > {directory}/config
exec sleep 86400
"""
_APPENDS = "echo $ER_ERROR_ID >> {directory}/appended\n"


def definitions(directory: Path) -> str:
    return f"""
version: 1
targets:
  shop:
    kind: process
    command: [{directory}/shop.sh]
    pid_file: {directory}/shop.pid
    probes: [runs]
    observe:
      - {{kind: process, program: sleep-of-nobody}}
      - {{kind: files, paths: ["${{directory}}/config"], ignore: ["*.tmp"]}}
      - {{kind: exec, name: said, command: [cat, "${{directory}}/config"]}}
    variables: {{directory: {directory}}}
  diary:
    kind: service
    probes: [there]
    observe: {{observe}}
probes:
  runs: {{kind: process}}
  there: {{kind: file, path: {directory}/shop.sh}}
strategies:
  look-again: {{kind: retry}}
  restart: {{kind: process_restart, timeout: 10s}}
  append: {{kind: exec, command: [{SH}, {directory}/append.sh], timeout: 10s}}
  nothing: {{kind: exec, command: ["false"], timeout: 10s}}
rules:
  - {{id: shop-died, when: {{type: system, source: sensor/pidfd, component: shop}}, target: shop, mode: auto,
     ladder: {{1: [look-again], 3: [restart]}}, verify: {{within: 100ms}}}}
  - {{id: diary-torn, when: {{component: "diary*", message: {{regex: ".*torn.*"}}}}, target: diary, mode: auto, ladder: {{1: [append]}}}}
  - {{id: only-seen, when: {{component: seen}}, target: shop, ladder: {{3: [restart]}}}}
""".replace("{observe}", f"[{{kind: files, paths: [{directory}/appended]}}]")


class Host:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        for name, text in (("shop.sh", _SERVICE), ("append.sh", _APPENDS)):
            (directory / name).write_text(text.replace("{directory}", str(directory)))
            (directory / name).chmod(0o755)
        self.daemon = DaemonProcess(directory / "daemon", definitions(directory))

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": self.daemon.address, "NO_COLOR": "1"}
        command = [sys.executable, "-m", "error_cli", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, check=False)

    def events(self, *arguments: str, code: int) -> list[dict[str, Any]]:
        done = self.cli("test", *arguments, "--yes", "--json")
        assert done.returncode == code, done.stdout[-3000:] + done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def lines(self, name: str) -> list[str]:
        path = self.directory / name
        return path.read_text().splitlines() if path.exists() else []

    def pid(self) -> int:
        return int(self.lines("shop.pid")[0])

    @property
    def kills(self) -> str:
        return f"kill -9 $(head -1 {self.directory}/shop.pid)"


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path)
    with running(made.daemon):
        yield made
    with suppress(IndexError, ProcessLookupError):
        os.kill(made.pid(), signal.SIGKILL)


def verdict(events: list[dict[str, Any]]) -> str:
    return str(events[-1]["end"]["verdict"])


def passes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["passed"] for event in events if event.get("passed")]


def test_a_service_that_is_killed_before_each_pass_comes_back_to_the_same_state(host: Host) -> None:
    events = host.events("--rule", "shop-died", "--strategy", "restart", "--repeat=1", "--triggers=0", code=0)
    assert [attempt["strategy_id"] for attempt in passes(events)[0]["attempts"]] == ["restart"], "it was never started"
    events = host.events("--rule", "shop-died", "--repeat=3", "--break", host.kills, code=0)
    assert verdict(events) == "idempotent"
    assert [one["was_well"] for one in passes(events)] == [False] * 3
    [triggers] = [event["triggers"] for event in events if event.get("triggers")]
    assert (triggers["faults"], triggers["tickets"], triggers["is_one"]) == (10, 1, True)
    assert len(host.lines("started")) == 5, "one start for each kill, the ten triggers among them, and the first"
    status = host.daemon.status()
    assert dict(status.errors_by_state) == {"resolved": 1}, "the sensor has reported nothing of its own"


def test_after_the_test_the_death_of_the_process_is_noticed_again(host: Host) -> None:
    host.events("--rule", "shop-died", "--strategy", "restart", "--repeat=1", "--triggers=0", code=0)
    os.kill(host.pid(), signal.SIGKILL)
    eventually("the sensor reports it and it is started again", lambda: len(host.lines("started")) == 2)


def test_a_recovery_that_appends_to_a_file_is_not_idempotent_and_the_difference_is_shown(host: Host) -> None:
    done = host.cli("test", "--target", "diary", "--repeat=3", "--triggers=4", "--yes")
    assert done.returncode == 1, done.stderr
    path = str(host.directory / "appended")
    assert f"    {path}: 17 bytes, sha256 " in done.stdout
    assert " → 34 bytes, sha256 " in done.stdout
    assert "4 equal faults at once: 1 ticket, 1 attempt, one recovery" in done.stdout
    assert "the recovery is not idempotent" in done.stderr
    assert len(host.lines("appended")) == 4, "one recovery for each pass, and one for the four triggers"


def test_a_rule_that_only_observes_says_what_it_would_do_and_proves_nothing(host: Host) -> None:
    done = host.cli("test", "--rule", "only-seen", "--yes")
    assert done.returncode == 1
    assert "rule only-seen has mode observe: it would run restart at level 3 on shop" in done.stderr
    assert host.lines("started") == []


def test_a_test_is_no_lesson_and_no_figure_but_stands_in_the_record(host: Host) -> None:
    host.events("--target", "diary", "--repeat=2", "--triggers=0", code=1)
    host.daemon.wait_until_recorded()
    metrics = json.loads(host.cli("metrics", "--json").stdout)
    assert (int(metrics["tickets"]), metrics["strategies"]) == (0, [])
    changed = host.cli("replay", "--definitions", str(host.directory / "daemon" / "definitions"), "--since", "1h")
    assert "0 faults" in changed.stdout
    assert host.daemon.stop() == 0
    assert host.daemon.record("SELECT mode, ended_as, planned FROM tickets") == [("test", "recovered", True)] * 2
    assert host.daemon.record("SELECT count(*) FROM strategy_scores") == [(0,)]
    [(action, subject, detail)] = host.daemon.acts_of_people("action, subject, detail")
    assert (action, subject, json.loads(detail)["rule"]) == ("test", "diary", "diary-torn")


def test_a_caller_who_is_killed_leaves_nothing_behind(host: Host) -> None:
    host.events("--rule", "shop-died", "--strategy", "restart", "--repeat=1", "--triggers=0", code=0)
    environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": host.daemon.address}
    waits = host.directory / "waits"
    broken = f"touch {waits}; exec sleep 86400"
    command = [sys.executable, "-m", "error_cli", "test", "--rule", "shop-died", "--yes", "--break", broken]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, start_new_session=True) as caller:
        eventually("it breaks the target", waits.exists)
        assert "is being tested already" in host.cli("test", "--rule", "shop-died", "--yes").stderr
        os.killpg(caller.pid, signal.SIGKILL)
    events = eventually("the target is free again", lambda: _free(host))
    assert verdict(events) == "idempotent"


def test_a_daemon_that_is_told_to_stop_does_not_wait_for_the_word_of_a_tester(host: Host) -> None:
    stream = iter(host.daemon.recovery.TestRecovery(recovery_pb2.TestRecoveryRequest(rule="shop-died")))
    assert [next(stream).awaits for _ in range(2)] == [0, 1]
    assert host.daemon.stop() == 0
    with pytest.raises(grpc.RpcError) as ended:
        next(stream)
    assert "about to stop" in str(ended.value)


def _free(host: Host) -> list[dict[str, Any]] | None:
    done = host.cli("test", "--rule", "shop-died", "--repeat=1", "--yes", "--json")
    return [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else None


def test_the_daemon_killed_in_the_middle_of_a_pass_looks_first_when_it_is_back(host: Host) -> None:
    (host.directory / "append.sh").write_text(f"echo x >> {host.directory}/appended; exec sleep 86400\n")
    environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": host.daemon.address}
    command = [sys.executable, "-m", "error_cli", "test", "--target", "diary", "--yes"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as caller:
        eventually("the strategy runs", lambda: host.lines("appended"))
        host.daemon.kill()
        _, said = caller.communicate(timeout=60)
    assert caller.returncode in (3, 6), said
    host.daemon.start()
    [error] = eventually("it knows the error", lambda: _errors(host))
    host.daemon.wait_for_state(error, "watching")
    assert host.lines("appended") == ["x"], "its target was found well, and nothing was done"


def _errors(host: Host) -> list[str]:
    listed = json.loads(host.cli("errors", "list", "--json").stdout)
    return [error["error_id"] for error in listed["errors"]]
