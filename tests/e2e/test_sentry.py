"""Sentry's own SDKs, with nothing but the DSN changed: what they report ends as a verified recovery of a real target."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import DaemonProcess, journal, journal_scripts, one_target, running
from tests.e2e.secured import free_port
from tests.node_packages import NODE, needs_node, node_modules
from tests.waiting import eventually

HERE = Path(__file__).parent
RULE = "{id: shop, when: {source: 'sentry/*', component: %s}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"


def daemon_at(directory: Path, component: str) -> DaemonProcess:
    definitions = one_target(dict(journal_scripts(directory)), [RULE % component])
    return DaemonProcess(directory / "daemon", definitions, http=f"127.0.0.1:{free_port()}")


def recovered(daemon: DaemonProcess) -> recovery_pb2.Error:
    """The one error there is, when its recovery was verified."""
    listed = recovery_pb2.ListErrorsRequest()
    [error] = eventually("the fault is known", lambda: list(daemon.recovery.ListErrors(listed).errors))
    daemon.wait_for_state(error.error_id, "watching")
    daemon.wait_until_recorded()
    return daemon.error(error.error_id)


def run(command: list[str], **environment: str) -> None:
    subprocess.run(command, env={**os.environ, **environment}, timeout=60, check=False, capture_output=True)


@pytest.mark.parametrize(
    ("how", "exception", "message"),
    [
        ("captured", "json.decoder.JSONDecodeError", ""),
        ("uncaught", "json.decoder.JSONDecodeError", ""),
        ("thread", "json.decoder.JSONDecodeError", ""),
        ("logged", "", "the stock is rubbish"),
    ],
)
def test_what_sentry_sdk_reports_of_a_python_program_is_recovered(
    tmp_path: Path, how: str, exception: str, message: str
) -> None:
    daemon = daemon_at(tmp_path, "shop-web")
    with running(daemon):
        run([sys.executable, str(HERE / "sentry_shop.py"), f"http://any@{daemon.http}/shop-web/1", how])
        error = recovered(daemon)
        assert error.fault.exception.type == exception
        assert message in error.message
        assert "Its fault was reported by sentry/python." in daemon.explained(error.error_id)
    assert [line[0] for line in journal(tmp_path)].count("A") == 1
    assert (tmp_path / "well" / "t").exists()


def test_a_job_that_fails_is_recovered(tmp_path: Path) -> None:
    daemon = daemon_at(tmp_path, "backup")
    with running(daemon):
        run([sys.executable, str(HERE / "sentry_shop.py"), f"http://any@{daemon.http}/1", "job"])
        listed = recovery_pb2.ListErrorsRequest(component="backup")
        [error] = eventually("the job's fault is known", lambda: list(daemon.recovery.ListErrors(listed).errors))
        assert error.message == "the job backup in production has failed"
        daemon.wait_for_state(error.error_id, "watching")


@needs_node("sentry_node")
@pytest.mark.parametrize("how", ["captured", "uncaught"])
def test_what_sentry_node_reports_is_recovered(tmp_path: Path, how: str) -> None:
    assert NODE is not None
    daemon = daemon_at(tmp_path, "shop-js")
    with running(daemon):
        program = [NODE, str(HERE / "sentry_node/shop.mjs"), f"http://any@{daemon.http}/1", how]
        run(program, NODE_PATH=str(node_modules("sentry_node")))
        error = recovered(daemon)
        assert error.fault.exception.type == "SyntaxError"
        assert "Its fault was reported by sentry/node." in daemon.explained(error.error_id)
