"""A real daemon says how it is, and sees what becomes wrong while it runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, a_fault, running
from tests.waiting import eventually

DEFINITIONS = """
version: 1
targets: {web: {kind: service, probes: well}}
probes: {well: {kind: file, path: /}}
strategies: {cure: {kind: exec, command: ["true"]}}
rules: [{id: web, when: {component: test}, target: web, ladder: {3: cure}, mode: auto}]
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    with running(DaemonProcess(tmp_path / "host", DEFINITIONS)) as daemon:
        yield daemon


def found(daemon: DaemonProcess) -> dict[tuple[str, str], recovery_pb2.Diagnostic]:
    answer = daemon.recovery.Diagnose(recovery_pb2.DiagnoseRequest(), timeout=30)
    return {(one.area, one.name): one for one in answer.diagnostics}


def asked(daemon: DaemonProcess, *options: str) -> tuple[int, dict[str, Any]]:
    config = str(daemon.directory / "recovery.conf")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "error_cli",
            "--address",
            daemon.address,
            "diagnose",
            "--config",
            config,
            "--json",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def test_every_area_answers_for_a_daemon_that_is_well(daemon: DaemonProcess) -> None:
    daemon.report(a_fault())
    eventually("it is recovered", lambda: found(daemon)["lag", "fault to recovery"].figures.get("samples"))
    seen = found(daemon)
    areas = {area for area, _ in seen}
    assert areas >= {
        "brakes",
        "workers",
        "store",
        "ring",
        "lag",
        "definitions",
        "learning",
        "log",
        "installation",
        "limits",
    }
    assert areas >= {"host", "permissions", "systemd"}
    assert not [name for name in seen if name[1] == "diagnosis"]
    for name in (
        ("workers", "ready"),
        ("store", "writer"),
        ("ring", "high"),
        ("definitions", "files"),
        ("permissions", "state"),
    ):
        assert seen[name].standing == "good", seen[name]
    assert seen["workers", "ready"].figures["ready"] == 2.0


def test_it_sees_what_becomes_wrong(daemon: DaemonProcess) -> None:
    definitions = daemon.directory / "definitions" / "test.yaml"
    definitions.write_text(DEFINITIONS.replace("ladder: {3: cure}", "ladder: {3: curr}"))
    definitions.chmod(0o646)
    os.chmod(daemon.state, 0o777)
    daemon.recovery.Pause(recovery_pb2.PauseRequest(target="web", reason="maintenance", by="ann"))
    seen = found(daemon)
    assert seen["definitions", "files"].standing == "bad"
    assert "no strategy is called `curr`" in seen["definitions", "files"].says
    assert seen["permissions", "configuration"].standing == "bad"
    assert seen["permissions", "state"].standing == "bad"
    assert seen["brakes", "pause web"].standing == "notice"


def test_error_cli_ends_with_1_when_something_is_bad_and_when_nobody_answers(daemon: DaemonProcess) -> None:
    definitions = daemon.directory / "definitions" / "test.yaml"
    definitions.write_text("version: 2\n")
    code, told = asked(daemon)
    assert (code, told["answers"]) == (1, True)
    assert daemon.stop() == 0
    code, told = asked(daemon)
    assert (code, told["answers"]) == (1, False)
    first, *others = told["diagnostics"]
    assert (first["area"], first["name"], first["standing"]) == ("daemon", "answer", "bad")
    standing = {(one["area"], one["name"]): one["standing"] for one in others}
    assert standing["definitions", "files"] == "bad"
    assert standing["daemon", "ring"] == "good"
    assert standing["store", "disk"] == "good"


def test_a_daemon_that_hangs_is_seen_by_its_lock_and_its_socket(daemon: DaemonProcess) -> None:
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    code, told = asked(daemon, "--timeout", "1s")
    daemon.process.send_signal(signal.SIGCONT)
    says = {one["name"]: one["says"] for one in told["diagnostics"] if one["area"] == "daemon"}
    assert code == 1
    assert "did not answer within 1 s" in says["answer"]
    assert f"(pid {daemon.process.pid}) has " in says["ring"]
    assert says["address"] == f"somebody listens at {daemon.address}"
