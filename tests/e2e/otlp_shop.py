"""
An application with OpenTelemetry's SDK, as its own pages set it up: otlp_shop.py logs|traces grpc|http COUNT

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
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

RESOURCE = Resource.create(
    {"service.name": "shop", "service.namespace": "web", "host.name": "node-7", "deployment.environment": "test"}
)


def exporter(protocol: str, kind: str, name: str) -> Any:
    return getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{kind}"), name)()


def sell(number: int = 0) -> None:
    raise ConnectionError(f"the stock does not answer: {number}")


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


if __name__ == "__main__":
    signal, protocol, count = sys.argv[1:4]
    {"logs": logs, "traces": traces}[signal](protocol, int(count))
