"""JSON of the REST API: what messages become, and what is taken for one."""

from __future__ import annotations

import asyncio
import json
from math import inf, nan

import pytest
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from hypothesis import given

from error_daemon.errors import InputError
from error_daemon.web.api.reading import fill_from_body, fill_from_texts, short_names
from error_daemon.web.api.writing import content, json_in_turns, json_text
from error_recovery.v1 import fault_pb2
from error_recovery.v1 import recovery_pb2 as pb
from tests.web.made_messages import messages

ANY = (
    messages(pb.GetErrorResponse.DESCRIPTOR)
    | messages(pb.GetStatusResponse.DESCRIPTOR)
    | messages(pb.TestEvent.DESCRIPTOR)
)


@given(ANY)
def test_a_message_is_written_as_protobuf_has_it(message: Message) -> None:
    as_protobuf_has_it = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    assert json.loads(json_text(message)) == as_protobuf_has_it


@given(ANY)
def test_what_was_written_reads_as_the_same_message(message: Message) -> None:
    read = type(message)()
    fill_from_body(read, json_text(message).encode(), ())
    assert read == message


@given(ANY)
def test_written_in_turns_it_is_the_same(message: Message) -> None:
    assert asyncio.run(json_in_turns(message)) == json_text(message)


def test_long_lists_are_written_in_turns() -> None:
    errors = pb.ListErrorsResponse(errors=[pb.Error(error_id=str(number)) for number in range(201)])

    async def go() -> int:
        writing = asyncio.ensure_future(json_in_turns(errors))
        turns = 0
        while not writing.done():
            turns += 1
            await asyncio.sleep(0)
        assert writing.result() == json_text(errors)
        return turns

    assert asyncio.run(go()) >= 5


def test_numbers_that_json_does_not_have_are_texts() -> None:
    written = content(pb.Reading(at=nan, duration_s=inf))
    assert (written["at"], written["duration_s"]) == ("NaN", "Infinity")
    assert content(pb.Reading(at=-inf))["at"] == "-Infinity"


def test_values_of_an_enum_have_short_names() -> None:
    assert short_names(pb.Status.DESCRIPTOR) == {"open": 1, "retrying": 2, "resolved": 3, "failed": 4}
    assert short_names(fault_pb2.ErrorType.DESCRIPTOR)["network"] == fault_pb2.ERROR_TYPE_NETWORK


def test_a_query_is_read_by_the_fields_of_its_message() -> None:
    read = pb.ListErrorsRequest()
    fill_from_texts(read, {"status": "open", "min_severity": "SEVERITY_HIGH", "limit": "7", "component": "a b"})
    assert read == pb.ListErrorsRequest(
        status=pb.STATUS_OPEN, min_severity=fault_pb2.SEVERITY_HIGH, limit=7, component="a b"
    )
    times, yes = pb.GetMetricsRequest(), pb.ReloadRequest()
    fill_from_texts(times, {"since": "1.5e3", "until": "-2"})
    fill_from_texts(yes, {"dry_run": "true"})
    assert (times.since, times.until, yes.dry_run) == (1500.0, -2.0, True)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("limits", "7", "limits: is not known here; there are: status, type, component"),
        ("limit", "many", "limit: 'many' is not a whole number"),
        ("limit", "", "limit: '' is not a whole number"),
        ("limit", "-1", "limit: -1 is not between 0 and 4294967295"),
        ("limit", "9" * 19, "is not between 0 and 4294967295"),
        ("limit", "9" * 5000, "limit: '99999"),
        ("status", "closed", "status: 'closed' is none of open, retrying, resolved, failed"),
        ("status", "", "status: '' is none of open, retrying, resolved, failed"),
    ],
)
def test_a_query_that_says_nothing_known_is_refused_with_what_there_is(name: str, text: str, says: str) -> None:
    with pytest.raises(InputError) as told:
        fill_from_texts(pb.ListErrorsRequest(), {name: text})
    assert says in str(told.value)
    assert len(str(told.value)) < 300


@pytest.mark.parametrize("text", ["nan", "inf", "1e999", "0x10", "", "1_000", "1e301"])
def test_a_time_is_a_number(text: str) -> None:
    with pytest.raises(InputError, match="is not a number"):
        fill_from_texts(pb.GetMetricsRequest(), {"since": text})


def test_what_is_no_single_value_can_not_be_said_in_a_query() -> None:
    with pytest.raises(InputError, match="can't be said in a query"):
        fill_from_texts(pb.ReplayRequest(), {"files": "a"})


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "body: is not a JSON object"),
        (b"{", "body: is not JSON: Expecting property name"),
        (b"\xff", "body: is not UTF-8 at byte 0"),
        (b'{"a": NaN}', "body: NaN is not JSON"),
        (b'{"repeat": ' + b"1" * 5000 + b"}", "body: is not JSON that anybody would write"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "body: is not JSON that anybody would write"),
        (b'{"rule": "a", "rule": "b"}', "rule: is there twice"),
        (b'{"rules": "a"}', "rules: is not known here; there are: target, rule, strategy"),
        (b'{"target": "a"}', "target: is said by the path already"),
        (b'{"rule": 7}', "rule: 7 is not a text"),
        (b'{"rule": null}', "rule: null is not a text"),
        (b'{"rule": "\\ud800"}', "rule: is not text that UTF-8 can hold"),
        (b'{"\\ud800": 1}', "is not known here"),
        (b'{"repeat": "ten"}', "repeat: 'ten' is not a whole number"),
        (b'{"repeat": 1.5}', "repeat: 1.5 is not a whole number"),
        (b'{"repeat": true}', "repeat: true is not a whole number"),
        (b'{"breaks": "yes"}', "breaks: 'yes' is neither true nor false"),
        (b'{"timeout_s": "1"}', "timeout_s: '1' is not a number"),
        (b'{"timeout_s": 1e999}', "timeout_s: Infinity is not a number"),
    ],
)
def test_a_body_that_is_not_its_message_is_refused_with_the_place(body: bytes, says: str) -> None:
    with pytest.raises(InputError) as told:
        fill_from_body(pb.TestRecoveryRequest(), body, ("target",))
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"files": {}}', "files: is not a list"),
        (b'{"files": ["a"]}', "files[0]: is not an object"),
        (b'{"files": [{"name": "a"}, {"names": "b"}]}', "files[1].names: is not known here"),
        (b'{"files": [' + b",".join([b"{}"] * 10_001) + b"]}", "files: has 10001 items; at most 10000"),
    ],
)
def test_a_place_within_lists_is_said(body: bytes, says: str) -> None:
    with pytest.raises(InputError) as told:
        fill_from_body(pb.ReplayRequest(), body, ())
    assert says in str(told.value)


def test_maps_are_objects() -> None:
    with pytest.raises(InputError, match="figures: is not an object"):
        fill_from_body(pb.Brake(), b'{"figures": 1}', ())
    with pytest.raises(InputError, match=r"figures\.a: 'b' is not a number"):
        fill_from_body(pb.Brake(), b'{"figures": {"a": "b"}}', ())


def test_nothing_at_all_is_nothing_said() -> None:
    read = pb.TestRecoveryRequest()
    fill_from_body(read, b"", ())
    assert read == pb.TestRecoveryRequest()
