"""A fault that is too long for a slot is shortened until it fits, and stays the fault that it was."""

from __future__ import annotations

import time
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.ingest.decode import decode
from error_daemon.ingest.fit import fit
from error_daemon.ingest.marks import marks
from error_recovery.v1 import fault_pb2

NOW = 1_790_000_000.0

_LETTERS = ("x", "é", "漢", "🔥", "0", "a b\n")


def _text(draw: Random, most_bytes: int) -> str:
    """A text of up to so many bytes, of letters of one to four bytes."""
    size = draw.choice((0, most_bytes, draw.randint(0, most_bytes)))
    pattern = "".join(draw.choice(_LETTERS) for _ in range(8))
    return (pattern * (size // 8 + 1)).encode()[:size].decode(errors="ignore")


def _fault(draw: Random, identity_bytes: int) -> fault_pb2.Fault:
    """Any valid fault, with up to 100 KiB of texts. Its component, target and fingerprint have up to `identity_bytes`."""
    frames = [
        fault_pb2.Frame(module=_text(draw, 60), function=_text(draw, 30), line=n, in_application=n % 2 == 0)
        for n in range(draw.choice((0, 3, 40)))
    ]
    return fault_pb2.Fault(
        fault_id=_text(draw, 64),
        type=fault_pb2.ErrorType.ValueType(draw.randint(0, 14)),
        severity=fault_pb2.Severity.ValueType(draw.randint(0, 5)),
        message=_text(draw, draw.choice((200, 30_000))) or "x",
        context=fault_pb2.Context(
            component=_text(draw, identity_bytes),
            operation=_text(draw, 256),
            node=_text(draw, 256),
            environment=_text(draw, 256),
            hardware_id=_text(draw, 256),
            attributes={_text(draw, 64): _text(draw, 1024) for _ in range(draw.choice((0, 2, 64)))},
        ),
        exception=fault_pb2.Exception(
            type=_text(draw, 256),
            message=_text(draw, draw.choice((100, 20_000))),
            stack_trace=_text(draw, draw.choice((300, 40_000))),
            frames=frames,
        ),
        fingerprint=_text(draw, identity_bytes),
        target=_text(draw, identity_bytes),
        occurred_at_unix_ns=int(NOW) * 10**9,
        count=draw.randint(0, 10**9),
        related_error_ids=["0123456789abcdef"] * draw.choice((0, 16)),
        source=_text(draw, 64),
    )


@settings(max_examples=200, deadline=None)
@given(seed=st.integers(0, 2**32), room=st.sampled_from([(1984, 256), (448, 24)]))
def test_any_valid_fault_fits_a_slot_and_stays_what_it_was(seed: int, room: tuple[int, int]) -> None:
    most_bytes, identity_bytes = room
    before = _fault(Random(seed), identity_bytes)
    payload = before.SerializeToString()
    decode(payload, NOW)
    if len(payload) <= most_bytes:
        return
    shortened = fit(payload, most_bytes)
    assert len(shortened) <= most_bytes
    after = fault_pb2.Fault.FromString(shortened)
    assert after.shortened
    assert (after.type, after.severity, after.count) == (before.type, before.severity, before.count)
    assert (after.fingerprint, after.target) == (before.fingerprint, before.target)
    assert after.context.component == before.context.component
    _is_the_same_at_both_ends(before.exception.stack_trace, after.exception.stack_trace)
    _is_the_same_at_both_ends(before.message, after.message)
    first, second = decode(payload, NOW), decode(shortened, NOW)
    assert (first.type, first.target, first.occurred_at) == (second.type, second.target, second.occurred_at)
    assert fault_pb2.Fault.FromString(fit(shortened, most_bytes)) == after


def _is_the_same_at_both_ends(before: str, after: str) -> None:
    ends = 20  # characters; at least 20 bytes of each end are kept, of which a letter takes up to four
    letters = min(ends, len(before)) // 4
    assert after[:letters] == before[:letters]
    assert after[len(after) - letters :] == before[len(before) - letters :]


def test_the_middle_of_a_stack_trace_goes_first_and_says_how_much() -> None:
    trace = "Traceback: outermost\n" + "  middle\n" * 1000 + "ValueError: innermost"
    fault = fault_pb2.Fault(
        message="it broke",
        context=fault_pb2.Context(attributes={"order": "4711"}),
        exception=fault_pb2.Exception(
            type="ValueError", message="innermost", stack_trace=trace, frames=[fault_pb2.Frame(module="m")]
        ),
    )
    after = fault_pb2.Fault.FromString(fit(fault.SerializeToString(), 1984))
    assert after.exception.stack_trace.startswith("Traceback: outermost\n")
    assert after.exception.stack_trace.endswith("ValueError: innermost")
    assert "bytes cut ...]" in after.exception.stack_trace
    assert after.ByteSize() > 1900  # and no more than that goes
    after.exception.stack_trace = fault.exception.stack_trace
    after.shortened = False
    assert after == fault


def test_the_innermost_frames_are_kept_longest() -> None:
    frames = [fault_pb2.Frame(module="m", function=f"f{n}", in_application=True) for n in range(500)]
    fault = fault_pb2.Fault(message="deep", exception=fault_pb2.Exception(frames=frames))
    after = fault_pb2.Fault.FromString(fit(fault.SerializeToString(), 448))
    assert [frame.function for frame in after.exception.frames] == [
        f"f{n}" for n in range(500 - len(after.exception.frames), 500)
    ]
    assert len(after.exception.frames) > 20


def test_what_a_newer_client_says_beside_goes_too() -> None:
    unknown = b"\xa2\x06\xd0\x0f" + b"x" * 2000  # field 100, which is not known here
    shortened = fit(fault_pb2.Fault(message="it broke").SerializeToString() + unknown, 448)
    assert decode(shortened, NOW).message == "it broke"


def test_what_a_fault_is_told_apart_by_is_not_cut() -> None:
    long = "x" * 256
    fault = fault_pb2.Fault(
        message="m", context=fault_pb2.Context(component=long), fingerprint=long, target=long
    ).SerializeToString()
    with pytest.raises(InputError, match="cannot be shortened to 448"):
        fit(fault, 448)


def test_a_message_full_of_tiny_frames_is_shortened_in_a_moment() -> None:
    payload = fault_pb2.Fault(message="hostile").SerializeToString()
    frames = b"\x22\x00" * 60_000  # of an Exception: 60,000 empty frames
    payload += b"\x32" + _varint(len(frames)) + frames
    began = time.perf_counter()
    fault = decode(fit(payload, 1984), NOW)
    assert fault.message == "hostile"
    assert time.perf_counter() - began < 10.0  # frame by frame it would take minutes


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def test_the_marks_of_a_test_are_kept() -> None:
    long = fault_pb2.Fault(message="x" * 900)
    long.context.attributes.update({"note": "y" * 900, **marks(3, "restart-web")})
    kept = decode(fit(long.SerializeToString(), 400), NOW)
    assert dict(kept.attributes) == marks(3, "restart-web")
