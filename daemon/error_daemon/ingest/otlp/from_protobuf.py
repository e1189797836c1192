"""
OTLP in protobuf, from bytes to values: each record by itself, and of those that are no faults as little as is needed to know that.

Raises InputError for a record that is not what it should be; the others of its request are not concerned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from error_daemon.errors import InputError
from error_daemon.ingest.otlp.values import (
    ERROR_NUMBER,
    EXCEPTION,
    EXCEPTION_EVENT,
    MOST_DEPTH,
    MOST_LISTED,
    MOST_NODES,
    MOST_RECORD_BYTES,
    NOTHING,
    STATUS_ERROR,
    Attributes,
    Event,
    LogRecord,
    Origin,
    Span,
    gathered,
    named,
    said_in,
    severity_of,
)
from error_daemon.ingest.otlp_pb2 import RawExport, RawPart

_M = TypeVar("_M", bound=Message)
Item = tuple[Origin | None, object]


def items_of(export: RawExport) -> Iterator[Item]:
    """Each record as it came, with who says it; None: that cannot be read. NOTHING for each resource and scope."""
    for raw_resource in export.parts:
        yield None, NOTHING
        resource = _read_or_none(RawPart, raw_resource)
        if resource is None:
            yield None, raw_resource
            continue
        for raw_scope in resource.parts:
            yield None, NOTHING
            scope = _read_or_none(RawPart, raw_scope)
            if scope is None:
                yield None, raw_scope
                continue
            origin = _origin(resource.head, scope.head)
            for record in scope.parts:
                yield origin, record


def _origin(resource: bytes, scope: bytes) -> Origin | None:
    try:
        known = attributes(read(Resource, resource, "resource").attributes)
        return Origin(known, read(InstrumentationScope, scope, "scope").name)
    except InputError:
        return None


def log_record(raw: bytes) -> LogRecord | None:
    """None: it is no fault."""
    record = read(logs_pb2.LogRecord, raw, "log_record")
    severity = severity_of(record.severity_number, record.severity_text)
    if severity < ERROR_NUMBER and not (EXCEPTION.encode() in raw and _tells_of_an_exception(record.attributes)):
        return None
    return LogRecord(
        record.time_unix_nano or record.observed_time_unix_nano,
        severity,
        _body(record.body),
        attributes(record.attributes),
        record.trace_id.hex(),
        record.span_id.hex(),
        record.event_name,
    )


def span(raw: bytes) -> Span | None:
    """None: it is no fault."""
    told = read(trace_pb2.Span, raw, "span")
    events = [event for event in islice(told.events, MOST_NODES) if event.name == EXCEPTION_EVENT]
    if not events and told.status.code != STATUS_ERROR:
        return None
    return Span(
        told.name,
        told.trace_id.hex(),
        told.span_id.hex(),
        told.parent_span_id.hex(),
        told.end_time_unix_nano,
        told.status.code,
        told.status.message,
        attributes(told.attributes),
        [Event(event.time_unix_nano, attributes(event.attributes)) for event in events],
    )


# --- what they are made of


def read(kind: type[_M], raw: bytes, what: str) -> _M:
    """Raises InputError."""
    if len(raw) > MOST_RECORD_BYTES:
        raise InputError(what, f"has {len(raw)} bytes; at most {MOST_RECORD_BYTES}")
    try:
        return kind.FromString(raw)
    except DecodeError:
        raise InputError(what, "is not protobuf with texts in UTF-8") from None


def _read_or_none(kind: type[_M], raw: bytes) -> _M | None:
    try:
        return kind.FromString(raw)
    except DecodeError:
        return None


def attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return gathered(_leaves(pairs))


def _tells_of_an_exception(pairs: Iterable[KeyValue]) -> bool:
    return any(pair.key.startswith(EXCEPTION) for pair in islice(pairs, MOST_NODES))


def _body(value: AnyValue) -> str:
    is_nested = value.HasField("kvlist_value")
    return said_in(attributes(value.kvlist_value.values)) if is_nested else _text(value)


def _leaves(pairs: Iterable[KeyValue], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        name, value = named(prefix, pair.key), pair.value
        kind = value.WhichOneof("value")
        if kind == "string_value":  # most are
            yield name, value.string_value
        elif kind != "kvlist_value":
            yield name, _text(value)
        else:
            yield "", ""
            if depth < MOST_DEPTH:
                yield from _leaves(value.kvlist_value.values, f"{name}.", depth + 1)


def _text(value: AnyValue) -> str:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value
    if kind == "bool_value":
        return str(value.bool_value).lower()
    if kind in ("int_value", "double_value"):
        return str(getattr(value, kind))
    if kind == "bytes_value":
        return value.bytes_value[:MOST_NODES].hex()
    if kind == "array_value":
        one_by_one = islice(value.array_value.values, MOST_LISTED)
        return ", ".join(_text(one) for one in one_by_one if one.WhichOneof("value") not in _NESTED)
    if kind == "kvlist_value":
        leaves = islice(_leaves(value.kvlist_value.values), MOST_LISTED)
        return ", ".join(f"{name}={text}" for name, text in leaves if name)
    return ""


_NESTED = ("array_value", "kvlist_value", None)
