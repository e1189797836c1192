"""Bad input over the real port: a clear status for each, and the daemon goes on as if nothing had been."""

from __future__ import annotations

import time
from collections.abc import Iterator

import grpc
import pytest
from google.rpc import error_details_pb2

from error_recovery.v1 import fault_pb2
from tests.e2e.daemon_process import DaemonProcess, a_fault, running, status_details

OBSERVE = "version: 1\nrules:\n  - {id: all, when: {}, ladder: {1: [look]}}\nstrategies:\n  look: {kind: retry}\n"
NOW_NS = time.time_ns()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with running(DaemonProcess(tmp_path_factory.mktemp("bad") / "daemon", OBSERVE)) as started:
        yield started


def send(daemon: DaemonProcess, request: bytes) -> bytes:
    """ReportRequest bytes as they are."""
    call = daemon.channel.unary_unary("/error_recovery.v1.FaultService/Report", bytes, bytes)
    answer: bytes = call(request, timeout=30)
    return answer


def request_of(fault: bytes) -> bytes:
    """A ReportRequest around any bytes."""
    length, size = len(fault), b""
    while length > 127:
        size += bytes([length & 127 | 128])
        length >>= 7
    return b"\x0a" + size + bytes([length]) + fault


GOOD = a_fault().SerializeToString()
BAD_UTF8 = GOOD.replace(b"it broke", b"it\xff\xfeoke")
CASES = {
    "a truncated message": (request_of(GOOD)[:-5], "request"),
    "a truncated fault": (request_of(GOOD[:-3]), "fault"),
    "no fault at all": (b"", "fault"),
    "an unknown type": (request_of(a_fault().SerializeToString() + b"\x10\x63"), "fault.type"),
    "an unknown severity": (request_of(GOOD + b"\x18\x63"), "fault.severity"),
    "an empty fault": (request_of(b"\x10\x02"), "fault.message"),
    "invalid UTF-8 in a text": (request_of(BAD_UTF8), "fault"),
    "a negative time": (request_of(a_fault(occurred_at_unix_ns=-5).SerializeToString()), "fault.occurred_at_unix_ns"),
    "seconds for nanoseconds": (
        request_of(a_fault(occurred_at_unix_ns=1_700_000_000).SerializeToString()),
        "fault.occurred_at_unix_ns",
    ),
    "a time far ahead": (
        request_of(a_fault(occurred_at_unix_ns=NOW_NS * 2).SerializeToString()),
        "fault.occurred_at_unix_ns",
    ),
    "an unknown target": (request_of(a_fault(target="nowhere").SerializeToString()), "fault.target"),
    "a very long name": (
        request_of(a_fault(context=fault_pb2.Context(component="x" * 300)).SerializeToString()),
        "fault.context.component",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_status_names_the_field_and_the_daemon_is_unharmed(daemon: DaemonProcess, case: str) -> None:
    request, field = CASES[case]
    before = daemon.status().errors_known
    with pytest.raises(grpc.RpcError) as refused:
        send(daemon, request)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT, refused.value.details()
    bad_request = error_details_pb2.BadRequest()
    assert status_details(refused.value).details[0].Unpack(bad_request)
    assert bad_request.field_violations[0].field == field
    assert bad_request.field_violations[0].description
    assert daemon.status().errors_known == before


def test_invalid_utf8_in_an_attribute_is_refused(daemon: DaemonProcess) -> None:
    fault = a_fault(context=fault_pb2.Context(component="test", attributes={"region": "eu-west"})).SerializeToString()
    with pytest.raises(grpc.RpcError) as refused:
        send(daemon, request_of(fault.replace(b"eu-west", b"eu-\xff\xffst")))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_of_10_mib_is_refused_and_the_next_one_is_taken(daemon: DaemonProcess) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        send(daemon, request_of(a_fault("x" * (10 << 20)).SerializeToString()))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert daemon.error(daemon.report(a_fault("the next")).error_id).state == "observed"


def test_a_stack_trace_that_no_slot_holds_is_shortened_in_the_middle_and_marked(daemon: DaemonProcess) -> None:
    exception = fault_pb2.Exception(type="E", message="m", stack_trace="first line\n" + "x" * 100_000 + "\nlast line")
    error_id = daemon.report(a_fault("long", exception=exception)).error_id
    kept = daemon.error(error_id)
    daemon.wait_until_recorded()
    recorded = daemon.error(error_id).fault
    for fault in (kept.fault, recorded):
        assert fault.shortened
        assert fault.exception.stack_trace.startswith("first line\nxxx")
        assert fault.exception.stack_trace.endswith("xxx\nlast line")
        assert "bytes cut" in fault.exception.stack_trace


def test_one_bad_fault_of_a_batch_does_not_concern_the_others(daemon: DaemonProcess) -> None:
    faults = [a_fault("good one"), a_fault(target="nowhere"), a_fault("good two")]
    answer = daemon.faults.ReportBatch(fault_pb2.ReportBatchRequest(batch_id=7, faults=faults))
    assert (answer.batch_id, answer.accepted) == (7, 2)
    assert [(refusal.index, refusal.field) for refusal in answer.refusals] == [(1, "fault.target")]
