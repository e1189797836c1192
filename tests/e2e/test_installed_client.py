"""A Python application with only `error_recovery.install(...)` added, against a real daemon."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import error_recovery
from error_recovery.recoveries import recoveries
from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import SH, DaemonProcess, journal, journal_scripts, one_target, running
from tests.waiting import eventually

APPLICATION = Path(__file__).parent / "installed_shop.py"
RULE = "{id: shop, when: {source: client/python, component: shop}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"
_ALL = recovery_pb2.ListErrorsRequest()


def daemon_at(directory: Path) -> DaemonProcess:
    return DaemonProcess(directory / "daemon", one_target(dict(journal_scripts(directory)), [RULE]))


def run(daemon: DaemonProcess, directory: Path, how: str) -> None:
    command = [sys.executable, str(APPLICATION), daemon.address, str(directory / "spool"), how]
    ran = subprocess.run(command, timeout=90, check=False, capture_output=True, text=True)
    assert ran.returncode == (1 if how == "main" else 0)
    assert "ConnectionError: the stock does not answer" in ran.stderr


def recovered(daemon: DaemonProcess, directory: Path) -> recovery_pb2.Error:
    """The one error there is, when its recovery was verified."""
    [error] = eventually("the fault is known", lambda: list(daemon.recovery.ListErrors(_ALL).errors))
    daemon.wait_for_state(error.error_id, "watching")
    daemon.wait_until_recorded()
    assert (directory / "well" / "t").exists()
    assert [line[0] for line in journal(directory)].count("A") == 1
    assert "Its fault was reported by client/python." in daemon.explained(error.error_id)
    return daemon.error(error.error_id)


@pytest.mark.parametrize(
    ("how", "way"), [("thread", "threads"), ("main", "main"), ("fork", "processes"), ("spawn", "processes")]
)
def test_what_nobody_handles_is_a_verified_recovery(tmp_path: Path, how: str, way: str) -> None:
    daemon = daemon_at(tmp_path)
    with running(daemon):
        run(daemon, tmp_path, how)
        error = recovered(daemon, tmp_path)
    assert error.fault.exception.type == "ConnectionError"
    assert error.fault.context.environment == "test"
    assert error.fault.context.attributes["error_recovery.way"] == way
    assert "Source of sell (" in error.fault.exception.stack_trace


@pytest.mark.parametrize("how", ["main", "fork", "spawn"])
def test_an_application_that_ended_while_the_daemon_was_down_is_recovered_when_both_are_back(
    tmp_path: Path, how: str
) -> None:
    daemon = daemon_at(tmp_path)
    run(daemon, tmp_path, how)
    with running(daemon):
        next_one = error_recovery.Reporter(daemon.address, "next", spool_dir=tmp_path / "spool")
        next_one.report("it starts", component="elsewhere")
        assert next_one.flush(60)
        error = eventually(
            "the fault of the one before is known",
            lambda: next(
                (error for error in daemon.recovery.ListErrors(_ALL).errors if error.component == "shop"), None
            ),
        )
        daemon.wait_for_state(error.error_id, "watching")
        next_one.close()
    assert (tmp_path / "well" / "t").exists()


def test_what_is_reported_while_the_daemon_is_down_arrives_in_order_when_it_is_back(tmp_path: Path) -> None:
    daemon = daemon_at(tmp_path)
    with running(daemon):
        reporter = error_recovery.Reporter(daemon.address, "elsewhere", spool_dir=tmp_path / "spool")
        reporter.report("fault 0", fingerprint="0")
        assert reporter.flush(60)
        daemon.kill()
        for number in range(1, 30):
            reporter.report(f"fault {number}", fingerprint=str(number))
        assert not reporter.flush(0.1)
        daemon.start()
        assert reporter.flush(60)
        daemon.wait_until_recorded()
        reporter.close()
        assert daemon.stop() == 0
    rows = daemon.record("SELECT message FROM faults ORDER BY received_at")
    assert [message for (message,) in rows] == [f"fault {number}" for number in range(30)]


@pytest.fixture
def no_handlers_left() -> Iterator[None]:
    yield
    error_recovery.uninstall()
    recoveries.clear()


@pytest.mark.usefixtures("no_handlers_left")
def test_handlers_registered_by_type_of_exception_are_run_by_a_rule_for_all_and_by_one_for_their_strategy(
    tmp_path: Path,
) -> None:
    scripts = dict(journal_scripts(tmp_path))
    definitions = f"""
version: 1
targets:
  a: {{kind: application, probes: [look-a]}}
  b: {{kind: application, probes: [look-b]}}
probes:
  look-a: {{kind: exec, command: [{SH}, {scripts["look"]}, a]}}
  look-b: {{kind: exec, command: [{SH}, {scripts["look"]}, b]}}
strategies:
  its-own: {{kind: handler, application: shop, handler: "${{fault.attributes.error_recovery.handler}}", timeout: 10s}}
  reconnect: {{kind: handler, application: shop, handler: reopen, timeout: 10s}}
rules:
  - id: wants-to-reconnect
    when: {{attributes: {{error_recovery.strategy: reconnect}}}}
    target: a
    mode: auto
    ladder: {{1: [reconnect]}}
    verify: {{within: 20ms}}
  - id: has-a-handler
    when: {{attributes: {{error_recovery.handler: "?*"}}}}
    target: b
    mode: auto
    ladder: {{1: [its-own]}}
    verify: {{within: 20ms}}
"""
    daemon = DaemonProcess(tmp_path / "daemon", definitions)

    @error_recovery.recovers(ConnectionError, strategy="reconnect")
    def reopen(request: error_recovery.Request) -> None:
        assert request.fault.exception.type == "BrokenPipeError"
        (tmp_path / "well" / "a").touch()

    with running(daemon):
        error_recovery.install("shop", address=daemon.address, spool_dir=tmp_path / "spool", ways=())
        eventually("the application is attached", lambda: "shop" in daemon.status().applications)

        @error_recovery.recovers(LookupError)
        async def refill(request: error_recovery.Request) -> None:
            assert request.fault.exception.type == "KeyError"
            (tmp_path / "well" / "b").touch()

        for failure in (BrokenPipeError("gone"), KeyError("order")):
            with pytest.raises((BrokenPipeError, KeyError)), error_recovery.guard(operation="sell"):
                raise failure
        assert error_recovery.flush(60)
        errors = eventually(
            "both are known", lambda: (found := list(daemon.recovery.ListErrors(_ALL).errors))[1:] and found
        )
        for error in errors:
            daemon.wait_for_state(error.error_id, "watching")
        daemon.wait_until_recorded()
        attempts = {(attempt.strategy_id, attempt.outcome, attempt.verdict) for attempt in daemon.history()}
    assert attempts == {("reconnect", "completed", "recovered"), ("its-own", "completed", "recovered")}


def test_the_example_of_an_own_application_is_recovered_by_its_own_handler(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "own_application"
    definitions = (example / "definitions" / "shop.yaml").read_text().replace("/run/shop", str(tmp_path))
    daemon = DaemonProcess(tmp_path / "daemon", definitions)
    with running(daemon):
        ran = subprocess.run(
            [sys.executable, str(example / "shop.py"), str(tmp_path)],
            env={
                **os.environ,
                "ERROR_RECOVERY_ADDRESS": daemon.address,
                "ERROR_RECOVERY_SPOOL": str(tmp_path / "spool"),
            },
            timeout=90,
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.stdout == "sold\nasked to recover from: the connection to the stock is lost\nsold\n"
        assert ran.returncode == 0
        [error] = daemon.recovery.ListErrors(_ALL).errors
        daemon.wait_for_state(error.error_id, "watching")
