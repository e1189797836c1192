"""What a running daemon logs, where, and that recoveries go on without it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, a_fault, journal_scripts, one_target, running
from tests.waiting import eventually

RULE = "{id: quick, when: {component: test}, target: t, mode: auto, ladder: {1: [heal]}, stability_window: 1h}"


def definitions(scripts: Mapping[str, Path]) -> str:
    return one_target(scripts, [RULE])


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_the_log_of_a_unit_has_the_whole_way_from_fault_to_verdict(tmp_path: Path) -> None:
    daemon = DaemonProcess(
        tmp_path / "daemon",
        definitions(journal_scripts(tmp_path)),
        "lag_threshold = '1ms'\nlog.heartbeat = '50ms'",
    )
    (tmp_path / "log").mkdir()
    daemon.environment["LOGS_DIRECTORY"] = str(tmp_path / "log")
    log = tmp_path / "log" / "recovery.log"
    with running(daemon):
        error_id = daemon.report(a_fault("password=hunter2hunter2 was refused")).error_id
        daemon.wait_for_state(error_id, "watching")
        daemon.recovery.Pause(recovery_pb2.PauseRequest(reason="maintenance", by="bob"), timeout=10)
        eventually("a heart has beaten", lambda: any(line["event"] == "heartbeat" for line in lines_of(log)))
        status = daemon.status()
        assert daemon.stop() == 0
    lines = lines_of(log)
    trace = [line for line in lines if line.get("error_id") == error_id]
    assert [line["event"] for line in trace] == [
        "fault",
        "decision",
        "attempt",
        "ticket_ended",
        "ERR_LAG_THRESHOLD_EXCEEDED",
    ]
    assert len({line["ticket_id"] for line in trace}) == 1
    assert trace[-1]["lag_s"] > trace[-1]["threshold_s"] == 0.001
    [act] = [line for line in lines if line["level"] == "user_action"]
    assert (act["event"], act["by"], act["reason"]) == (
        "pause",
        f"uid {os.getuid()}, as bob (as they say)",
        "maintenance",
    )
    assert lines[-1]["event"] == "stopped"
    assert "hunter2" not in log.read_text()
    assert (status.log.file, status.log.lines_lost, status.log.problem) == (str(log), 0, "")
    assert status.log.lines >= 5
    assert status.log.survives_kill


def test_at_level_critical_a_recovery_is_no_line(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    daemon.environment["LOG_LEVEL"] = "CRITICAL"
    with running(daemon):
        daemon.wait_for_state(daemon.report(a_fault()).error_id, "watching")
        assert daemon.stop() == 0
    assert daemon.log.read_text() == ""


@pytest.mark.parametrize("file", ["/dev/full", "/nowhere/recovery.log"])
def test_recoveries_go_on_when_the_log_cannot_be_written(tmp_path: Path, file: str) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)), f"log.file = '{file}'")
    with running(daemon):
        daemon.wait_for_state(daemon.report(a_fault()).error_id, "watching")
        eventually("status says so", lambda: "cannot be written" in daemon.status().log.problem)
        eventually("lines go elsewhere", lambda: '"ticket_ended"' in daemon.log.read_text())
        assert daemon.status().log.lines_lost == 0
        assert daemon.stop() == 0
    assert daemon.log.read_text().count("log_file_unwritable") == 1


def test_lines_before_a_kill_9_are_in_the_log_of_the_next_daemon(tmp_path: Path) -> None:
    log = tmp_path / "recovery.log"
    settings = f"log.file = '{log}'\nlog.flush_interval = '10s'"
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)), settings)
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        daemon.wait_for_state(error_id, "watching")
        daemon.kill()
    assert not any(line["event"] == "ticket_ended" for line in lines_of(log))
    with running(daemon):
        assert daemon.stop() == 0
    events = [line["event"] for line in lines_of(log)]
    assert events.count("attempt") == 1  # from before: the next daemon looked first, and did nothing
    assert "log_lines_of_the_last_run" in events


def test_the_record_has_how_the_host_was_when_an_attempt_was_made(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()
        [attempt] = daemon.history(error_id)
        assert daemon.stop() == 0
    [(attempts, document)] = daemon.record("SELECT attempts, document FROM system_states")
    assert json.loads(attempts) == [attempt.attempt_id]
    assert json.loads(document).keys() == {"hardware", "load", "memory", "pressure", "gpus", "processes"}
