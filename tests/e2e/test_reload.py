"""Other definitions for a real daemon, in the middle of its work."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, a_fault, journal, journal_scripts, running
from tests.waiting import eventually


def definitions(
    scripts: dict[str, Path], strategy: str = "heal", targets: tuple[str, ...] = ("db", "web"), more: str = ""
) -> str:
    named = "\n".join(f"  {name}: {{kind: service, probes: [{name}]}}" for name in targets)
    probes = "\n".join(f"  {name}: {{kind: exec, command: [{SH}, {scripts['look']}, {name}]}}" for name in targets)
    rest = f"mode: auto, ladder: {{1: [{strategy}], 3: [{strategy}]}}, stability_window: 1h{more}"
    rules = "\n".join(f"  - {{id: {name}, when: {{target: {name}}}, target: {name}, {rest}}}" for name in targets)
    return f"""
version: 1
targets:
{named}
probes:
{probes}
strategies:
  {strategy}: {{kind: exec, command: [{SH}, {scripts[strategy]}], timeout: 60s}}
rules:
{rules}
"""


class Host:
    def __init__(self, directory: Path, strategy: str = "heal") -> None:
        self.directory = directory
        self.scripts = dict(journal_scripts(directory))
        self.daemon = DaemonProcess(directory / "daemon", definitions(self.scripts, strategy))
        self.file = directory / "daemon" / "definitions" / "test.yaml"

    def write(self, text: str) -> None:
        """As an editor does: never half of it."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)

    def reload(self, *arguments: str, code: int = 0) -> Any:
        environment = {**os.environ, "ERROR_RECOVERY_ADDRESS": self.daemon.address, "NO_COLOR": "1"}
        command = [sys.executable, "-m", "error_cli", "reload", "--json", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    def hang_up(self) -> None:
        assert self.daemon.process is not None
        self.daemon.process.send_signal(signal.SIGHUP)

    def said(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.daemon.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line.get("event") == event]


def test_a_reload_while_an_attempt_runs_leaves_it_alone_and_the_next_goes_by_the_new(tmp_path: Path) -> None:
    host = Host(tmp_path, "heal-slowly")
    with running(host.daemon) as daemon:
        before = daemon.status()
        first = daemon.report(a_fault(target="web")).error_id
        eventually("it runs", lambda: journal(tmp_path))
        daemon.recovery.Pause(recovery_pb2.PauseRequest(target="web"))
        host.write(definitions(host.scripts, "heal", ("db", "shop")))
        trial = host.reload("--dry-run")
        assert not trial.get("is_in_force")
        assert daemon.status().definitions_digest == before.definitions_digest
        said = host.reload()
        assert (said["is_in_force"], said["attempts_running"]) == (True, 1)
        assert said["changes"] == trial["changes"]
        assert said["pauses_dropped"] == ["web"]
        kinds = {(change["how"], change["kind"], change["name"]) for change in said["changes"]}
        assert {
            ("removed", "target", "web"),
            ("added", "target", "shop"),
            ("removed", "strategy", "heal-slowly"),
        } <= kinds
        after = daemon.status()
        assert after.definitions_digest == said["definitions_digest"] != before.definitions_digest
        assert after.definitions_loaded_at > before.definitions_loaded_at
        (tmp_path / "go").touch()
        assert daemon.wait_for_state(first, "watching", "failed").state == "watching", "seen by the probe that is gone"
        second = daemon.report(a_fault(target="shop")).error_id
        daemon.wait_for_state(second, "watching")
        with pytest.raises(grpc.RpcError, match="no target 'web' is defined"):
            daemon.report(a_fault("again", target="web"))
        daemon.wait_until_recorded()
        assert [attempt.strategy_id for attempt in daemon.history()] == ["heal-slowly", "heal"]
        assert daemon.stop() == 0
    acts = daemon.acts_of_people("actor, action, subject")
    assert [act[1:] for act in acts] == [("pause", "web"), ("resume", "web"), ("reload", "definitions")]
    assert acts[-1][0].endswith("(as they say)")
    assert json.loads((daemon.state / "pauses.json").read_text()) == []


def test_wrong_definitions_change_nothing_and_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    host = Host(tmp_path)
    with running(host.daemon) as daemon:
        before = daemon.status().definitions_digest
        host.write(
            definitions(host.scripts).replace("probes: [web]", "probes: [wep]").replace("mode: auto", "mode: autos")
        )
        answer = host.reload(code=5)
        assert not answer.get("is_in_force")
        assert {problem["line"] for problem in answer["problems"]} >= {5}
        assert all(problem["file"].endswith("test.yaml") for problem in answer["problems"])
        host.hang_up()
        eventually("the signal is answered", lambda: len(host.said("reload_refused")) == 2)
        eventually("all is said", lambda: len(host.said("definition_problem")) == 2 * len(answer["problems"]))
        assert daemon.status().definitions_digest == before
        error_id = daemon.report(a_fault(target="web")).error_id
        daemon.wait_for_state(error_id, "watching")
        host.write(definitions(host.scripts, more=", severity: high"))
        assert host.reload()["is_in_force"], "mended, it is taken"


def test_the_same_again_is_no_change_and_settings_that_need_a_restart_are_named(tmp_path: Path) -> None:
    host = Host(tmp_path)
    with running(host.daemon) as daemon:
        host.write("# a comment\n" + definitions(host.scripts))
        config = tmp_path / "daemon" / "recovery.conf"
        config.write_text(config.read_text().replace("worker_threads = 2", "worker_threads = 3\nring.low_slots = 77"))
        before = daemon.status().definitions_digest
        said = host.reload()
        assert said["is_in_force"]
        assert not said["changes"]
        assert said["settings_to_restart"] == ["worker_threads", "ring.low_slots"]
        assert daemon.status().definitions_digest == before


def test_kill_9_right_after_a_reload_starts_with_the_new_ones(tmp_path: Path) -> None:
    host = Host(tmp_path, "heal-slowly")
    with running(host.daemon) as daemon:
        error_id = daemon.report(a_fault(target="web")).error_id
        eventually("it runs", lambda: journal(tmp_path))
        host.write(definitions(host.scripts, "heal"))
        digest = host.reload()["definitions_digest"]
        daemon.kill()
    with running(host.daemon) as daemon:
        assert daemon.status().definitions_digest == digest
        daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()
        assert daemon.history(error_id)[-1].strategy_id == "heal"
    targets = [line[0] for line in journal(tmp_path) if line[1] == "web"]
    assert "P" in targets[targets.index("A") + 1 :], "it was looked at before anything was run again"


def test_ten_signals_under_load_lose_nothing(tmp_path: Path) -> None:
    host = Host(tmp_path)
    acknowledged: list[str] = []
    stop = threading.Event()

    def load() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            fingerprint = f"f{number}"
            acknowledged.append(
                host.daemon.report(a_fault(target=("db", "web")[number % 2], fingerprint=fingerprint)).error_id
            )

    with running(host.daemon) as daemon:
        thread = threading.Thread(target=load)
        thread.start()
        try:
            for number in range(10):
                host.write(definitions(host.scripts, more=f", verify: {{within: {number + 1}s}}"))
                host.hang_up()
                if number % 3 == 0:
                    eventually("it was taken", lambda: _verify_within(host) == number + 1)  # noqa: B023
        finally:
            stop.set()
            thread.join()
        eventually("the last was taken", lambda: _verify_within(host) == 10)
        eventually("all tickets have ended", lambda: daemon.status().tickets_open == 0)
        assert dict(daemon.status().errors_by_state) == {"watching": len(set(acknowledged))}  # there may be thousands
        daemon.wait_until_recorded()
        assert daemon.stop() == 0
    assert len(acknowledged) > 20
    assert len(daemon.record("SELECT error_id FROM errors")) == len(set(acknowledged))
    assert not host.said("bug")


def _verify_within(host: Host) -> int:
    """By what the last reload is said to have changed: nothing between the file and what is in force."""
    trial = host.reload("--dry-run")
    return 0 if trial.get("changes") else int(host.file.read_text().partition("within: ")[2].partition("s")[0])


def test_systemd_is_told_when_a_reload_begins_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.bind(path)
        notified.settimeout(60.0)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        host = Host(tmp_path)
        with running(host.daemon):
            assert b"READY=1" in notified.recv(4096)
            host.hang_up()
            begun = notified.recv(4096)
            assert begun.startswith(b"RELOADING=1\nMONOTONIC_USEC=")
            assert b"READY=1" in notified.recv(4096)
