"""What is wrong with a reported fault is told by field; what is right comes out as it was meant."""

from __future__ import annotations

from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.errors import InputError
from error_daemon.ingest.decode import decode
from error_daemon.model import ErrorType, Severity
from error_recovery.v1 import fault_pb2

NOW = 1_790_000_000.0
NS = 10**9
Context, Exception_, Frame = fault_pb2.Context, fault_pb2.Exception, fault_pb2.Frame


def _bytes(**fields: Any) -> bytes:
    return fault_pb2.Fault(**{"message": "it broke", **fields}).SerializeToString()


def _tagged(field: int, content: bytes) -> bytes:
    """A length-delimited field, written by hand: the library refuses to write what is wrong."""
    return bytes([field << 3 | 2, len(content)]) + content


_ATTRIBUTE = _tagged(1, b"key") + _tagged(2, b"\xff\xfe")

BAD = {
    "truncated": (_bytes()[:-3], "fault", "not a Fault message"),
    "random": (b"\xff\xff\xff\xff\xff", "fault", "not a Fault message"),
    "invalid UTF-8 in the message": (_tagged(4, b"caf\xe9"), "fault", "UTF-8"),
    "invalid UTF-8 in an attribute": (
        _bytes() + _tagged(5, _tagged(6, _ATTRIBUTE)),
        "fault",
        "UTF-8",
    ),
    "invalid UTF-8 in a related id": (_bytes() + bytes([14 << 3 | 2, 1, 0xFF]), "fault", "UTF-8"),
    "parts that are whole only together": (
        _bytes() + _tagged(5, b"\x0a\x05ab") + _tagged(5, b"cde"),
        "fault",
        "not a Fault message",
    ),
    "nested too deeply to be read back": (
        _bytes() + b"\x2a\xc8\x01" + b"\x7b" * 100 + b"\x7c" * 100,  # groups of a field that nobody knows
        "fault",
        "not a Fault message",
    ),
    "no such type": (_bytes(type=15), "fault.type", "15 is not an ErrorType: 0 to 14"),
    "negative type": (_bytes(type=-1), "fault.type", "-1 is not"),
    "no such severity": (_bytes(severity=6), "fault.severity", "6 is not a Severity: 0 to 5"),
    "negative severity": (_bytes(severity=-2147483648), "fault.severity", "is not"),
    "empty": (b"", "fault.message", "say what went wrong"),
    "only a place": (_bytes(message="", context=Context(component="web")), "fault.message", "is empty"),
    "before 1970": (_bytes(occurred_at_unix_ns=-1), "fault.occurred_at_unix_ns", "before the year 2000"),
    "seconds for nanoseconds": (_bytes(occurred_at_unix_ns=int(NOW)), "fault.occurred_at_unix_ns", "nanoseconds"),
    "least": (_bytes(occurred_at_unix_ns=-(2**63)), "fault.occurred_at_unix_ns", "before"),
    "year 2262": (_bytes(occurred_at_unix_ns=2**63 - 1), "fault.occurred_at_unix_ns", "future"),
    "in two days": (_bytes(occurred_at_unix_ns=int(NOW + 2 * 86400) * NS), "fault.occurred_at_unix_ns", "clock"),
    "long id": (_bytes(fault_id="x" * 65), "fault.fault_id", "has 65 bytes; at most 64"),
    "long id in bytes": (_bytes(fault_id="é" * 33), "fault.fault_id", "has 66 bytes; at most 64"),
    "long source in bytes": (_bytes(source="€" * 22), "fault.source", "has 66 bytes; at most 64"),
    "long source": (_bytes(source="x" * 65), "fault.source", "at most 64"),
    "long target": (_bytes(target="x" * 257), "fault.target", "has 257 bytes; at most 256"),
    "long in bytes": (_bytes(fingerprint="é" * 129), "fault.fingerprint", "has 258 bytes"),
    "long exception": (_bytes(exception=Exception_(type="x" * 300)), "fault.exception.type", "300 bytes"),
    "long component": (_bytes(context=Context(component="x" * 257)), "fault.context.component", "257 bytes"),
    "long operation": (_bytes(context=Context(operation="x" * 257)), "fault.context.operation", "257 bytes"),
    "long node": (_bytes(context=Context(node="x" * 257)), "fault.context.node", "257 bytes"),
    "long environment": (_bytes(context=Context(environment="x" * 257)), "fault.context.environment", "257"),
    "long hardware": (_bytes(context=Context(hardware_id="x" * 257)), "fault.context.hardware_id", "257 bytes"),
    "65 attributes": (
        _bytes(context=Context(attributes={str(n): "" for n in range(65)})),
        "fault.context.attributes",
        "has 65 entries; at most 64",
    ),
    "long key": (_bytes(context=Context(attributes={"k" * 65: ""})), "fault.context.attributes['kkk", "65 bytes"),
    "long value": (_bytes(context=Context(attributes={"k": "v" * 1025})), "fault.context.attributes['k']", "1025"),
    "17 related": (_bytes(related_error_ids=["a"] * 17), "fault.related_error_ids", "has 17 ids; at most 16"),
    "huge count": (_bytes(count=10**9 + 1), "fault.count", "1000000001 is more than 1000000000"),
    "largest count": (_bytes(count=2**64 - 1), "fault.count", "is more than"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_told_by_field(case: str) -> None:
    payload, field, part = BAD[case]
    with pytest.raises(InputError) as refused:
        decode(payload, NOW)
    assert refused.value.field.startswith(field)
    assert part in refused.value.problem


@pytest.mark.parametrize(("count", "stands_for"), [(0, 1), (1, 1), (7, 7), (10**9, 10**9)])
def test_a_fault_stands_for_its_count_and_zero_for_one(count: int, stands_for: int) -> None:
    assert decode(_bytes(count=count), NOW).count == stands_for


def test_every_field_arrives() -> None:
    fault = decode(
        _bytes(
            fault_id="f-1",
            type=fault_pb2.ERROR_TYPE_DATABASE,
            severity=fault_pb2.SEVERITY_HIGH,
            context=Context(
                component="shop",
                operation="checkout",
                node="n1",
                environment="test",
                hardware_id="hw",
                attributes={"a": "1"},
            ),
            exception=Exception_(type="E", message="no", frames=[Frame(module="m", function="f", in_application=True)]),
            fingerprint="print",
            target="db",
            occurred_at_unix_ns=int(NOW - 1) * NS,
            retry_success=True,
            count=3,
            affected_tasks=2,
            related_error_ids=["r"],
            source="test",
        ),
        NOW,
    )
    assert (fault.type, fault.severity, fault.message) == (ErrorType.DATABASE, Severity.HIGH, "it broke")
    assert (fault.component, fault.operation, fault.node) == ("shop", "checkout", "n1")
    assert (fault.environment, fault.hardware_id, dict(fault.attributes)) == ("test", "hw", {"a": "1"})
    assert (fault.exception_type, fault.exception_message, fault.frames) == ("E", "no", ("m:f",))
    assert (fault.explicit_fingerprint, fault.target, fault.source, fault.fault_id) == ("print", "db", "test", "f-1")
    assert (fault.occurred_at, fault.received_at) == (NOW - 1, NOW)
    assert (fault.retry_success, fault.count, fault.affected_tasks) == (True, 3, 2)
    assert fault.related_error_ids == ("r",)


def test_what_is_not_said_is_filled_in() -> None:
    fault = decode(_bytes(), NOW)
    assert (fault.type, fault.severity, fault.occurred_at) == (ErrorType.UNKNOWN, None, NOW)


@pytest.mark.parametrize("kind", ErrorType)
def test_the_numbers_of_the_wire_are_those_of_the_model(kind: ErrorType) -> None:
    number = fault_pb2.ErrorType.Value(f"ERROR_TYPE_{kind.name}")
    assert decode(_bytes(type=number), NOW).type is kind


@pytest.mark.parametrize("severity", Severity)
def test_the_severities_of_the_wire_are_those_of_the_model(severity: Severity) -> None:
    number = fault_pb2.Severity.Value(f"SEVERITY_{severity.name}")
    assert decode(_bytes(severity=number), NOW).severity is severity


def test_the_five_innermost_frames_of_the_application_take_part() -> None:
    frames = [Frame(module="m", function=str(n), in_application=n % 2 == 0) for n in range(20)]
    assert decode(_bytes(exception=Exception_(frames=frames)), NOW).frames == ("m:10", "m:12", "m:14", "m:16", "m:18")


def test_only_the_innermost_frames_of_a_runaway_recursion_are_looked_at() -> None:
    inner = [Frame(module="lib", function="f") for _ in range(255)]
    for outer, found in ((0, ("m:f",)), (1, ())):
        frames = [Frame(module="m", function="f", in_application=True), *inner, *inner[:outer]]
        assert decode(_bytes(exception=Exception_(frames=frames)), NOW).frames == found


@pytest.mark.parametrize("text", ["x" * 64, "é" * 32, "€" * 21])
def test_texts_are_counted_in_bytes(text: str) -> None:
    fault = decode(_bytes(fault_id=text, target=text * 4), NOW)
    assert (fault.fault_id, fault.target) == (text, text * 4)


def test_a_day_of_wrong_clock_is_forgiven() -> None:
    assert decode(_bytes(occurred_at_unix_ns=int(NOW + 86_000) * NS), NOW).occurred_at == NOW + 86_000


@given(st.binary(max_size=400))
def test_no_bytes_raise_anything_but_input_error(payload: bytes) -> None:
    _either_a_fault_or_an_input_error(payload)


@given(st.data())
def test_no_damaged_fault_raises_anything_but_input_error(data: st.DataObject) -> None:
    whole = bytearray(
        _bytes(
            context=Context(component="é", attributes={"k": "ü"}),
            exception=Exception_(type="E", stack_trace="at x", frames=[Frame(module="m", line=3)]),
            related_error_ids=["0011"],
            occurred_at_unix_ns=int(NOW) * NS,
        )
    )
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    _either_a_fault_or_an_input_error(bytes(whole[: data.draw(st.integers(0, len(whole)))]))


def _contexts() -> st.SearchStrategy[fault_pb2.Context]:
    word = st.sampled_from(["", "a", "é"])
    attributes = st.dictionaries(st.sampled_from("kl"), st.sampled_from(["", "v", "v" * 1000]))
    return st.builds(Context, component=word, operation=word, node=word, attributes=attributes)


def _exceptions() -> st.SearchStrategy[fault_pb2.Exception]:
    frame = st.builds(Frame, module=st.sampled_from("mn"), function=st.just("f"), in_application=st.booleans())
    trace = st.sampled_from(["", "at x", "t" * 5000])
    return st.builds(Exception_, type=st.sampled_from(["", "E"]), stack_trace=trace, frames=st.lists(frame, max_size=3))


@given(
    st.lists(
        st.builds(
            fault_pb2.Fault,
            message=st.sampled_from(["", "it broke"]),
            context=st.none() | _contexts(),
            exception=st.none() | _exceptions(),
        ).map(lambda fault: fault.SerializeToString()),
        min_size=1,
        max_size=3,
    ).map(b"".join)
)
def test_parts_that_come_several_times_are_merged_and_what_recurs_says_the_same_again(payload: bytes) -> None:
    for _ in range(2):
        _either_a_fault_or_an_input_error(payload)


def _either_a_fault_or_an_input_error(payload: bytes) -> None:
    """And what it says is what the public message says, which the record shows to people."""
    try:
        public = fault_pb2.Fault.FromString(payload)
    except DecodeError:
        public = None
    try:
        fault = decode(payload, NOW)
    except InputError as error:
        assert error.field.startswith("fault")  # noqa: PT017
        assert ("is not a Fault message" in error.problem) == (public is None)  # noqa: PT017
        return
    assert public is not None, "nobody could read it back"
    context, exception = public.context, public.exception
    assert fault.count >= 1
    assert (fault.message, fault.target, fault.fault_id) == (public.message, public.target, public.fault_id)
    assert (fault.component, fault.operation, fault.node) == (context.component, context.operation, context.node)
    assert (fault.environment, fault.hardware_id) == (context.environment, context.hardware_id)
    assert dict(fault.attributes) == dict(context.attributes)
    assert (fault.exception_type, fault.exception_message) == (exception.type, exception.message)
    own = [f"{frame.module}:{frame.function}" for frame in exception.frames if frame.in_application]
    assert fault.frames == tuple(own[-5:])
