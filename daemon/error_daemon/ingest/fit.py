"""A fault's bytes made to fit a slot of the ring."""

from __future__ import annotations

from error_daemon.errors import InputError
from error_daemon.ingest.marks import MARKS
from error_recovery.v1 import fault_pb2

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


def _cut(holder: fault_pb2.Fault | fault_pb2.Exception, field: str, excess: int, keep_bytes: int) -> None:
    """Take `excess` bytes and the room for a mark out of the middle of a text, which keeps at least `keep_bytes` of its two ends."""
    text = getattr(holder, field).encode()
    if excess <= 0 or len(text) <= keep_bytes + _MARK_BYTES:
        return
    keep = max(keep_bytes, len(text) - excess - _MARK_BYTES)
    head, tail = text[: keep // 2], text[len(text) - (keep - keep // 2) :]
    mark = _MARK.format(len(text) - keep)
    setattr(holder, field, head.decode(errors="ignore") + mark + tail.decode(errors="ignore"))
