"""From the bytes of a reported fault to the values that decisions need.

What is wrong is told to the sender by field, with what would be right (InputError → INVALID_ARGUMENT): nothing is guessed, and
nothing that is wrong gets into the ring.

**What recurs is read once.** In a storm the same place fails in the same way, thousands of times a second: where it happened and what was
thrown, most of a fault's fields, come as the same bytes again. What they say is remembered by these bytes, checked and all, where they are
not long. So an equal fault costs half of one that is read anew; of a new one at a known place only what was thrown is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

from google.protobuf.message import DecodeError

from error_daemon.errors import InputError
from error_daemon.ingest.fault_pb2 import RawFault
from error_daemon.model import ErrorType, Fault, Severity
from error_recovery.v1 import fault_pb2

_TYPES = (ErrorType.UNKNOWN, *ErrorType)  # by the number on the wire; 0 is unspecified
_SEVERITIES = (None, *Severity)
_MOST_BYTES = 256 << 10  # far more than a slot keeps; what is above it only costs time
_TEXT_BYTES = 256
_ID_BYTES = 64
_MOST_ATTRIBUTES = 64
_KEY_BYTES = 64
_VALUE_BYTES = 1024
_MOST_RELATED = 16
_MOST_COUNT = 1_000_000_000
_FRAMES = 5  # enough to tell fifty known shapes apart, and quick
_FRAMES_SEEN = 256  # however many a runaway recursion has left
_YEAR_2000_NS = 946_684_800 * 10**9
_DAY_NS = 86_400 * 10**9
_REMEMBERED = 1024  # places, and what was thrown
_MOST_REMEMBERED_BYTES = 4096  # of one of them: at worst 8 MiB in all, and up to six times as much for what they say


def decode(payload: bytes, received_at: float) -> Fault:
    """The fault in `payload` (a serialised error_recovery.v1.Fault). Raises InputError."""
    if len(payload) > _MOST_BYTES:
        raise InputError("fault", f"has {len(payload)} bytes; at most {_MOST_BYTES}")
    try:
        message = RawFault.FromString(payload)
        component, operation, node, environment, hardware_id, attributes = _place_in(message.context)
        exception_type, exception_message, frames = _thrown_in(message.exception)
    except DecodeError as error:
        raise InputError("fault", f"is not a Fault message in valid UTF-8: {error}") from None
    number, severity, occurred_ns = message.type, message.severity, message.occurred_at_unix_ns
    if not 0 <= number < len(_TYPES):
        raise InputError("fault.type", f"{number} is not an ErrorType: 0 to {len(_TYPES) - 1} are")
    if not 0 <= severity < len(_SEVERITIES):
        raise InputError("fault.severity", f"{severity} is not a Severity: 0 to {len(_SEVERITIES) - 1} are")
    related = message.related_error_ids
    # By position: with their names, 22 arguments take four times as long, which is 1 µs of every fault. What a message holds is
    # read once for the same reason: each look makes a new object.
    fault = Fault(
        _TYPES[number],
        message.message,
        _SEVERITIES[severity],
        component,
        operation,
        node,
        environment,
        hardware_id,
        attributes,
        exception_type,
        exception_message,
        frames,
        message.fingerprint,
        message.target,
        occurred_ns / 1e9 if occurred_ns else received_at,
        received_at,
        message.retry_success,
        message.count or 1,
        message.affected_tasks,
        tuple(related) if related else (),
        message.source,
        message.fault_id,
    )
    _check(fault, occurred_ns)
    return fault


# --- what recurs


class _Place(NamedTuple):
    """Where it happened."""

    component: str = ""
    operation: str = ""
    node: str = ""
    environment: str = ""
    hardware_id: str = ""
    attributes: Mapping[str, str] = {}


class _Thrown(NamedTuple):
    """What was thrown. Of the frames, the innermost ones of the application."""

    type: str = ""
    message: str = ""
    frames: tuple[str, ...] = ()


_NO_PLACE, _NOTHING = _Place(), _Thrown()


def _place_in(parts: Sequence[bytes]) -> _Place:
    """Raises DecodeError, InputError."""
    if not parts:
        return _NO_PLACE
    if len(parts) == 1 and len(parts[0]) <= _MOST_REMEMBERED_BYTES:
        return _known_place(parts[0])
    return _read_place(*parts)


def _thrown_in(parts: Sequence[bytes]) -> _Thrown:
    """Likewise."""
    if not parts:
        return _NOTHING
    if len(parts) == 1 and len(parts[0]) <= _MOST_REMEMBERED_BYTES:
        return _known_thrown(parts[0])
    return _read_thrown(*parts)


def _read_place(*parts: bytes) -> _Place:
    """As the fields of a Fault that they are, so that nothing is read here that nobody could read back."""
    context = fault_pb2.Fault.FromString(RawFault(context=parts).SerializeToString()).context
    attributes = context.attributes
    place = _Place(
        context.component,
        context.operation,
        context.node,
        context.environment,
        context.hardware_id,
        {key: attributes[key] for key in attributes} if attributes else _NO_PLACE.attributes,
    )
    for name in _PLACE_NAMES:
        _check_length(f"fault.context.{name}", getattr(place, name), _TEXT_BYTES)
    _check_attributes(place.attributes)
    return place


def _read_thrown(*parts: bytes) -> _Thrown:
    """Likewise."""
    exception = fault_pb2.Fault.FromString(RawFault(exception=parts).SerializeToString()).exception
    frames = exception.frames
    _check_length("fault.exception.type", exception.type, _TEXT_BYTES)
    return _Thrown(exception.type, exception.message, _frames(frames) if frames else ())


_PLACE_NAMES = ("component", "operation", "node", "environment", "hardware_id")
_known_place = lru_cache(_REMEMBERED)(_read_place)
_known_thrown = lru_cache(_REMEMBERED)(_read_thrown)


def _frames(frames: Sequence[fault_pb2.Frame]) -> tuple[str, ...]:
    """The innermost ones of the application, of a stack whose innermost frame is its last."""
    found: list[str] = []
    for frame in islice(reversed(frames), _FRAMES_SEEN):
        if frame.in_application:
            found.append(f"{frame.module}:{frame.function}")
            if len(found) == _FRAMES:
                break
    found.reverse()
    return tuple(found)


# --- what is wrong


def _check(fault: Fault, occurred_ns: int) -> None:
    if not fault.message and not fault.exception_type:
        raise InputError("fault.message", "is empty, and so is fault.exception.type: say what went wrong")
    if fault.count > _MOST_COUNT:
        raise InputError("fault.count", f"{fault.count} is more than {_MOST_COUNT}")
    if len(fault.related_error_ids) > _MOST_RELATED:
        raise InputError("fault.related_error_ids", f"has {len(fault.related_error_ids)} ids; at most {_MOST_RELATED}")
    if occurred_ns:
        _check_time(occurred_ns, fault.received_at)
    names = f"{fault.fault_id}{fault.source}{fault.explicit_fingerprint}{fault.target}"
    if len(names) > _ID_BYTES or not names.isascii():  # else none of them is too long: a character of ASCII is a byte
        _check_length("fault.fault_id", fault.fault_id, _ID_BYTES)
        _check_length("fault.source", fault.source, _ID_BYTES)
        _check_length("fault.fingerprint", fault.explicit_fingerprint, _TEXT_BYTES)
        _check_length("fault.target", fault.target, _TEXT_BYTES)


def _check_time(occurred_ns: int, received_at: float) -> None:
    if occurred_ns < _YEAR_2000_NS:
        raise InputError(
            "fault.occurred_at_unix_ns", f"{occurred_ns} is before the year 2000: nanoseconds since 1970 are meant"
        )
    if occurred_ns > received_at * 1e9 + _DAY_NS:
        raise InputError(
            "fault.occurred_at_unix_ns", f"{occurred_ns} is more than a day in the future: is the sender's clock right?"
        )


def _check_length(field: str, text: str, most_bytes: int) -> None:
    if len(text) > most_bytes // 4 and len(text.encode()) > most_bytes:  # no character has more than four bytes
        raise InputError(field, f"has {len(text.encode())} bytes; at most {most_bytes}")


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if len(attributes) > _MOST_ATTRIBUTES:
        raise InputError("fault.context.attributes", f"has {len(attributes)} entries; at most {_MOST_ATTRIBUTES}")
    for key, value in attributes.items():
        if len(key) > _KEY_BYTES // 4:
            _check_length(f"fault.context.attributes[{key[:_KEY_BYTES]!r}] (key)", key, _KEY_BYTES)
        if len(value) > _VALUE_BYTES // 4:
            _check_length(f"fault.context.attributes[{key!r}]", value, _VALUE_BYTES)
