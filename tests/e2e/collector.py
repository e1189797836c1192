"""A collector of OpenTelemetry for tests: it keeps what it is sent, over HTTP or gRPC, read with the messages that OpenTelemetry has."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_READ: Mapping[str, Any] = {
    "/v1/traces": trace_service_pb2.ExportTraceServiceRequest,
    "/v1/metrics": metrics_service_pb2.ExportMetricsServiceRequest,
}


@dataclass
class Collected:
    """`answers_with`: another status than 200, over HTTP."""

    url: str = ""
    answers_with: int = 200
    exports: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def spans(self) -> list[Span]:
        return [
            span
            for export in list(self.exports)
            if isinstance(export, trace_service_pb2.ExportTraceServiceRequest)
            for told in export.resource_spans
            for scoped in told.scope_spans
            for span in scoped.spans
        ]

    def metrics(self) -> dict[str, Metric]:
        """Of the newest export."""
        exports = [one for one in self.exports if isinstance(one, metrics_service_pb2.ExportMetricsServiceRequest)]
        newest = exports[-1:]
        return {
            metric.name: metric
            for export in newest
            for told in export.resource_metrics
            for scoped in told.scope_metrics
            for metric in scoped.metrics
        }


@contextlib.contextmanager
def http_collector(port: int = 0) -> Iterator[Collected]:
    collected = Collected()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if collected.answers_with == 200:
                assert self.headers["content-type"] == "application/x-protobuf"
                collected.headers.append({name.lower(): value for name, value in self.headers.items()})
                collected.exports.append(_READ[self.path].FromString(body))
            self.send_response(collected.answers_with)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", port), Handler)
    collected.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collected
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def grpc_collector() -> Iterator[Collected]:
    collected = Collected()

    class Traces(trace_service_pb2_grpc.TraceServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
            collected.headers.append(dict(context.invocation_metadata()))
            collected.exports.append(request)
            return trace_service_pb2.ExportTraceServiceResponse()

    class Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
        def Export(self, request: Any, context: Any) -> Any:  # noqa: N802
            collected.exports.append(request)
            return metrics_service_pb2.ExportMetricsServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    register: Any = trace_service_pb2_grpc.add_TraceServiceServicer_to_server
    register(Traces(), server)
    register = metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server
    register(Metrics(), server)
    collected.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield collected
    finally:
        server.stop(0)
