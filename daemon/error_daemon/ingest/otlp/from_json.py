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
from error_daemon.ingest.fitted import unicode
from error_daemon.ingest.otlp.values import (
    ERROR_NUMBER,
    EXCEPTION,
    EXCEPTION_EVENT,
    MOST_DEPTH,
    MOST_LISTED,
    MOST_NODES,
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

Object = Mapping[str, Any]
Item = tuple[Origin | None, object]
_NUMBER = re.compile(r"-?\d{1,20}", re.ASCII)
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){0,32}")


_MOST_BRACKETS = 1 << 18
"""To take 4 MiB of JSON apart takes 60 ms where they are of text, and five times that where they are of brackets; in that time nobody else
has a turn. 4 MiB of log records as they are have some 40,000."""


def read_export(body: bytes) -> Object:
    """Raises InputError."""
    if body.count(b"{") + body.count(b"[") > _MOST_BRACKETS:
        raise InputError("body", f"has more than {_MOST_BRACKETS} objects and lists")
    try:
        export = json.loads(body)
    except (ValueError, RecursionError):
        raise InputError("body", "is not JSON in UTF-8") from None
    if not isinstance(export, dict):
        raise InputError("body", "is not an object of JSON")
    return export


def items_of(export: Object, resources: str, scopes: str, records: str) -> Iterator[Item]:
    """Each record as it came, with who says it; None: that cannot be read. NOTHING for each resource and scope. The names are those of the
    three levels."""
    for resource in _listed(export, resources):
        yield None, NOTHING
        if not isinstance(resource, dict):
            yield None, resource
            continue
        for scope in _listed(resource, scopes):
            yield None, NOTHING
            origin = _origin(resource, scope)
            for record in _listed(scope, records) if isinstance(scope, dict) else (scope,):
                yield origin, record


def _origin(resource: Object, scope: object) -> Origin | None:
    try:
        known = attributes(list_in(object_in(resource.get("resource")).get("attributes")))
        return Origin(known, text_in(object_in(object_in(scope).get("scope")).get("name")))
    except InputError:
        return None


def log_record(raw: object) -> LogRecord | None:
    """None: it is no fault."""
    record = object_in(raw)
    severity = severity_of(number_in(record.get("severityNumber")), text_in(record.get("severityText")))
    pairs = list_in(record.get("attributes"))
    if severity < ERROR_NUMBER and not _tells_of_an_exception(pairs):
        return None
    return LogRecord(
        number_in(record.get("timeUnixNano")) or number_in(record.get("observedTimeUnixNano")),
        severity,
        _body(object_in(record.get("body"))),
        attributes(pairs),
        _id(record.get("traceId")),
        _id(record.get("spanId")),
        text_in(record.get("eventName")),
    )


def span(raw: object) -> Span | None:
    """None: it is no fault."""
    read = object_in(raw)
    status = object_in(read.get("status"))
    code = number_in(status.get("code"))
    named_so = [object_in(event) for event in islice(list_in(read.get("events")), MOST_NODES)]
    events = [event for event in named_so if event.get("name") == EXCEPTION_EVENT]
    if not events and code != STATUS_ERROR:
        return None
    return Span(
        text_in(read.get("name")),
        _id(read.get("traceId")),
        _id(read.get("spanId")),
        _id(read.get("parentSpanId")),
        number_in(read.get("endTimeUnixNano")),
        code,
        text_in(status.get("message")),
        attributes(list_in(read.get("attributes"))),
        [Event(number_in(event.get("timeUnixNano")), attributes(list_in(event.get("attributes")))) for event in events],
    )


# --- what they are made of. Null is as good as nothing, as in protobuf's JSON


def _listed(holder: Object, name: str) -> list[Any]:
    """Of the envelope: what is wrong here is wrong with all of it."""
    try:
        return list_in(holder.get(name))
    except InputError:
        raise InputError(name, "is not a list") from None


def attributes(pairs: list[Any]) -> Attributes:
    return gathered(_leaves(pairs))


def _tells_of_an_exception(pairs: list[Any]) -> bool:
    for pair in islice(pairs, MOST_NODES):
        key = pair.get("key") if isinstance(pair, dict) else None
        if isinstance(key, str) and key.startswith(EXCEPTION):
            return True
    return False


def _body(value: Object) -> str:
    if value.get("kvlistValue") is None:
        return _text(value)
    return said_in(attributes(list_in(object_in(value["kvlistValue"]).get("values"))))


def _leaves(pairs: list[Any], prefix: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    for one in pairs:
        pair = object_in(one)
        name, value = named(prefix, text_in(pair.get("key"))), object_in(pair.get("value"))
        if value.get("kvlistValue") is not None:
            yield "", ""
            if depth < MOST_DEPTH:
                yield from _leaves(list_in(object_in(value["kvlistValue"]).get("values")), f"{name}.", depth + 1)
        else:
            yield name, _text(value)


def _text(value: Object) -> str:
    for kind, told in value.items():
        if kind == "stringValue":
            return text_in(told)
        if kind == "boolValue":
            return "true" if told is True else "false"
        if kind == "intValue":
            return str(number_in(told))
        if kind == "doubleValue":
            return str(double_in(told))
        if kind == "bytesValue":
            return text_in(told)[:MOST_NODES]
        if kind == "arrayValue":
            one_by_one = [object_in(one) for one in islice(list_in(object_in(told).get("values")), MOST_LISTED)]
            return ", ".join(_text(one) for one in one_by_one if not one.keys() & _NESTED)
        if kind == "kvlistValue":
            leaves = islice(_leaves(list_in(object_in(told).get("values"))), MOST_LISTED)
            return ", ".join(f"{name}={text}" for name, text in leaves if name)
    return ""


_NESTED = {"arrayValue", "kvlistValue"}


def object_in(value: object) -> Object:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InputError("record", "has something else where an object should be")
    return value


def list_in(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InputError("record", "has something else where a list should be")
    return value


def text_in(value: object) -> str:
    """Half of a character, which only JSON can have, is replaced."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError("record", "has something else where a text should be")
    return unicode(value)


def number_in(value: object) -> int:
    """Of 64 bits, as text or not."""
    if value is None:
        return 0
    number = int(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    if isinstance(number, bool) or not isinstance(number, int) or not -(1 << 63) <= number < 1 << 64:
        raise InputError("record", "has something else where a whole number should be")
    return number


def double_in(value: object) -> float:
    """Text is taken, too: "NaN", "Infinity" are written so."""
    if isinstance(value, str) and len(value) < 40:
        try:
            return float(value)
        except ValueError:
            pass
    elif isinstance(value, float):
        return value
    elif isinstance(value, int) and not isinstance(value, bool):
        return float(number_in(value))
    raise InputError("record", "has something else where a number should be")


def _id(value: object) -> str:
    """In lower case, as everybody else writes it."""
    text = text_in(value)
    if not _HEX.fullmatch(text):
        raise InputError("record", "has an id that is not in hexadecimal digits")
    return text.lower()
