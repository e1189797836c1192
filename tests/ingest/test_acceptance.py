"""Faults of others' messages: cut to what a fault may have, typed by a name, and handed in within what their caller may."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.ingest.acceptance import TARGET, Acceptance, Tally
from error_daemon.ingest.decode import decode
from error_daemon.ingest.exception_types import error_type_named
from error_daemon.ingest.fitted import fitted, flat
from error_daemon.ingest.marks import PASS
from error_recovery.v1 import fault_pb2
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OPERATOR, OpenGate

TEXTS = st.text(max_size=600)
ATTRIBUTES = st.text(
    st.characters() | st.characters(categories=["Cs"]), max_size=600
)  # lone surrogates, as JSON may have


@given(texts=st.lists(TEXTS, min_size=5, max_size=5), attributes=st.dictionaries(ATTRIBUTES, ATTRIBUTES, max_size=80))
def test_whatever_a_message_had_its_fault_is_one_that_is_taken(texts: list[str], attributes: dict[str, str]) -> None:
    fault = fault_pb2.Fault(message="m")
    made = fitted(fault, list(attributes.items()))
    kind, component, fingerprint, target, fault_id = (text.encode("utf-8", "replace").decode() for text in texts)
    again = fault_pb2.Fault.FromString(made)
    again.exception.type, again.context.component, again.fault_id = kind, component, fault_id
    again.fingerprint, again.target = fingerprint, target
    decode(fitted(again), 1e9)


def test_what_fits_is_left_as_it_is() -> None:
    fault = fault_pb2.Fault(message="it broke", context=fault_pb2.Context(component="köln"))
    kept = fault_pb2.Fault.FromString(fitted(fault, [("release", "1.2")]))
    assert (kept.message, kept.context.component) == ("it broke", "köln")
    assert dict(kept.context.attributes) == {"release": "1.2"}
    assert not kept.shortened


def test_what_is_cut_is_marked_and_ends_between_two_characters() -> None:
    fault = fault_pb2.Fault(message="m", context=fault_pb2.Context(component="ü" * 200))
    kept = fault_pb2.Fault.FromString(fitted(fault))
    assert kept.context.component == "ü" * 126 + "…"
    assert kept.shortened


def test_the_first_attributes_are_kept_and_the_daemons_own_marks_are_not_taken_from_others() -> None:
    kept = fault_pb2.Fault.FromString(
        fitted(fault_pb2.Fault(message="m"), [(PASS, "x"), ("", "x"), *((f"{n}", "v") for n in range(100))])
    )
    assert set(kept.context.attributes) == {f"{n}" for n in range(64)}
    assert kept.shortened


def test_nested_values_become_attributes() -> None:
    values = {"a": {"b": 1, "c": {"d": True}}, "list": [1], "none": None, "empty": "", "text": "t", "ratio": 0.5}
    assert dict(flat(values)) == {"a.b": "1", "a.c.d": "true", "text": "t", "ratio": "0.5"}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("psycopg2.OperationalError", "DATABASE"),
        ("redis.exceptions.TimeoutError", "DATABASE"),
        ("TimeoutError", "TIMEOUT"),
        ("java.net.SocketTimeoutException", "TIMEOUT"),
        ("ETIMEDOUT", "TIMEOUT"),
        ("ConnectionRefusedError", "NETWORK"),
        ("java.net.ConnectException", "NETWORK"),
        ("requests.exceptions.HTTPError", "NETWORK"),
        ("PermissionError", "SECURITY"),
        ("MemoryError", "RESOURCE"),
        ("java.lang.OutOfMemoryError", "RESOURCE"),
        ("ModuleNotFoundError", "CONFIGURATION"),
        ("KeyError", "DATA"),
        ("TypeError", "DATA"),
        ("System.IO.IOException", "SYSTEM"),
        ("subprocess.CalledProcessError", "TASK"),
        ("ShopError", "UNKNOWN"),
        ("", "UNKNOWN"),
    ],
)
def test_a_name_tells_the_type_in_any_language(name: str, kind: str) -> None:
    assert fault_pb2.ErrorType.Name(error_type_named(name)) == f"ERROR_TYPE_{kind}"


def desk(gate: OpenGate | None = None, *, is_durable: bool = False) -> tuple[Acceptance, ListedIntake]:
    intake = ListedIntake()
    return Acceptance(intake, gate or OpenGate(), is_durable=is_durable), intake


def test_one_fault_that_is_wrong_does_not_concern_the_others() -> None:
    acceptance, intake = desk()
    accepted = acceptance.take_now([b"1", b"wrong", b"2"], OPERATOR)
    assert intake.taken == [b"1", b"2"]
    assert len(accepted.error_ids) == 2
    assert [str(error) for error in accepted.refused] == ["fault.message: is wrong"]
    assert (accepted.left, accepted.retry_after_s) == (0, 0.0)


@pytest.mark.parametrize(
    ("most", "faults", "retry_after_s"), [(2, [b"1", b"2", b"3", b"4"], 1.5), (9, [b"1", b"2", b"full", b"3"], 0.25)]
)
def test_what_has_to_come_again_is_counted_with_when(most: int, faults: list[bytes], retry_after_s: float) -> None:
    acceptance, intake = desk(OpenGate(most_faults=most))
    accepted = acceptance.take_now(faults, OPERATOR)
    assert intake.taken == [b"1", b"2"]
    assert (accepted.left, accepted.retry_after_s) == (2, retry_after_s)


def test_a_target_that_is_not_defined_loses_no_fault() -> None:
    acceptance, intake = desk()
    intake.targets = {"shop"}
    named = [fault_pb2.Fault(message="m", target=target).SerializeToString() for target in ("shop", "shpo")]
    assert len(acceptance.take_now(named, OPERATOR).error_ids) == 2
    known, unknown = (fault_pb2.Fault.FromString(payload) for payload in intake.taken)
    assert (known.target, dict(known.context.attributes)) == ("shop", {})
    assert (unknown.target, dict(unknown.context.attributes)) == ("", {TARGET: "shpo"})


def test_a_target_that_is_not_defined_finds_room_among_all_the_attributes_that_a_fault_may_have() -> None:
    acceptance, intake = desk()
    intake.targets = {"shop"}
    full = fitted(fault_pb2.Fault(message="m", target="shpo"), [(f"{n}", "v") for n in range(64)])
    acceptance.take_now([full], OPERATOR)
    decode(intake.taken[0], 1e9)
    assert fault_pb2.Fault.FromString(intake.taken[0]).context.attributes[TARGET] == "shpo"


def test_what_came_is_counted() -> None:
    acceptance, _ = desk(OpenGate(most_faults=3))
    acceptance.take_now([b"1", b"wrong", b"2", b"3", b"4"], OPERATOR)
    assert acceptance.tally == Tally(accepted=2, refused=1, put_off=2)


def test_where_power_may_be_lost_the_sender_hears_when_it_is_on_the_disk() -> None:
    async def test() -> None:
        acceptance, intake = desk(is_durable=True)
        taking = asyncio.ensure_future(acceptance.take([b"1"], OPERATOR))
        await asyncio.sleep(0)
        assert (intake.taken, intake.waiting, taking.done()) == ([b"1"], 1, False)
        intake.settle.set()
        assert len((await taking).error_ids) == 1
        intake.settle.clear()
        assert (await acceptance.take([b"wrong"], OPERATOR)).error_ids == []  # and waits for nothing

    asyncio.run(test())
