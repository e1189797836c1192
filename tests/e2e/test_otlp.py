"""OpenTelemetry's own SDKs, with nothing but the address changed: what they export ends as a verified recovery of a real target."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from error_recovery.v1 import recovery_pb2
from tests.e2e.daemon_process import PATIENCE_S, DaemonProcess, journal, journal_scripts, one_target, running
from tests.e2e.secured import free_port
from tests.node_packages import NODE, needs_node, node_modules
from tests.waiting import eventually

HERE = Path(__file__).parent
RULE = "{id: shop, when: {source: otlp/%s, component: shop}, target: t, mode: auto, ladder: {1: [heal]}, verify: {within: 20ms}}"
PYTHON = (sys.executable, str(HERE / "otlp_shop.py"))
JAVASCRIPT = (NODE or "", str(HERE / "otlp_node/shop.mjs"))


WAITING = "{id: shop, when: {component: shop}, target: t, mode: approve, ladder: {1: [heal]}}"
SLOTS, MORE = 12, 8


def daemon_at(directory: Path, rule: str, settings: str = "") -> DaemonProcess:
    definitions = one_target(dict(journal_scripts(directory)), [rule])
    listen, http = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    return DaemonProcess(directory / "daemon", definitions, settings, listen=listen, http=http)


def begin(*command: str, endpoint: str) -> subprocess.Popen[str]:
    """An application."""
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{endpoint}",
        "NODE_PATH": str(node_modules("otlp_node")),
    }
    pipe = subprocess.PIPE
    return subprocess.Popen(command, env={**os.environ, **environment}, stdout=pipe, stderr=pipe, text=True)


def run(*command: str, endpoint: str) -> None:
    """To its end. Neither it nor its exporter has anything to complain of."""
    with begin(*command, endpoint=endpoint) as application:
        said = application.communicate(timeout=PATIENCE_S)
        assert (application.returncode, *said) == (0, "", "")


def recovered(daemon: DaemonProcess, signal: str) -> recovery_pb2.Error:
    """The one error there is, when its recovery was verified."""
    listed = recovery_pb2.ListErrorsRequest()
    [error] = eventually("the fault is known", lambda: list(daemon.recovery.ListErrors(listed).errors))
    daemon.wait_for_state(error.error_id, "watching")
    daemon.wait_until_recorded()
    assert f"Its fault was reported by otlp/{signal}." in daemon.explained(error.error_id)
    return daemon.error(error.error_id)


def check(error: recovery_pb2.Error, signal: str, directory: Path, exception: str) -> None:
    context = error.fault.context
    assert (context.component, context.node, context.environment) == ("shop", "node-7", "test")
    assert context.operation == {"logs": "shop.checkout", "traces": "checkout"}[signal]
    assert context.attributes["resource.service.namespace"] == "web"
    assert (error.fault.exception.type, error.fault.exception.message) == (exception, "the stock does not answer: 0")
    assert "sell" in error.fault.exception.stack_trace
    assert error.fault.occurred_at_unix_ns
    assert (error.count, (directory / "well" / "t").exists()) == (1, True)
    assert [line[0] for line in journal(directory)].count("A") == 1


@pytest.mark.parametrize("signal", ["logs", "traces"])
@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_a_python_program_exports_is_recovered(tmp_path: Path, protocol: str, signal: str) -> None:
    daemon = daemon_at(tmp_path, RULE % signal)
    with running(daemon):
        run(*PYTHON, signal, protocol, "1", endpoint=daemon.address if protocol == "grpc" else daemon.http)
        check(recovered(daemon, signal), signal, tmp_path, "ConnectionError")


@needs_node("otlp_node")
@pytest.mark.parametrize("signal", ["logs", "traces"])
def test_what_a_javascript_program_exports_in_json_is_recovered(tmp_path: Path, signal: str) -> None:
    daemon = daemon_at(tmp_path, RULE % signal)
    with running(daemon):
        run(*JAVASCRIPT, signal, "1", endpoint=daemon.http)
        check(recovered(daemon, signal), signal, tmp_path, "TypeError")


@pytest.mark.parametrize("protocol", ["grpc", "http"])
def test_what_metrics_say_is_shown_in_a_diagnosis(tmp_path: Path, protocol: str) -> None:
    daemon = daemon_at(tmp_path, RULE % "metrics")
    with running(daemon):
        run(*PYTHON, "metrics", protocol, "7", endpoint=daemon.address if protocol == "grpc" else daemon.http)
        told = subprocess.run(
            [sys.executable, "-m", "error_cli.main", "--address", daemon.address, "diagnose", "--all"],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert "otlp.shop.queue.size{queue=orders} 7" in told.stdout
        assert "otlp.shop.sold 7" in told.stdout


# --- under pressure


def wait_until_the_ring_is_full(daemon: DaemonProcess) -> None:
    """All is exported at once, so the exporter hears at the same moment that it has to come again."""

    def look() -> bool:
        return any(ring.used == ring.slots == SLOTS for ring in daemon.status().rings)

    eventually("the ring is full", look)


@pytest.mark.parametrize(
    ("command", "protocol", "signal"),
    [
        pytest.param(PYTHON, "grpc", "logs", id="python-grpc-logs"),
        pytest.param(PYTHON, "grpc", "traces", id="python-grpc-traces"),
        pytest.param(PYTHON, "http", "logs", id="python-http-logs"),
        pytest.param(JAVASCRIPT, "", "logs", id="javascript-json-logs", marks=needs_node("otlp_node")),
    ],
)
def test_while_the_ring_is_full_exporters_try_again_and_nothing_is_lost_or_told_twice(
    tmp_path: Path, command: tuple[str, ...], protocol: str, signal: str
) -> None:
    daemon = daemon_at(tmp_path, WAITING, f"ring.normal_slots = {SLOTS}")
    listed = recovery_pb2.ListErrorsRequest()
    with running(daemon):
        endpoint = daemon.address if protocol == "grpc" else daemon.http
        arguments = filter(None, (*command, signal, protocol, str(SLOTS + MORE)))
        with begin(*arguments, endpoint=endpoint) as application:
            wait_until_the_ring_is_full(daemon)
            daemon.recovery.Flush(recovery_pb2.FlushRequest(all=True))
            application.communicate(timeout=PATIENCE_S)
            assert application.returncode == 0
        errors = daemon.recovery.ListErrors(listed).errors
        assert (len(errors), {error.count for error in errors}) == (SLOTS + MORE, {1})
