"""
What is looked at of OpenTelemetry's logs, traces and metrics, whether it came as protobuf or as JSON.

Attributes are text by name, however deep they were: {"a": {"b": 1}} is "a.b" → "1". Their number, depth and the length of their names are
bounded, so one record unpacks to little more than itself. Ids are hexadecimal digits; times are nanoseconds since 1970, 0: unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

MOST_RECORD_BYTES = 1 << 20
"""Of one log record or span. Larger ones are rejected."""
MOST_NODES = 256
"""Values that are looked at in one set of attributes; OpenTelemetry's own limit is 128."""
MOST_DEPTH = 5
MOST_LISTED = 16
MOST_POINTS = 256
"""Of one metric."""
_NAME_CHARACTERS = 64
EXCEPTION = "exception."
EXCEPTION_EVENT = "exception"
ERROR_NUMBER = 17
"""severity_number from which on a log record tells of an error; FATAL_NUMBER: of one that the process did not survive."""
FATAL_NUMBER = 21
STATUS_OK, STATUS_ERROR = 1, 2

NOTHING = object()
"""In the place of a record, for each resource and scope: so those without records have their turn, too, and are counted."""

Attributes = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who says it: the attributes of the resource, and the name of the scope (the logger, or the instrumentation)."""

    resource: Attributes
    scope: str


@dataclass(frozen=True, slots=True)
class LogRecord:
    at_ns: int
    severity: int
    body: str
    attributes: Attributes
    trace_id: str
    span_id: str
    event_name: str


@dataclass(frozen=True, slots=True)
class Event:
    """An exception that a span tells of."""

    at_ns: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    ended_at_ns: int
    status: int
    says: str
    attributes: Attributes
    exceptions: Sequence[Event]


@dataclass(frozen=True, slots=True)
class Point:
    """A value of a metric."""

    name: str
    at_ns: int
    value: float
    attributes: Attributes


def gathered(leaves: Iterable[tuple[str, str]]) -> Attributes:
    """Of the first ones. A node that is none itself, but was looked at, comes with an empty name."""
    return {name: text for name, text in islice(leaves, MOST_NODES) if name}


def named(prefix: str, name: str) -> str:
    return f"{prefix}{name[:_NAME_CHARACTERS]}"


def said_in(body: Attributes) -> str:
    """The sentence in a body that is not one."""
    listed = ", ".join(f"{name}={text}" for name, text in islice(body.items(), MOST_LISTED))
    return body.get("message") or body.get("msg") or listed


_BY_TEXT = {
    "fatal": FATAL_NUMBER,
    "critical": FATAL_NUMBER,
    "alert": FATAL_NUMBER,
    "emergency": FATAL_NUMBER,
    "error": ERROR_NUMBER,
    "err": ERROR_NUMBER,
}


def severity_of(number: int, text: str) -> int:
    """Where a sender gives no number, its word for it decides."""
    return number or _BY_TEXT.get(text[:16].lower(), 0)
