"""What a real daemon exports of itself: one trace for each fault that opened a ticket, joined to its sender's, and its metrics."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from error_recovery.v1 import fault_pb2, recovery_pb2
from tests.e2e.collector import Collected, grpc_collector, http_collector
from tests.e2e.daemon_process import DaemonProcess, a_fault, journal_scripts, one_target, running
from tests.e2e.secured import free_port
from tests.waiting import eventually

AUTO = "{id: r, when: {component: test}, target: t, mode: auto, ladder: {1: [look-again], 2: [heal]}, verify: {within: 20ms}}"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
COLLECTORS = [
    pytest.param(http_collector, "http/protobuf", id="http"),
    pytest.param(grpc_collector, "grpc", id="grpc"),
]
LISTED = recovery_pb2.ListErrorsRequest()
Collector = Callable[[], AbstractContextManager[Collected]]


def daemon_at(directory: Path, url: str, more: str = "", **options: str) -> DaemonProcess:
    definitions = one_target(dict(journal_scripts(directory)), [AUTO], ["look-again", "heal"])
    settings = f'telemetry.endpoint = "{url}"\n{more}'
    return DaemonProcess(directory / "daemon", definitions, settings, **options)  # type: ignore[arg-type]


def from_a_trace() -> fault_pb2.Fault:
    attributes = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    return a_fault(context=fault_pb2.Context(component="test", attributes=attributes))


def the_trace(collected: Collected) -> tuple[Span, list[Span]]:
    """The first span, and all others."""

    def look() -> Span | None:
        return next((span for span in collected.spans() if span.name.startswith("recovery ")), None)

    first = eventually("the trace was exported", look)
    return first, [span for span in collected.spans() if span.span_id != first.span_id]


@pytest.mark.parametrize(("collector", "protocol"), COLLECTORS)
def test_a_recovery_is_one_trace_joined_to_that_of_its_sender(
    tmp_path: Path, collector: Collector, protocol: str
) -> None:
    secret = tmp_path / "headers"
    secret.touch(0o600)
    secret.write_text("# of the collector\nx-api-key: abc\n")
    more = f'telemetry.protocol = "{protocol}"\ntelemetry.headers_file = "{secret}"'
    with collector() as collected, running(daemon_at(tmp_path, collected.url, more)) as daemon:
        error_id = daemon.report(from_a_trace()).error_id
        daemon.wait_for_state(error_id, "watching")
        first, others = the_trace(collected)
        assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, SPAN)
        assert {span.trace_id for span in others} == {first.trace_id}
        names = [span.name for span in others]
        assert [name for name in names if name.startswith(("decide", "attempt"))] == [
            *("decide", "attempt look-again"),
            *("decide", "attempt heal"),
        ]
        assert names.count("verify") >= 2
        assert len([name for name in names if name == "probe look"]) == names.count("verify") + names.count("look")
        failed = {span.name for span in others if span.status.code == Status.STATUS_CODE_ERROR}
        assert failed >= {"attempt look-again"}
        assert "attempt heal" not in failed
        assert first.status.code != Status.STATUS_CODE_ERROR
        known = {span.span_id for span in [first, *others]}
        for span in others:
            assert span.parent_span_id in known
            assert first.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
            assert span.end_time_unix_nano <= first.end_time_unix_nano + 1_000_000
        attributes = {one.key: one.value.string_value for one in first.attributes}
        assert attributes["error_recovery.error_id"] == error_id
        assert attributes["error_recovery.ended_as"] == "recovered"
        assert collected.headers[0]["x-api-key"] == "abc"


def test_a_trace_says_which_brake_held_a_recovery(tmp_path: Path) -> None:
    with http_collector() as collected, running(daemon_at(tmp_path, collected.url)) as daemon:
        daemon.recovery.Pause(recovery_pb2.PauseRequest(target="t", reason="maintenance"))
        error_id = daemon.report(a_fault()).error_id
        held = recovery_pb2.ListErrorsRequest(held_by="pause")
        eventually("it is held", lambda: list(daemon.recovery.ListErrors(held).errors))
        daemon.recovery.Resume(recovery_pb2.ResumeRequest(target="t"))
        daemon.wait_for_state(error_id, "watching")
        _, others = the_trace(collected)
        waits = [span for span in others if span.name == "wait"]
        held_by = [one.value.string_value for span in waits for one in span.attributes if one.key.endswith("held_by")]
        assert "pause" in held_by


@pytest.mark.parametrize(("collector", "protocol"), COLLECTORS)
def test_metrics_are_exported_under_the_names_that_a_scrape_has(
    tmp_path: Path, collector: Collector, protocol: str
) -> None:
    more = f'telemetry.protocol = "{protocol}"\ntelemetry.metrics_interval = "200ms"'
    with collector() as collected, running(daemon_at(tmp_path, collected.url, more)) as daemon:
        daemon.wait_for_state(daemon.report(a_fault()).error_id, "watching")
        ended = "error_recovery_tickets_ended_total"
        told = eventually("the recovery is in an export", lambda: collected.metrics().get(ended))
        [point] = told.sum.data_points
        assert (told.sum.is_monotonic, point.as_double) == (True, 1)
        assert {one.key: one.value.string_value for one in point.attributes} == {"target": "t", "ended_as": "recovered"}
        metrics = collected.metrics()
        [lag] = metrics["error_recovery_lag_seconds"].histogram.data_points
        assert (lag.count, sum(lag.bucket_counts), len(lag.bucket_counts)) == (1, 1, len(lag.explicit_bounds) + 1)
        assert metrics["error_recovery_ready"].gauge.data_points[0].as_double == 1


def test_while_the_collector_is_away_recoveries_go_on_and_their_traces_come_later(tmp_path: Path) -> None:
    port = free_port()
    with running(daemon_at(tmp_path, f"http://127.0.0.1:{port}")) as daemon:
        daemon.wait_for_state(daemon.report(from_a_trace()).error_id, "watching")
        eventually("it is said", lambda: "telemetry_not_sent" in daemon.log.read_text())
        with http_collector(port) as collected:
            first, _ = the_trace(collected)
            assert first.trace_id.hex() == TRACE
            eventually("it is said", lambda: "telemetry_sent_again" in daemon.log.read_text())


def failing_at(directory: Path, http: str, collector: str) -> DaemonProcess:
    definitions = one_target(dict(journal_scripts(directory)), [AUTO.replace(", 2: [heal]", "")], ["look-again"])
    return DaemonProcess(directory / "daemon", definitions, f'telemetry.endpoint = "http://{collector}"', http=http)


def fail(daemon: DaemonProcess) -> None:
    daemon.wait_for_state(daemon.report(a_fault()).error_id, "failed")
    eventually("the trace is sent", lambda: _sent(daemon))


def test_another_daemon_is_a_collector_and_hears_of_recoveries_that_failed(tmp_path: Path) -> None:
    peer = DaemonProcess(tmp_path / "peer", "version: 1\n", http=f"127.0.0.1:{free_port()}")
    daemon = failing_at(tmp_path, f"127.0.0.1:{free_port()}", peer.http)
    with running(peer), running(daemon):
        fail(daemon)
        known = [peer.error(error.error_id).fault for error in peer.recovery.ListErrors(LISTED).errors]
        assert {(fault.source, fault.context.component) for fault in known} == {("otlp/traces", "error-recovery")}
        assert sorted(fault.context.operation for fault in known) == ["attempt look-again", "recovery t"]


def test_what_a_daemon_exports_to_itself_is_no_fault(tmp_path: Path) -> None:
    http = f"127.0.0.1:{free_port()}"
    with running(failing_at(tmp_path, http, http)) as daemon:
        fail(daemon)
        assert len(daemon.recovery.ListErrors(LISTED).errors) == 1


def _sent(daemon: DaemonProcess) -> bool:
    with urllib.request.urlopen(f"http://{daemon.http}/metrics", timeout=10) as answer:
        return b'error_recovery_exported_total{signal="traces",result="sent"}' in answer.read()
