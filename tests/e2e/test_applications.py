"""An application with the client library, against a real daemon: handlers, and faults while the daemon is away."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import error_recovery
from error_recovery import Reporter
from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, a_fault, journal_scripts, running
from tests.waiting import eventually

_ALL = recovery_pb2.ListErrorsRequest()
OBSERVE = "version: 1\nrules:\n  - {id: all, when: {}, ladder: {1: [look]}}\nstrategies:\n  look: {kind: retry}\n"


def definitions(scripts: dict[str, Path]) -> str:
    return f"""
version: 1
targets:
  t: {{kind: application, probes: [look]}}
probes:
  look: {{kind: exec, command: [{SH}, {scripts["look"]}, t]}}
strategies:
  ask: {{kind: handler, application: shop, handler: heal, timeout: 10s}}
  ask-in-vain: {{kind: handler, application: nobody, handler: heal, timeout: 10s}}
rules:
  - {{id: ask, when: {{component: shop}}, target: t, mode: auto, ladder: {{1: [ask-in-vain], 2: [ask]}}, verify: {{within: 20ms}}}}
"""


def test_a_handler_of_the_application_recovers_it_and_one_that_is_not_attached_is_refused(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(dict(journal_scripts(tmp_path))))
    asked: list[error_recovery.Request] = []

    def heal(request: error_recovery.Request) -> bool:
        asked.append(request)
        (tmp_path / "well" / "t").touch()
        return True

    with running(daemon):
        attachment = error_recovery.attach({"heal": heal}, application="shop", address=daemon.address)
        reporter = Reporter(daemon.address, component="shop", spool_dir=tmp_path / "spool")
        try:
            eventually("the application is attached", lambda: "shop" in daemon.status().applications)
            try:
                raise ValueError("the stock is rubbish")
            except ValueError:
                reporter.capture(type="data")
            assert reporter.flush(30)
            [error] = eventually("the fault is known", lambda: list(daemon.recovery.ListErrors(_ALL).errors))
            daemon.wait_for_state(error.error_id, "watching")
            daemon.wait_until_recorded()
            outcomes = [(attempt.strategy_id, attempt.outcome) for attempt in daemon.history(error.error_id)]
        finally:
            reporter.close()
            attachment.close()

    assert outcomes == [("ask-in-vain", "refused"), ("ask", "completed")]
    [request] = asked
    assert request.level == 2
    assert request.fault.exception.type.endswith("ValueError")
    assert "the stock is rubbish" in request.fault.exception.stack_trace


def test_sigterm_waits_for_a_handler_that_is_running(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", definitions(dict(journal_scripts(tmp_path))))
    asked, go = threading.Event(), threading.Event()

    def heal(_request: error_recovery.Request) -> bool:
        asked.set()
        assert go.wait(60)
        (tmp_path / "well" / "t").touch()
        return True

    with running(daemon), error_recovery.attach({"heal": heal}, application="shop", address=daemon.address):
        eventually("the application is attached", lambda: "shop" in daemon.status().applications)
        daemon.report(a_fault(context=fault_pb2.Context(component="shop")))
        assert asked.wait(60)
        assert daemon.process is not None
        daemon.process.terminate()
        eventually("the daemon is draining", lambda: '"draining"' in daemon.log.read_text())
        go.set()
        assert daemon.stop() == 0
    assert daemon.record("SELECT outcome, verdict FROM attempts WHERE strategy_id = 'ask'") == [
        ("completed", "recovered")
    ]


def test_faults_reported_while_the_daemon_is_away_arrive_when_it_is_back(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", OBSERVE)
    with running(daemon):
        reporter = Reporter(daemon.address, component="shop", spool_dir=tmp_path / "spool")
        reporter.report("before")
        assert reporter.flush(30)
        daemon.kill()
        for number in range(50):
            reporter.report("while it was away", fingerprint=f"f{number}")
        daemon.start()
        assert reporter.flush(60)
        reporter.close()
        assert daemon.status().errors_known == 51
        assert reporter.stats.dropped == 0


def test_what_an_application_that_was_killed_had_spooled_is_sent_by_the_next_one(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "daemon", OBSERVE)
    program = (
        "import os, signal, error_recovery\n"
        f"error_recovery.configure({daemon.address!r}, 'shop', spool_dir={str(tmp_path / 'spool')!r})\n"
        "error_recovery.report('its last words')\n"
        "error_recovery.flush(0.5)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    with running(daemon):
        reporter = Reporter(daemon.address, component="shop", spool_dir=tmp_path / "spool")
        reporter.report("the next one starts")
        eventually("both have arrived", lambda: daemon.status().errors_known == 2)
        reporter.close()
