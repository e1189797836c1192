"""From the bytes of a reported fault to the values that decisions need; and back to bytes that fit a slot of the ring.

What is wrong is told to the sender by field, with what would be right (InputError → INVALID_ARGUMENT): nothing is guessed, and
nothing that is wrong gets into the ring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from google.protobuf.message import DecodeError

from error_daemon.errors import InputError
from error_daemon.ingest.marks import MARKS
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


def decode(payload: bytes, received_at: float) -> Fault:
    """The fault in `payload` (a serialised error_recovery.v1.Fault). Raises InputError."""
    if len(payload) > _MOST_BYTES:
        raise InputError("fault", f"has {len(payload)} bytes; at most {_MOST_BYTES}")
    try:
        message = fault_pb2.Fault.FromString(payload)
    except DecodeError as error:
        raise InputError("fault", f"is not a Fault message in valid UTF-8: {error}") from None
    number, severity, occurred_ns = message.type, message.severity, message.occurred_at_unix_ns
    if not 0 <= number < len(_TYPES):
        raise InputError("fault.type", f"{number} is not an ErrorType: 0 to {len(_TYPES) - 1} are")
    if not 0 <= severity < len(_SEVERITIES):
        raise InputError("fault.severity", f"{severity} is not a Severity: 0 to {len(_SEVERITIES) - 1} are")
    context, exception = message.context, message.exception
    attributes, frames, related = context.attributes, exception.frames, message.related_error_ids
    # By position: with their names, 22 arguments take four times as long, which is 1 µs of every fault. What a message holds is
    # read once for the same reason: each look makes a new object.
    fault = Fault(
        _TYPES[number],
        message.message,
        _SEVERITIES[severity],
        context.component,
        context.operation,
        context.node,
        context.environment,
        context.hardware_id,
        {key: attributes[key] for key in attributes} if attributes else _NO_ATTRIBUTES,  # dict() takes twice as long
        exception.type,
        exception.message,
        _frames(frames) if frames else (),
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


_NO_ATTRIBUTES: dict[str, str] = {}


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


def _check(fault: Fault, occurred_ns: int) -> None:
    if not fault.message and not fault.exception_type:
        raise InputError("fault.message", "is empty, and so is fault.exception.type: say what went wrong")
    if fault.count > _MOST_COUNT:
        raise InputError("fault.count", f"{fault.count} is more than {_MOST_COUNT}")
    if len(fault.related_error_ids) > _MOST_RELATED:
        raise InputError("fault.related_error_ids", f"has {len(fault.related_error_ids)} ids; at most {_MOST_RELATED}")
    if occurred_ns:
        _check_time(occurred_ns, fault.received_at)
    _check_names(fault)
    if fault.attributes:
        _check_attributes(fault.attributes)


def _check_names(fault: Fault) -> None:
    """They are looked at one by one only where all of them together might be too long for one: a character of ASCII is a byte."""
    ids = f"{fault.fault_id}{fault.source}"
    if len(ids) > _ID_BYTES or not ids.isascii():
        _check_length("fault.fault_id", fault.fault_id, _ID_BYTES)
        _check_length("fault.source", fault.source, _ID_BYTES)
    names = (
        f"{fault.explicit_fingerprint}{fault.target}{fault.exception_type}{fault.component}"
        f"{fault.operation}{fault.node}{fault.environment}{fault.hardware_id}"
    )
    if len(names) > _TEXT_BYTES or not names.isascii():
        for field, name in _NAMES:
            _check_length(field, getattr(fault, name), _TEXT_BYTES)


_NAMES = (
    ("fault.fingerprint", "explicit_fingerprint"),
    ("fault.target", "target"),
    ("fault.exception.type", "exception_type"),
    ("fault.context.component", "component"),
    ("fault.context.operation", "operation"),
    ("fault.context.node", "node"),
    ("fault.context.environment", "environment"),
    ("fault.context.hardware_id", "hardware_id"),
)


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
    if len(text) > most_bytes or len(text.encode()) > most_bytes:
        raise InputError(field, f"has {len(text.encode())} bytes; at most {most_bytes}")


def _check_attributes(attributes: Mapping[str, str]) -> None:
    if len(attributes) > _MOST_ATTRIBUTES:
        raise InputError("fault.context.attributes", f"has {len(attributes)} entries; at most {_MOST_ATTRIBUTES}")
    for key, value in attributes.items():
        if len(key) > _KEY_BYTES // 4:
            _check_length(f"fault.context.attributes[{key[:_KEY_BYTES]!r}] (key)", key, _KEY_BYTES)
        if len(value) > _VALUE_BYTES // 4:
            _check_length(f"fault.context.attributes[{key!r}]", value, _VALUE_BYTES)


def fit(payload: bytes, most_bytes: int) -> bytes:
    """The same fault in at most `most_bytes`, marked as shortened: first the middle of the stack trace goes, then outer frames, the
    middle of messages, attributes, what the texts have left but their ends, and at last where it happened. What a fault is told apart
    and recovered by (type, component, target, fingerprint, the marks of a test) is never touched: InputError when that alone is too long.

    `payload` must decode. The result decodes too; it can be another error than the payload was, so decide by the result."""
    message = fault_pb2.Fault.FromString(payload)
    message.DiscardUnknownFields()
    message.shortened = True
    _shorten(message, most_bytes)
    excess = message.ByteSize() - most_bytes
    if excess > 0:
        raise InputError(
            "fault", f"has {len(payload)} bytes and cannot be shortened to {most_bytes}: {excess} too many"
        )
    return message.SerializeToString()


def _shorten(message: fault_pb2.Fault, most_bytes: int) -> None:
    def excess() -> int:
        return message.ByteSize() - most_bytes

    exception, context = message.exception, message.context
    _cut(exception, "stack_trace", excess(), _KEEP_BYTES)
    _drop_outer_frames(exception, excess())
    _cut(exception, "message", excess(), _KEEP_BYTES)
    _cut(message, "message", excess(), _KEEP_BYTES)
    for key in sorted(context.attributes.keys() - set(MARKS), key=lambda key: (-len(context.attributes[key]), key)):
        if excess() <= 0:
            return
        del context.attributes[key]
    if excess() > 0:
        del message.related_error_ids[:]
    for holder, text in _TEXTS:
        _cut(getattr(message, holder) if holder else message, text, excess(), _KEEP_LEAST_BYTES)
    for holder, name in _PLACES:
        if excess() > 0:
            setattr(getattr(message, holder) if holder else message, name, "")


def _drop_outer_frames(exception: fault_pb2.Exception, excess: int) -> None:
    """The outermost tell least. In one sweep: there may be a million of them."""
    dropped = 0
    for frame in exception.frames:
        if excess <= 0:
            break
        excess -= frame.ByteSize() + 2  # its tag and, at the least, its length
        dropped += 1
    if dropped:
        del exception.frames[:dropped]


_MARK = " [... {} bytes cut ...] "
_MARK_BYTES = 40
_KEEP_BYTES = 160  # of a text that is cut
_KEEP_LEAST_BYTES = 40
_PLACES = (
    ("", "fault_id"),
    ("", "source"),
    ("context", "operation"),
    ("context", "environment"),
    ("context", "hardware_id"),
    ("context", "node"),
)
_TEXTS = (("exception", "stack_trace"), ("exception", "message"), ("", "message"), ("exception", "type"))


def _cut(holder: fault_pb2.Fault | fault_pb2.Exception, field: str, excess: int, keep_bytes: int) -> None:
    """Take `excess` bytes and the room for a mark out of the middle of a text, which keeps at least `keep_bytes` of its two ends."""
    text = getattr(holder, field).encode()
    if excess <= 0 or len(text) <= keep_bytes + _MARK_BYTES:
        return
    keep = max(keep_bytes, len(text) - excess - _MARK_BYTES)
    head, tail = text[: keep // 2], text[len(text) - (keep - keep // 2) :]
    mark = _MARK.format(len(text) - keep)
    setattr(holder, field, head.decode(errors="ignore") + mark + tail.decode(errors="ignore"))
