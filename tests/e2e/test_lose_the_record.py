"""The record's process killed, its file damaged: recoveries go on, and it is said loudly."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import psutil

from tests.e2e.daemon_process import DaemonProcess, a_fault, journal_scripts, one_target, running
from tests.waiting import eventually

RULE = "{id: heal-it, when: {component: test}, target: t, mode: auto, ladder: {1: [heal]}}"


def definitions(scripts: Mapping[str, Path]) -> str:
    return one_target(scripts, [RULE])


def writer_of(daemon: DaemonProcess) -> psutil.Process:
    assert daemon.process is not None
    children = psutil.Process(daemon.process.pid).children()
    [writer] = [child for child in children if "error_daemon.store.writer" in child.cmdline()]
    return writer


def said(daemon: DaemonProcess, event: str) -> list[str]:
    lines = [json.loads(line) for line in daemon.log.read_text().splitlines()]
    return [str(line.get("problem", "")) for line in lines if line["event"] == event]


def test_a_killed_writer_is_started_again_and_nothing_is_lost_or_held_up(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    with running(daemon):
        error_ids = []
        for number in range(3):
            killed = writer_of(daemon)
            killed.kill()
            (tmp_path / "well" / "t").unlink(missing_ok=True)
            error_ids.append(daemon.report(a_fault(f"kind {'abc'[number]}")).error_id)
            daemon.wait_for_state(error_ids[-1], "watching")
            eventually("the record is written again", lambda: daemon.status().store.available)
            daemon.wait_until_recorded()
            assert writer_of(daemon).pid != killed.pid
        eventually("it is logged", lambda: len(said(daemon, "record")) >= 3)
        assert daemon.stop() == 0
    assert {row[0] for row in daemon.record("SELECT error_id FROM errors WHERE recovered_at > 0")} == set(error_ids)


def test_a_damaged_record_is_put_aside_loudly_and_begun_anew(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(journal_scripts(tmp_path)))
    daemon.state.mkdir(parents=True)
    (daemon.state / "recovery.duckdb").write_bytes(b"this is no database" * 1000)
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()
        eventually("it is logged", lambda: any("damaged" in problem for problem in said(daemon, "record")))
        assert daemon.stop() == 0
    assert list(daemon.state.glob("recovery.duckdb.damaged-*"))
    assert daemon.record("SELECT error_id FROM errors") == [(error_id,)]
