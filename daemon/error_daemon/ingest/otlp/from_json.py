"""
OTLP in JSON, from bytes to values. As protobuf's own mapping to JSON, with ids in hexadecimal digits, enumerations as numbers and names in
lowerCamelCase; 64-bit numbers are text, but plain ones are taken, too. What is not known is left out, as the protocol has it.

Raises InputError for a record that is not what it should be; the others of its request are not concerned.

https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from error_daemon.errors import InputError
from error_daemon.ingest.otlp.values import (
    ERROR_NUMBER,
    EXCEPTION,
    EXCEPTION_EVENT,
    MOST_DEPTH,
    MOST_LISTED,
    MOST_NODES,
    STATUS_ERROR,
    Event,
    LogRecord,
    Origin,
    Span,
    gathered,
    named,
    said_in,
    severity_of,
)

Object = Mapping[str, Any]
Item = tuple[Origin | None, object]
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){0,32}")


def read_export(body: bytes) -> Object:
    """Raises InputError."""
    try:
        export = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("body", "is not JSON in UTF-8") from None
    if not isinstance(export, dict):
        raise InputError("body", "is not an object of JSON")
    return export


def items_of(export: Object, resources: str, scopes: str, records: str) -> Iterator[Item]:
    """Each record as it came, with who says it; None: that cannot be read. The names are those of the three levels."""
    for resource in _listed(export, resources):
        if not isinstance(resource, dict):
            yield None, resource
            continue
        for scope in _listed(resource, scopes):
            origin = _origin(resource, scope)
            for record in _listed(scope, records) if isinstance(scope, dict) else (scope,):
                yield origin, record


def _origin(resource: Object, scope: object) -> Origin | None:
    try:
        attributes = gathered(_leaves(_list(_object(resource.get("resource")).get("attributes"))))
        return Origin(attributes, _string(_object(_object(scope).get("scope")).get("name")))
    except InputError:
        return None


def log_record(raw: object) -> LogRecord | None:
    """None: it is no fault."""
    record = _object(raw)
    severity = severity_of(_number(record.get("severityNumber")), _string(record.get("severityText")))
    attributes = _list(record.get("attributes"))
    if severity < ERROR_NUMBER and not _tells_of_an_exception(attributes):
        return None
    return LogRecord(
        _number(record.get("timeUnixNano")) or _number(record.get("observedTimeUnixNano")),
        severity,
        _body(_object(record.get("body"))),
        gathered(_leaves(attributes)),
        _id(record.get("traceId")),
        _id(record.get("spanId")),
        _string(record.get("eventName")),
    )


def span(raw: object) -> Span | None:
    """None: it is no fault."""
    read = _object(raw)
    status = _object(read.get("status"))
    code = _number(status.get("code"))
    named_so = [_object(event) for event in islice(_list(read.get("events")), MOST_NODES)]
    events = [event for event in named_so if event.get("name") == EXCEPTION_EVENT]
    if not events and code != STATUS_ERROR:
        return None
    return Span(
        _string(read.get("name")),
        _id(read.get("traceId")),
        _id(read.get("spanId")),
        _id(read.get("parentSpanId")),
        _number(read.get("endTimeUnixNano")),
        code,
        _string(status.get("message")),
        gathered(_leaves(_list(read.get("attributes")))),
        [
            Event(_number(event.get("timeUnixNano")), gathered(_leaves(_list(event.get("attributes")))))
            for event in events
        ],
    )


# --- what they are made of. Null is as good as nothing, as in protobuf's JSON


def _listed(holder: Object, name: str) -> list[Any]:
    """Of the envelope: what is wrong here is wrong with all of it."""
    try:
        return _list(holder.get(name))
    except InputError:
        raise InputError(name, "is not a list") from None


def _tells_of_an_exception(attributes: list[Any]) -> bool:
    return any(_string(_object(pair).get("key")).startswith(EXCEPTION) for pair in islice(attributes, MOST_NODES))


def _body(value: Object) -> str:
    if value.get("kvlistValue") is None:
        return _text(value)
    return said_in(gathered(_leaves(_list(_object(value["kvlistValue"]).get("values")))))


def _leaves(pairs: list[Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    for one in pairs:
        pair = _object(one)
        name, value = named(prefix, _string(pair.get("key"))), _object(pair.get("value"))
        if value.get("kvlistValue") is not None:
            yield "", ""
            if depth < MOST_DEPTH:
                yield from _leaves(_list(_object(value["kvlistValue"]).get("values")), f"{name}.", depth + 1)
        else:
            yield name, _text(value)


def _text(value: Object) -> str:
    for kind, told in value.items():
        if kind == "stringValue":
            return _string(told)
        if kind == "boolValue":
            return str(told).lower()[:5]
        if kind == "intValue":
            return str(_number(told))
        if kind in ("doubleValue", "bytesValue"):
            return str(told)[:MOST_NODES] if isinstance(told, int | float | str) else ""
        if kind == "arrayValue":
            one_by_one = [_object(one) for one in islice(_list(_object(told).get("values")), MOST_LISTED)]
            return ", ".join(_text(one) for one in one_by_one if not one.keys() & _NESTED)
        if kind == "kvlistValue":
            leaves = islice(_leaves(_list(_object(told).get("values"))), MOST_LISTED)
            return ", ".join(f"{name}={text}" for name, text in leaves if name)
    return ""


_NESTED = {"arrayValue", "kvlistValue"}


def _object(value: object) -> Object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError("record", "has something else where an object should be")
    return value


def _list(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError("record", "has something else where a list should be")
    return value


def _string(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError("record", "has something else where a text should be")
    return value


def _number(value: object) -> int:
    """Of 64 bits, as text or not."""
    if value is None:
        return 0
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise InputError("record", "has something else where a whole number should be")
    return value


def _id(value: object) -> str:
    """In lower case, as everybody else writes it."""
    text = _string(value)
    if not _HEX.fullmatch(text):
        raise InputError("record", "has an id that is not in hexadecimal digits")
    return text.lower()
