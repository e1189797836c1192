"""
OpenTelemetry's log records and spans as faults.

    fault                  log record                                      span
    ---------------------  ----------------------------------------------  ------------------------------------------------------------
    is one                 severity 17 and above (ERROR), or with          with an event `exception`, or of status ERROR; each
                           attributes exception.*                          exception is one, and a status with exceptions none besides
    exception              exception.type, .message, .stacktrace           likewise, of the event
    message                the body; else as for spans                     type and message of the exception; else the status's
    type                   by the exception's name, else by error.type, else by db.system (a database)
    severity               21 and above: high · 17 to 20: none, so the     none; low where the status is OK all the same: who set it
                           rule decides · 13 to 16: low · below: info      knew of the exception
    component, node        service.name, host.name of the resource
    environment            deployment.environment.name, or deployment.environment
    operation              the name of the scope (the logger)              the name of the span
    a frame                code.function.name, code.file.path: where it was logged
    target                 attribute error_recovery.target, of the record or span, else of the resource
    occurred_at            its time, else when it was observed             the event's time, else the span's end
    attributes             trace_id, span_id, scope, then log.* and span.*, event.*, resource.*

Never critical: that a process ended is no reason for it to overtake what matters to the whole host.

An exception on its way up is told by each span that it leaves. In one request it is one fault: that of the innermost (`Spans`).

What names a person or may hold a secret (user.*, enduser.*, headers, command lines, queries) is not taken over. What is named as a secret
has its value withheld, as everywhere (ingest/fitted.py).

https://opentelemetry.io/docs/specs/otel/logs/data-model/ and .../docs/specs/semconv/exceptions/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from error_daemon.ingest import sent_at
from error_daemon.ingest.acceptance import TARGET
from error_daemon.ingest.exception_types import error_type_named
from error_daemon.ingest.fitted import fitted
from error_daemon.ingest.otlp.values import (
    ERROR_NUMBER,
    EXCEPTION,
    FATAL_NUMBER,
    STATUS_OK,
    Attributes,
    Event,
    LogRecord,
    Origin,
    Span,
)
from error_recovery.v1 import fault_pb2

_WARN_NUMBER = 13
_MOST_REMEMBERED = 20_000  # exceptions of one request
_TYPE, _MESSAGE, _STACK_TRACE = f"{EXCEPTION}type", f"{EXCEPTION}message", f"{EXCEPTION}stacktrace"
_FUNCTIONS = ("code.function.name", "code.function")
_FILES = ("code.file.path", "code.filepath")
_LINES = ("code.line.number", "code.lineno")
_TAKEN = frozenset((_TYPE, _MESSAGE, _STACK_TRACE, TARGET))
_TAKEN_OF_RESOURCE = frozenset(
    ("service.name", "host.name", "deployment.environment", "deployment.environment.name", TARGET)
)
_PRIVATE = re.compile(
    r"(end)?user\.|.*\.header\.|process\.(command|environment)|url\.(query|full)|http\.(url|target)", re.IGNORECASE
)


def log_fault(origin: Origin, record: LogRecord, now: float) -> bytes:
    """Serialised. `now` in seconds since 1970: times beyond it are not believed."""
    attributes = record.attributes
    fault = _fault(origin, attributes, attributes)
    fault.source = "otlp/logs"
    fault.severity = _severity(record.severity)
    fault.message = (
        record.body.strip() or _sentence(attributes) or f"{record.event_name or 'a log record'} without text"
    )
    fault.context.operation = origin.scope
    fault.occurred_at_unix_ns = sent_at.believable(record.at_ns, now)
    return fitted(fault, _attributes(origin, record, ("log.", attributes), event_name=record.event_name))


class Spans:
    """Of one request. It may come again, and records of it are made again then: each exception has the answer that it had, though more is
    known by then. Hashes are kept, of a bounded number, because the senders that have to come again are many."""

    def __init__(self) -> None:
        self._told: set[int] = set()
        self._answers: dict[int, bool] = {}

    def faults(self, origin: Origin, span: Span, now: float) -> Sequence[bytes]:
        """Serialised; none where its exceptions are told already by the spans within it."""
        if not span.exceptions:
            says = span.says.strip() or _failed(span)
            return [_span_fault(origin, span, Event(span.ended_at_ns, {}), says, now)]
        return [
            _span_fault(origin, span, event, _sentence(event.attributes) or f"an exception in {span.name}", now)
            for number, event in enumerate(span.exceptions)
            if self._is_news(span, event, number)
        ]

    def _is_news(self, span: Span, event: Event, number: int) -> bool:
        what = event.attributes.get(_TYPE, ""), event.attributes.get(_MESSAGE, "")
        key = hash((span.trace_id, span.span_id, span.parent_id, *what, number))
        if span.span_id and key in self._answers:
            return self._answers[key]
        is_news = hash((span.trace_id, span.span_id, *what)) not in self._told
        if len(self._answers) < _MOST_REMEMBERED:
            self._answers[key] = is_news
            if span.parent_id:
                self._told.add(hash((span.trace_id, span.parent_id, *what)))
        return is_news


def _span_fault(origin: Origin, span: Span, event: Event, says: str, now: float) -> bytes:
    fault = _fault(origin, event.attributes, span.attributes)
    fault.source = "otlp/traces"
    fault.severity = fault_pb2.SEVERITY_LOW if span.status == STATUS_OK else fault_pb2.SEVERITY_UNSPECIFIED
    fault.message = says
    fault.context.operation = span.name
    fault.occurred_at_unix_ns = sent_at.believable(event.at_ns or span.ended_at_ns, now)
    return fitted(
        fault,
        _attributes(origin, span, ("span.", span.attributes), ("event.", event.attributes), scope=origin.scope),
    )


def _fault(origin: Origin, exception: Attributes, attributes: Attributes) -> fault_pb2.Fault:
    """What both have."""
    resource = origin.resource
    fault = fault_pb2.Fault(
        type=_type(exception.get(_TYPE, ""), attributes),
        context=fault_pb2.Context(
            component=resource.get("service.name", ""),
            node=resource.get("host.name", ""),
            environment=_first(resource, ("deployment.environment.name", "deployment.environment")),
        ),
        target=attributes.get(TARGET) or resource.get(TARGET, ""),
    )
    if _TYPE in exception or _MESSAGE in exception:
        fault.exception.type = exception.get(_TYPE, "") or "Error"
        fault.exception.message = exception.get(_MESSAGE, "")
        fault.exception.stack_trace = exception.get(_STACK_TRACE, "")
    if function := _first(attributes, _FUNCTIONS):
        line = _first(attributes, _LINES)
        file = _first(attributes, _FILES)
        number = int(line) if line.isdecimal() and len(line) < 9 else 0
        fault.exception.frames.add(module=file, function=function, file=file, line=number, in_application=True)
    return fault


def _type(name: str, attributes: Attributes) -> fault_pb2.ErrorType.ValueType:
    found = error_type_named(name or attributes.get("error.type", ""))
    if found == fault_pb2.ERROR_TYPE_UNKNOWN and ("db.system.name" in attributes or "db.system" in attributes):
        return fault_pb2.ERROR_TYPE_DATABASE
    return found


def _severity(number: int) -> fault_pb2.Severity.ValueType:
    if number >= FATAL_NUMBER:
        return fault_pb2.SEVERITY_HIGH
    if number >= ERROR_NUMBER or number <= 0:
        return fault_pb2.SEVERITY_UNSPECIFIED
    return fault_pb2.SEVERITY_LOW if number >= _WARN_NUMBER else fault_pb2.SEVERITY_INFO


def _sentence(exception: Attributes) -> str:
    name, says = exception.get(_TYPE, ""), exception.get(_MESSAGE, "").strip()
    return f"{name}: {says}" if name and says else name or says


def _failed(span: Span) -> str:
    kind = span.attributes.get("error.type", "")
    return f"{span.name or 'a span'} failed: {kind}" if kind else f"{span.name or 'a span'} failed"


def _attributes(
    origin: Origin, ids: LogRecord | Span, *said: tuple[str, Attributes], **more: str
) -> Iterator[tuple[str, str]]:
    for name, text in (("trace_id", ids.trace_id), ("span_id", ids.span_id), *more.items()):
        if text:
            yield name, text
    for prefix, attributes in said:
        for name, text in attributes.items():
            if text and name not in _TAKEN and not _PRIVATE.match(name):
                yield f"{prefix}{name}", text
    for name, text in origin.resource.items():
        if text and name not in _TAKEN_OF_RESOURCE and not _PRIVATE.match(name):
            yield f"resource.{name}", text


def _first(attributes: Attributes, names: Sequence[str]) -> str:
    return next((attributes[name] for name in names if attributes.get(name)), "")
