"""
An event of Sentry's as a fault.

    fault                  event
    ---------------------  --------------------------------------------------------------------------------------------------
    exception, frames      the last of `exception.values` (they go from the cause to what was raised at last); its trace has all
    message                what was logged (`logentry`, `message`); of an exception its type and value
    type                   by the exception's name; without one unknown
    severity               fatal: high · error: none, so the rule decides · warning: low · info, debug: info. Never critical: that
                           a process ended is no reason for it to overtake what matters to the whole host
    component              tag `component`, else the path before /api/ (a DSN may have one), else the release's name, else the project
    operation, node        `transaction`, `server_name`
    target                 tag `error_recovery.target`
    fingerprint            `fingerprint`, where the application groups by itself. Its "{{ default }}" is the exception with its place
    attributes             tag.*, extra.* (plain values), release, platform, logger, handled, url (without its query), project,
                           trace_id and span_id of contexts.trace

What is personal in an event (user, headers, cookies, bodies, local variables) is not taken over.

Format: https://develop.sentry.dev/sdk/foundations/data-model/event-payloads/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from error_daemon.errors import InputError
from error_daemon.ingest import sent_at
from error_daemon.ingest.acceptance import TARGET
from error_daemon.ingest.exception_types import error_type_named
from error_daemon.ingest.fitted import fitted, flat, unicode
from error_daemon.ingest.json_read import read_json
from error_recovery.v1 import fault_pb2

_SEVERITIES = {
    "fatal": fault_pb2.SEVERITY_HIGH,
    "critical": fault_pb2.SEVERITY_HIGH,
    "warning": fault_pb2.SEVERITY_LOW,
    "info": fault_pb2.SEVERITY_INFO,
    "log": fault_pb2.SEVERITY_INFO,
    "debug": fault_pb2.SEVERITY_INFO,
}
_DEFAULTS = ("{{ default }}", "{{default}}")
_MOST_FRAMES = 256
_MOST_CHAINED = 16
Event = Mapping[str, Any]


def read_event(payload: bytes) -> Event:
    """Raises InputError."""
    try:
        event = read_json(payload)
    except (ValueError, RecursionError):
        raise InputError("event", "is not JSON") from None
    if not isinstance(event, dict):
        raise InputError("event", "is not an object of JSON")
    return event


def fault_of(event: Event, *, project: str, prefix: str, now: float) -> bytes:
    """A serialised fault. `project` and `prefix` are of the path; `now` in seconds since 1970: times beyond it are not believed."""
    tags = dict(_pairs(event.get("tags")))
    chain = _chain(event.get("exception"))
    fault = fault_pb2.Fault(
        fault_id=_text(event.get("event_id")),
        severity=_SEVERITIES.get(_text(event.get("level")), fault_pb2.SEVERITY_UNSPECIFIED),
        message=_message(event, chain),
        context=fault_pb2.Context(
            component=tags.pop("component", "") or prefix or _release_name(event) or f"sentry-{project}",
            operation=_text(event.get("transaction")),
            node=_text(event.get("server_name")),
            environment=_text(event.get("environment")),
        ),
        fingerprint=_fingerprint(event.get("fingerprint"), chain),
        target=tags.pop(TARGET, ""),
        occurred_at_unix_ns=_when_ns(event.get("timestamp"), now),
        source=f"sentry/{_text(event.get('platform')) or 'other'}",
    )
    if chain:
        fault.exception.CopyFrom(_exception(chain))
        fault.type = error_type_named(fault.exception.type)
    return fitted(fault, _attributes(event, tags, chain, project))


# --- the exception


def _chain(exception: object) -> Sequence[Mapping[str, Any]]:
    """From the cause to what was raised at last. SDKs have sent a list, an object with one, and one alone."""
    values: object = exception
    if isinstance(exception, Mapping):
        values = exception.get("values", [exception])
    if not isinstance(values, list):
        return ()
    return [value for value in values if isinstance(value, Mapping) and (value.get("type") or value.get("value"))][
        -_MOST_CHAINED:
    ]


def _exception(chain: Sequence[Mapping[str, Any]]) -> fault_pb2.Exception:
    last = chain[-1]
    frames = _frames(last)
    knows_own = any(frame.get("in_app") for frame in frames)
    return fault_pb2.Exception(
        type=_name(last),
        message=_text(last.get("value")),
        stack_trace="\n\n".join(_printed(one) for one in chain),
        frames=[_frame(frame, is_own=bool(frame.get("in_app")) or not knows_own) for frame in frames],
    )


def _name(exception: Mapping[str, Any]) -> str:
    """Qualified, where the SDK says by what."""
    module, name = _text(exception.get("module")), _text(exception.get("type")) or "Error"
    return name if not module or module in ("builtins", "__builtins__") or "." in name else f"{module}.{name}"


def _frames(exception: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    stack = exception.get("stacktrace")
    frames = stack.get("frames") if isinstance(stack, Mapping) else None
    return [frame for frame in frames if isinstance(frame, Mapping)][-_MOST_FRAMES:] if isinstance(frames, list) else ()


def _frame(frame: Mapping[str, Any], *, is_own: bool) -> fault_pb2.Frame:
    line = frame.get("lineno")
    return fault_pb2.Frame(
        module=_text(frame.get("module")) or _text(frame.get("filename")),
        function=_text(frame.get("function")),
        file=_text(frame.get("filename")) or _text(frame.get("abs_path")),
        line=line if isinstance(line, int) and not isinstance(line, bool) and 0 < line < 1 << 32 else 0,
        in_application=is_own,
    )


def _printed(exception: Mapping[str, Any]) -> str:
    lines = [f"{_name(exception)}: {_text(exception.get('value'))}"]
    for frame in reversed(_frames(exception)):
        place = f"{_text(frame.get('filename')) or _text(frame.get('module'))}:{_text(frame.get('lineno')) or '?'}"
        lines.append(f"  at {_text(frame.get('function')) or '?'} ({place})")
        if context := _text(frame.get("context_line")).strip():
            lines.append(f"    {context}")
    return "\n".join(lines)


# --- the rest


def _message(event: Event, chain: Sequence[Mapping[str, Any]]) -> str:
    entry = event.get("logentry") or event.get("message")
    if isinstance(entry, Mapping):
        entry = entry.get("formatted") or entry.get("message")
    if text := _text(entry).strip():
        return text
    if chain:
        value = _text(chain[-1].get("value")).strip()
        return f"{_name(chain[-1])}: {value}" if value else _name(chain[-1])
    return f"an event of Sentry's without a message, at {_text(event.get('transaction')) or 'no place that it names'}"


def _release_name(event: Event) -> str:
    """Of "shop-web@1.2" the name. A commit's hash alone is none."""
    name, at, _ = _text(event.get("release")).rpartition("@")
    return name if at else ""


def _fingerprint(parts: object, chain: Sequence[Mapping[str, Any]]) -> str:
    if not isinstance(parts, list):
        return ""
    said = [_text(part) for part in parts[:16]]
    if all(part in _DEFAULTS for part in said):
        return ""
    return "|".join(_usual(chain) if part in _DEFAULTS else part for part in said)


def _usual(chain: Sequence[Mapping[str, Any]]) -> str:
    """What tells exceptions apart where nobody says anything: which it is, and where it was raised."""
    if not chain:
        return "message"
    frames = _frames(chain[-1])
    own = [frame for frame in frames if frame.get("in_app")] or frames
    place = [
        f"{_text(frame.get('module') or frame.get('filename'))}:{_text(frame.get('function'))}" for frame in own[-1:]
    ]
    return " ".join([_name(chain[-1]), *place])


def _attributes(
    event: Event, tags: Mapping[str, str], chain: Sequence[Mapping[str, Any]], project: str
) -> Iterator[tuple[str, str]]:
    yield "project", project
    yield from _place_in_trace(event.get("contexts"))
    for name in ("release", "dist", "platform", "logger"):
        yield from _some(name, event.get(name))
    mechanism = chain[-1].get("mechanism") if chain else None
    if isinstance(mechanism, Mapping):
        yield from _some("handled", mechanism.get("handled"))
    request = event.get("request")
    if isinstance(request, Mapping):
        yield from _some("url", _text(request.get("url")).partition("?")[0])
        yield from _some("method", request.get("method"))
    for key, value in tags.items():
        yield f"tag.{key}", value
    extra = event.get("extra")
    if isinstance(extra, Mapping):
        yield from flat({str(key): value for key, value in extra.items() if not isinstance(value, Mapping)}, "extra.")


def _place_in_trace(contexts: object) -> Iterator[tuple[str, str]]:
    """So that a trace of the recovery can be joined to it (runtime/exporting/spans.py)."""
    trace = contexts.get("trace") if isinstance(contexts, Mapping) else None
    if isinstance(trace, Mapping):
        for name in ("trace_id", "span_id"):
            yield from _some(name, trace.get(name))


def _some(name: str, value: object) -> Iterator[tuple[str, str]]:
    if text := _text(value):
        yield name, text


def _pairs(tags: object) -> Iterator[tuple[str, str]]:
    """Tags come as an object, or as a list of pairs."""
    pairs: Any = tags.items() if isinstance(tags, Mapping) else tags if isinstance(tags, list) else ()
    for pair in pairs:
        if isinstance(pair, list | tuple) and len(pair) == 2 and (key := _text(pair[0])) and (value := _text(pair[1])):
            yield key, value


def _when_ns(timestamp: object, now: float) -> int:
    """Of seconds since 1970, or a date of RFC 3339."""
    if isinstance(timestamp, str):
        return sent_at.of_text(timestamp, now)
    if isinstance(timestamp, int | float) and not isinstance(timestamp, bool):
        return sent_at.of_seconds(timestamp, now)
    return 0


def _text(value: object) -> str:
    """Of a plain value; of anything else nothing."""
    if isinstance(value, str):
        return unicode(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else ""
