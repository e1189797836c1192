"""Which log records and spans are faults, and what each fault says; the same of protobuf and of JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from error_daemon.errors import InputError
from error_daemon.ingest.decode import decode
from error_daemon.ingest.otlp.exporting import Export
from error_daemon.ingest.otlp.signals import LOGS, TRACES
from error_daemon.ingest.otlp.values import NOTHING, Origin
from error_daemon.model import ErrorType, Severity
from error_recovery.v1 import fault_pb2
from tests.ingest.otlp.exported import (
    AT_NS,
    NOW,
    PARENT,
    RAISED,
    SPAN,
    TRACE,
    a_log,
    a_span,
    as_json,
    exported,
    value,
)

Read = Callable[[Message], list[fault_pb2.Fault]]


def _records(export: Export) -> list[tuple[Origin, Any]]:
    """Those that there are, of who can be known."""
    return [(origin, record) for origin, record in export.items if record is not NOTHING and origin is not None]


def _faults(export: Export) -> list[fault_pb2.Fault]:
    made = []
    for origin, record in _records(export):
        for payload in export.make(origin, record, NOW):
            decode(payload, NOW)
            made.append(fault_pb2.Fault.FromString(payload))
    return made


def _by_protobuf(export: Message) -> list[fault_pb2.Fault]:
    signal = LOGS if "Logs" in type(export).__name__ else TRACES
    return _faults(signal.of_protobuf(export.SerializeToString()))


def _by_json(export: Message) -> list[fault_pb2.Fault]:
    signal = LOGS if "Logs" in type(export).__name__ else TRACES
    return _faults(signal.of_json(json.dumps(as_json(export)).encode()))


@pytest.fixture(params=[_by_protobuf, _by_json], ids=["protobuf", "json"])
def read(request: pytest.FixtureRequest) -> Read:
    by: Read = request.param
    return by


def test_a_record_of_an_error_is_a_fault_with_all_that_is_said_of_it(read: Read) -> None:
    attributes = {**RAISED, "code.function.name": "sell", "code.file.path": "shop.py", "code.line.number": 7, "cart": 3}
    [fault] = read(exported(a_log("checkout failed", trace_id=TRACE, span_id=SPAN, attributes=attributes)))
    assert (fault.message, fault.source) == ("checkout failed", "otlp/logs")
    assert (fault.type, fault.severity) == (fault_pb2.ERROR_TYPE_DATA, fault_pb2.SEVERITY_UNSPECIFIED)
    exception = fault.exception
    assert (exception.type, exception.message, exception.stack_trace) == tuple(RAISED.values())
    [frame] = exception.frames
    assert (frame.function, frame.file, frame.line, frame.in_application) == ("sell", "shop.py", 7, True)
    context = fault.context
    assert (context.component, context.operation, context.node) == ("shop", "shop.till", "node-7")
    assert (context.environment, fault.occurred_at_unix_ns) == ("test", AT_NS)
    assert context.attributes["trace_id"] == TRACE.hex()
    assert context.attributes["span_id"] == SPAN.hex()
    assert context.attributes["log.cart"] == "3"


@pytest.mark.parametrize(
    ("severity", "attributes", "wanted"),
    [
        (0, {}, None),
        (9, {}, None),
        (16, {"message": "x"}, None),
        (17, {}, fault_pb2.SEVERITY_UNSPECIFIED),
        (20, {}, fault_pb2.SEVERITY_UNSPECIFIED),
        (21, {}, fault_pb2.SEVERITY_HIGH),
        (24, RAISED, fault_pb2.SEVERITY_HIGH),
        (0, RAISED, fault_pb2.SEVERITY_UNSPECIFIED),
        (5, RAISED, fault_pb2.SEVERITY_INFO),
        (12, RAISED, fault_pb2.SEVERITY_INFO),
        (13, {"exception.message": "m"}, fault_pb2.SEVERITY_LOW),
        (16, RAISED, fault_pb2.SEVERITY_LOW),
    ],
)
def test_which_records_are_faults_and_how_bad_they_are(
    read: Read, severity: int, attributes: dict[str, str], wanted: int | None
) -> None:
    faults = read(exported(a_log(severity=severity, attributes=attributes)))
    assert [fault.severity for fault in faults] == ([] if wanted is None else [wanted])


@pytest.mark.parametrize(("text", "is_fault"), [("ERROR", True), ("Fatal", True), ("warn", False), ("", False)])
def test_without_a_number_the_word_for_it_decides(read: Read, text: str, is_fault: bool) -> None:
    assert bool(read(exported(a_log(severity=0, severity_text=text)))) == is_fault


@pytest.mark.parametrize(
    ("body", "attributes", "message"),
    [
        (None, RAISED, "json.JSONDecodeError: no value"),
        (None, {"exception.type": "KeyError"}, "KeyError"),
        (None, {}, "a log record without text"),
        ({"msg": "no stock", "id": 3}, {}, "no stock"),
        ({"a": {"b": 1}, "c": True}, {}, "a.b=1, c=true"),
        (["a", 1, ["b"], {}], {}, "a, 1"),
        (7, {}, "7"),
        (0.5, {}, "0.5"),
    ],
)
def test_what_is_said_is_the_body_whatever_its_form_or_else_the_exception(
    read: Read, body: Any, attributes: dict[str, str], message: str
) -> None:
    [fault] = read(exported(a_log(body, attributes=attributes)))
    assert fault.message == message


def test_a_span_with_an_exception_and_a_status_of_error_is_one_fault(read: Read) -> None:
    [fault] = read(exported(a_span(RAISED, says="no value", attributes={"cart": 3})))
    assert (fault.message, fault.source) == ("json.JSONDecodeError: no value", "otlp/traces")
    assert (fault.context.operation, fault.context.attributes["scope"]) == ("checkout", "shop.till")
    assert (fault.context.attributes["span.cart"], fault.severity) == ("3", fault_pb2.SEVERITY_UNSPECIFIED)
    assert fault.occurred_at_unix_ns == AT_NS - 5


def test_each_exception_of_a_span_is_a_fault_and_low_where_its_status_is_ok_all_the_same(read: Read) -> None:
    again = {"exception.type": "KeyError", "exception.message": "'till'"}
    assert [fault.exception.type for fault in read(exported(a_span(RAISED, again, code=0)))] == [
        "json.JSONDecodeError",
        "KeyError",
    ]
    [fault] = read(exported(a_span(RAISED, code=1)))
    assert fault.severity == fault_pb2.SEVERITY_LOW


@pytest.mark.parametrize(
    ("says", "attributes", "message", "kind"),
    [
        ("no stock", {"error.type": "timeout"}, "no stock", ErrorType.TIMEOUT),
        ("", {"error.type": "500"}, "checkout failed: 500", ErrorType.UNKNOWN),
        ("", {"db.system.name": "postgresql"}, "checkout failed", ErrorType.DATABASE),
    ],
)
def test_a_span_of_status_error_is_a_fault_without_an_exception(
    read: Read, says: str, attributes: dict[str, str], message: str, kind: ErrorType
) -> None:
    [fault] = read(exported(a_span(says=says, attributes=attributes)))
    assert (fault.message, decode(fault.SerializeToString(), NOW).type) == (message, kind)
    assert not fault.HasField("exception")


def test_a_span_that_went_well_is_no_fault(read: Read) -> None:
    assert read(exported(a_span(code=0), a_span(code=1))) == []


def test_an_exception_on_its_way_up_is_told_once_and_one_that_happens_again_is_told_again(read: Read) -> None:
    inner = a_span(RAISED, name="inner", parent_span_id=PARENT)
    outer = a_span(RAISED, name="outer", span_id=PARENT)
    other = a_span({**RAISED, "exception.message": "another"}, name="other", span_id=PARENT)
    again = a_span(RAISED, name="again", span_id=b"12345678", parent_span_id=PARENT)
    faults = read(exported(inner, again, outer, other))
    assert [fault.context.operation for fault in faults] == ["inner", "again", "other"]


def test_a_target_is_named_by_the_record_or_else_by_its_resource(read: Read) -> None:
    named = a_log(attributes={"error_recovery.target": "till"})
    resource = {"error_recovery.target": "shop"}
    assert [fault.target for fault in read(exported(named, a_log(), resource=resource))] == ["till", "shop"]


def test_what_names_a_person_or_may_hold_a_secret_is_left_out(read: Read) -> None:
    private = {
        "user.name": "ann",
        "enduser.id": "7",
        "http.request.header.cookie": "c",
        "process.command_args": "x",
        "url.full": "/a?b",
        "api_token": "t",
    }
    [fault] = read(exported(a_log(attributes={**private, "cart": 1}), resource=private))
    hidden = {"log.api_token": "[withheld]", "resource.api_token": "[withheld]"}
    assert dict(fault.context.attributes) == {"log.cart": "1", **hidden}


def test_times_that_cannot_be_are_not_taken_over(read: Read) -> None:
    absurd = a_log()
    absurd.time_unix_nano = 2**64 - 1
    observed = a_log()
    observed.time_unix_nano, observed.observed_time_unix_nano = 0, AT_NS
    assert [fault.occurred_at_unix_ns for fault in read(exported(absurd, observed))] == [0, AT_NS]


def test_attributes_that_are_nested_without_end_are_looked_at_to_their_limit(read: Read) -> None:
    deep: Any = "bottom"
    for _ in range(30):
        deep = {"k": deep}
    wide: dict[str, Any] = {f"k{number}": {"e": {}} for number in range(5000)}
    [fault] = read(exported(a_log(attributes={"deep": deep, "wide": wide, "own": {"a": {"b": 1}}})))
    assert fault.message == "it broke"
    assert len(fault.context.attributes) < 65


def test_the_severity_of_a_fatal_one_is_not_critical(read: Read) -> None:
    [fault] = read(exported(a_log(severity=24)))
    assert decode(fault.SerializeToString(), NOW).severity is Severity.HIGH


def test_ids_in_json_may_be_in_upper_case_and_numbers_need_not_be_text() -> None:
    plain = as_json(exported(a_log(trace_id=b"\xab" * 16)))
    record = plain["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    record["traceId"], record["timeUnixNano"], record["tomorrow"] = "AB" * 16, AT_NS, {}
    [fault] = _faults(LOGS.of_json(json.dumps(plain).encode()))
    assert (fault.context.attributes["trace_id"], fault.occurred_at_unix_ns) == ("ab" * 16, AT_NS)


@pytest.mark.parametrize(
    "wrong",
    [
        {"severityNumber": "many"},
        {"severityNumber": 17.5},
        {"severityNumber": 17, "traceId": "xyz"},
        {"severityNumber": 17, "attributes": {}},
        {"severityNumber": 17, "attributes": [1]},
        {"severityNumber": 17, "attributes": [{"key": 1}]},
        {"severityNumber": 17, "body": "text"},
        {"severityNumber": 17, "timeUnixNano": "9" * 40},
        7,
    ],
)
def test_a_record_of_json_that_is_none_is_rejected_and_not_those_beside_it(wrong: Any) -> None:
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [wrong, {"severityNumber": 17}]}]}]}
    export = LOGS.of_json(json.dumps(body).encode())
    (origin, first), (_, second) = _records(export)
    with pytest.raises(InputError):
        export.make(origin, first, NOW)
    assert len(export.make(origin, second, NOW)) == 1


def test_a_record_of_protobuf_that_is_none_is_rejected_and_not_those_beside_it() -> None:
    raw = exported(a_log("köln"), a_log("well")).SerializeToString().replace("köln".encode(), b"k\xff\xfeln")
    export = LOGS.of_protobuf(raw)
    (origin, first), (_, second) = _records(export)
    with pytest.raises(InputError, match="UTF-8"):
        export.make(origin, first, NOW)
    assert len(export.make(origin, second, NOW)) == 1


def test_a_record_that_is_too_large_is_rejected() -> None:
    export = LOGS.of_protobuf(exported(a_log("x" * (1 << 20))).SerializeToString())
    [(origin, record)] = _records(export)
    with pytest.raises(InputError, match="at most 1048576"):
        export.make(origin, record, NOW)


def test_bytes_are_shown_in_hexadecimal_digits() -> None:
    [fault] = _by_protobuf(exported(a_log(attributes={"raw": b"\x01\xff"})))
    assert fault.context.attributes["log.raw"] == "01ff"
    assert value(b"x").bytes_value == b"x"
