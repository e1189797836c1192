"""
An application with OpenTelemetry's SDK, as its own pages set it up: otlp_shop.py logs|traces|metrics grpc|http COUNT

Where it exports to is said by OTEL_EXPORTER_OTLP_ENDPOINT, as everywhere.
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

RESOURCE = Resource.create(
    {"service.name": "shop", "service.namespace": "web", "host.name": "node-7", "deployment.environment": "test"}
)


def exporter(protocol: str, kind: str, name: str) -> Any:
    return getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{kind}"), name)()


def sell(number: int = 0) -> None:
    """Each number is another error."""
    kind = type(f"Broken{chr(ord('A') + number)}", (ConnectionError,), {}) if number else ConnectionError
    raise kind(f"the stock does not answer: {number}")


def logs(protocol: str, count: int) -> None:
    provider = LoggerProvider(resource=RESOURCE)
    set_logger_provider(provider)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter(protocol, "_log_exporter", "OTLPLogExporter")))
    log = logging.getLogger("shop.checkout")
    log.addHandler(LoggingHandler(logger_provider=provider))
    log.propagate = False
    log.warning("nothing is wrong yet")
    for number in range(count):
        try:
            sell(number)
        except ConnectionError:
            log.exception("checkout failed")
    provider.shutdown()


def traces(protocol: str, count: int) -> None:
    provider = TracerProvider(resource=RESOURCE)
    trace.set_tracer_provider(provider)
    provider.add_span_processor(BatchSpanProcessor(exporter(protocol, "trace_exporter", "OTLPSpanExporter")))
    tracer = trace.get_tracer("shop")
    with tracer.start_as_current_span("look"):
        pass
    for number in range(count):
        try:
            with tracer.start_as_current_span("request"), tracer.start_as_current_span("checkout"):
                sell(number)
        except ConnectionError:
            pass
    provider.shutdown()


def metrics(protocol: str, count: int) -> None:
    reader = PeriodicExportingMetricReader(exporter(protocol, "metric_exporter", "OTLPMetricExporter"))
    provider = MeterProvider([reader], RESOURCE)
    meter = provider.get_meter("shop")
    meter.create_gauge("queue.size").set(count, {"queue": "orders"})
    meter.create_counter("sold").add(count)
    meter.create_histogram("took").record(count)
    provider.shutdown()


if __name__ == "__main__":
    signal, protocol, count = sys.argv[1:4]
    {"logs": logs, "traces": traces, "metrics": metrics}[signal](protocol, int(count))
