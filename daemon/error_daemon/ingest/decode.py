"""From the bytes of a reported fault to the values that decisions need; and back to bytes that fit a slot of the ring.

What is wrong is told to the sender by field, with what would be right (InputError → INVALID_ARGUMENT): nothing is guessed, and
nothing that is wrong gets into the ring.
"""

from __future__ import annotations

from google.protobuf.message import DecodeError

from error_daemon.errors import InputError
from error_daemon.model import ErrorType, Fault, Severity
from error_recovery.v1 import fault_pb2

_TYPES = (ErrorType.UNKNOWN, *ErrorType)  # by the number on the wire; 0 is unspecified
_SEVERITIES = (None, *Severity)
_TEXT_BYTES = 256
_ID_BYTES = 64
_MOST_ATTRIBUTES = 64
_KEY_BYTES = 64
_VALUE_BYTES = 1024
_MOST_RELATED = 16
_MOST_COUNT = 1_000_000_000
_FRAMES = 5  # enough to tell fifty known shapes apart, and quick
_YEAR_2000_NS = 946_684_800 * 10**9
_DAY_NS = 86_400 * 10**9


def decode(payload: bytes, received_at: float) -> Fault:
    """The fault in `payload` (a serialised error_recovery.v1.Fault). Raises InputError."""
    try:
        message = fault_pb2.Fault.FromString(payload)
    except DecodeError as error:
        raise InputError("fault", f"is not a Fault message in valid UTF-8: {error}") from None
    context, exception = message.context, message.exception
    _check(message, received_at)
    return Fault(
        type=_TYPES[message.type],
        message=message.message,
        severity=_SEVERITIES[message.severity],
        component=context.component,
        operation=context.operation,
        node=context.node,
        environment=context.environment,
        hardware_id=context.hardware_id,
        attributes=dict(context.attributes) if context.attributes else _NO_ATTRIBUTES,
        exception_type=exception.type,
        exception_message=exception.message,
        frames=_frames(exception) if exception.frames else (),
        explicit_fingerprint=message.fingerprint,
        target=message.target,
        occurred_at=message.occurred_at_unix_ns / 1e9 if message.occurred_at_unix_ns else received_at,
        received_at=received_at,
        retry_success=message.retry_success,
        count=message.count or 1,
        affected_tasks=message.affected_tasks,
        related_error_ids=tuple(message.related_error_ids) if message.related_error_ids else (),
        source=message.source,
        fault_id=message.fault_id,
    )


_NO_ATTRIBUTES: dict[str, str] = {}


def _frames(exception: fault_pb2.Exception) -> tuple[str, ...]:
    return tuple([f"{frame.module}:{frame.function}" for frame in exception.frames if frame.in_application][-_FRAMES:])


def _check(message: fault_pb2.Fault, received_at: float) -> None:
    if not 0 <= message.type < len(_TYPES):
        raise InputError("fault.type", f"{message.type} is not an ErrorType: 0 to {len(_TYPES) - 1} are")
    if not 0 <= message.severity < len(_SEVERITIES):
        raise InputError("fault.severity", f"{message.severity} is not a Severity: 0 to {len(_SEVERITIES) - 1} are")
    if not message.message and not message.exception.type:
        raise InputError("fault.message", "is empty, and so is fault.exception.type: say what went wrong")
    if message.count > _MOST_COUNT:
        raise InputError("fault.count", f"{message.count} is more than {_MOST_COUNT}")
    if len(message.related_error_ids) > _MOST_RELATED:
        raise InputError(
            "fault.related_error_ids", f"has {len(message.related_error_ids)} ids; at most {_MOST_RELATED}"
        )
    if message.occurred_at_unix_ns:
        _check_time(message.occurred_at_unix_ns, received_at)
    context = message.context
    _check_length("fault.fault_id", message.fault_id, _ID_BYTES)
    _check_length("fault.source", message.source, _ID_BYTES)
    for name, text in (
        ("fault.fingerprint", message.fingerprint),
        ("fault.target", message.target),
        ("fault.exception.type", message.exception.type),
        ("fault.context.component", context.component),
        ("fault.context.operation", context.operation),
        ("fault.context.node", context.node),
        ("fault.context.environment", context.environment),
        ("fault.context.hardware_id", context.hardware_id),
    ):
        if text:
            _check_length(name, text, _TEXT_BYTES)
    if context.attributes:
        _check_attributes(context)


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


def _check_attributes(context: fault_pb2.Context) -> None:
    if len(context.attributes) > _MOST_ATTRIBUTES:
        raise InputError(
            "fault.context.attributes", f"has {len(context.attributes)} entries; at most {_MOST_ATTRIBUTES}"
        )
    for key, value in context.attributes.items():
        _check_length(f"fault.context.attributes[{key[:_KEY_BYTES]!r}] (key)", key, _KEY_BYTES)
        _check_length(f"fault.context.attributes[{key!r}]", value, _VALUE_BYTES)


def fit(payload: bytes, most_bytes: int) -> bytes:
    """The same fault in at most `most_bytes`, marked as shortened: first the middle of the stack trace goes, then frames, long
    texts, and at last attributes. What rules and fingerprints need is kept as long as anything is. `payload` must decode."""
    message = fault_pb2.Fault.FromString(payload)
    message.shortened = True
    exception, attributes = message.exception, message.context.attributes
    _cut(exception, "stack_trace", message.ByteSize() - most_bytes)
    while exception.frames and message.ByteSize() > most_bytes:
        del exception.frames[0]  # the outermost tells least
    _cut(exception, "message", message.ByteSize() - most_bytes)
    _cut(message, "message", message.ByteSize() - most_bytes)
    for key in sorted(attributes, key=lambda key: -len(attributes[key])):
        if message.ByteSize() <= most_bytes:
            break
        del attributes[key]
    if message.ByteSize() > most_bytes:
        del message.related_error_ids[:]
    if message.ByteSize() > most_bytes:
        raise InputError("fault", f"has {len(payload)} bytes and cannot be shortened to {most_bytes}")
    return message.SerializeToString()


_MARK = " [... {} bytes cut ...] "
_MARK_BYTES = 40
_KEEP_BYTES = 160  # of a text that is cut


def _cut(holder: fault_pb2.Fault | fault_pb2.Exception, field: str, excess: int) -> None:
    """Take `excess` bytes and the room for a mark out of the middle of a text, which keeps at least its two ends."""
    text = getattr(holder, field).encode()
    if excess <= 0 or len(text) <= _KEEP_BYTES:
        return
    keep = max(_KEEP_BYTES, len(text) - excess - _MARK_BYTES)
    if keep >= len(text):
        return
    head, tail = text[: keep // 2], text[len(text) - (keep - keep // 2) :]
    mark = _MARK.format(len(text) - keep)
    setattr(holder, field, head.decode(errors="ignore") + mark + tail.decode(errors="ignore"))
