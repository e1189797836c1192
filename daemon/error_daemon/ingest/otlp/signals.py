"""
The three kinds of what is exported, and what is particular to each: where it is served, how its records become faults, what is answered.

    signal    gRPC: opentelemetry.proto.collector.*   HTTP          levels in JSON
    --------  --------------------------------------  ------------  -------------------------------------------------
    logs      logs.v1.LogsService/Export              /v1/logs      resourceLogs, scopeLogs, logRecords
    traces    trace.v1.TraceService/Export            /v1/traces    resourceSpans, scopeSpans, spans
    metrics   metrics.v1.MetricsService/Export        /v1/metrics   resourceMetrics, scopeMetrics, metrics
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from error_daemon.errors import InputError
from error_daemon.ingest.otlp import from_json, from_protobuf
from error_daemon.ingest.otlp.exporting import Export, Make, Taken
from error_daemon.ingest.otlp.faults import Spans, log_fault
from error_daemon.ingest.otlp.metrics import Tell, of_json, of_protobuf, told
from error_daemon.ingest.otlp.values import LogRecord, Origin, Span
from error_daemon.ingest.otlp_pb2 import RawExport

_COLLECTOR = "opentelemetry.proto.collector"
Response = Any  # one of the three Export*ServiceResponse


@dataclass(frozen=True, slots=True)
class Signal:
    """`makes(read)`: what makes faults of the records of one export, where `read` is one of `from_protobuf`, `from_json`."""

    name: str
    service: str
    levels: tuple[str, str, str]
    from_protobuf: Callable[[bytes], Any]
    from_json: Callable[[object], Any]
    makes: Callable[[Callable[[Any], Any]], Make]
    response: Callable[[], Response]
    rejected: str

    def of_protobuf(self, raw: bytes) -> Export:
        """Raises InputError."""
        try:
            export = RawExport.FromString(raw)
        except DecodeError:
            raise InputError("export", "is not protobuf") from None
        return Export(raw, from_protobuf.items_of(export), self.makes(self.from_protobuf))

    def of_json(self, raw: bytes) -> Export:
        """Raises InputError, here or when it is taken."""
        return Export(raw, from_json.items_of(from_json.read_export(raw), *self.levels), self.makes(self.from_json))

    def answer(self, taken: Taken) -> Response:
        """What was rejected is said, as partial success; else it is empty."""
        response = self.response()
        if taken.rejected:
            setattr(response.partial_success, self.rejected, taken.rejected)
            response.partial_success.error_message = taken.says
        return response


def _of_logs(read: Callable[[Any], LogRecord | None]) -> Make:
    def make(origin: Origin, raw: Any, now: float) -> Sequence[bytes]:
        record = read(raw)
        return () if record is None else (log_fault(origin, record, now),)

    return make


def _of_spans(read: Callable[[Any], Span | None]) -> Make:
    spans = Spans()

    def make(origin: Origin, raw: Any, now: float) -> Sequence[bytes]:
        span = read(raw)
        return () if span is None else spans.faults(origin, span, now)

    return make


LOGS = Signal(
    "logs",
    f"{_COLLECTOR}.logs.v1.LogsService",
    ("resourceLogs", "scopeLogs", "logRecords"),
    from_protobuf.log_record,
    from_json.log_record,
    _of_logs,
    logs_service_pb2.ExportLogsServiceResponse,
    "rejected_log_records",
)
TRACES = Signal(
    "traces",
    f"{_COLLECTOR}.trace.v1.TraceService",
    ("resourceSpans", "scopeSpans", "spans"),
    from_protobuf.span,
    from_json.span,
    _of_spans,
    trace_service_pb2.ExportTraceServiceResponse,
    "rejected_spans",
)
NAMES = ("logs", "traces", "metrics")


def signals(tell: Tell) -> Sequence[Signal]:
    """All of them. `tell(name, at, value)` hears of the figures."""
    metrics = Signal(
        "metrics",
        f"{_COLLECTOR}.metrics.v1.MetricsService",
        ("resourceMetrics", "scopeMetrics", "metrics"),
        of_protobuf,
        of_json,
        lambda read: told(read, tell),
        metrics_service_pb2.ExportMetricsServiceResponse,
        "rejected_data_points",
    )
    return LOGS, TRACES, metrics
