"""What tests export, as protobuf and as the JSON of the same."""

from __future__ import annotations

from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

NOW = 1_790_000_000.0
AT_NS = 1_789_999_999_123_456_789
TRACE, SPAN, PARENT = bytes(range(1, 17)), bytes(range(21, 29)), bytes(range(31, 39))
SHOP = {"service.name": "shop", "host.name": "node-7", "deployment.environment.name": "test"}
RAISED = {"exception.type": "json.JSONDecodeError", "exception.message": "no value", "exception.stacktrace": "at sell"}


def value(plain: Any) -> AnyValue:
    if isinstance(plain, dict):
        made = AnyValue()
        made.kvlist_value.values.extend(pairs(plain))
        return made
    if isinstance(plain, list):
        made = AnyValue()
        made.array_value.values.extend(value(one) for one in plain)
        return made
    kinds = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value", bytes: "bytes_value"}
    return AnyValue(**{kinds[type(plain)]: plain})


def pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value(one)) for key, one in attributes.items()]


def a_log(body: Any = "it broke", severity: Any = 17, **fields: Any) -> LogRecord:
    fields["attributes"] = pairs(fields.get("attributes", {}))
    if body is not None:
        fields["body"] = value(body)
    return LogRecord(time_unix_nano=AT_NS, severity_number=severity, **fields)


def a_span(*exceptions: dict[str, Any], name: str = "checkout", code: Any = 2, says: str = "", **fields: Any) -> Span:
    fields.setdefault("span_id", SPAN)
    attributes = pairs(fields.pop("attributes", {}))
    span = Span(name=name, trace_id=TRACE, end_time_unix_nano=AT_NS, attributes=attributes, **fields)
    span.status.code, span.status.message = code, says
    for exception in exceptions:
        span.events.add(name="exception", time_unix_nano=AT_NS - 5, attributes=pairs(exception))
    return span


def exported(*records: LogRecord | Span, resource: dict[str, Any] | None = None) -> Message:
    """One export of them, by the logger or tracer "shop.till"."""
    attributes = pairs(SHOP if resource is None else resource)
    if records and isinstance(records[0], Span):
        traces = ExportTraceServiceRequest()
        of_spans = traces.resource_spans.add()
        of_spans.resource.attributes.extend(attributes)
        of_spans.scope_spans.add(spans=records).scope.name = "shop.till"
        return traces
    logs = ExportLogsServiceRequest()
    of_logs = logs.resource_logs.add()
    of_logs.resource.attributes.extend(attributes)
    of_logs.scope_logs.add(log_records=records).scope.name = "shop.till"
    return logs


def as_json(export: Message) -> dict[str, Any]:
    """protobuf's own mapping to JSON, with what OTLP has otherwise: ids in hexadecimal digits, enumerations as numbers."""
    plain: dict[str, Any] = json_format.MessageToDict(export, use_integers_for_enums=True)
    _ids_as_hex(plain, export)
    return plain


def _ids_as_hex(plain: Any, message: Message) -> None:
    for field, held in message.ListFields():
        name = field.json_name
        if field.type == field.TYPE_BYTES and field.name.endswith("_id"):
            plain[name] = held.hex()
        elif field.type == field.TYPE_MESSAGE and isinstance(plain[name], list):
            for one, other in zip(plain[name], held, strict=True):
                _ids_as_hex(one, other)
        elif field.type == field.TYPE_MESSAGE:
            _ids_as_hex(plain[name], held)
