"""Faults over the wire, as clients send them: one, in batches, in streams; refused one by one; acknowledged when they are safe."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from google.rpc import code_pb2

from error_daemon.model.access import Caller, Role
from error_daemon.rpc.fault_service import FaultService
from error_daemon.rpc.raw_pb2 import RawBatch, RawReport
from error_recovery.v1 import fault_pb2
from tests.fakes.listed_intake import ListedIntake
from tests.fakes.open_gate import OPERATOR, OpenGate
from tests.rpc.serving import Bugs, Channel, run, serving, soon, until

PATH = "/error_recovery.v1.FaultService"
Ask = Callable[[bytes], Awaitable[bytes]]


@asynccontextmanager
async def _desk(
    durable: bool = False,
    bugs: Bugs | None = None,
    gate: OpenGate | None = None,
    now: Callable[[], float] = time.monotonic,
) -> AsyncIterator[tuple[ListedIntake, Channel]]:
    intake = ListedIntake()
    gate = gate or OpenGate()
    async with serving([FaultService(intake, durable, gate, now).service()], bugs=bugs, gate=gate) as channel:
        yield intake, channel


def _batch(batch_id: int, *payloads: bytes) -> bytes:
    """As on the wire; payloads need not be faults."""
    return RawBatch(batch_id=batch_id, faults=payloads).SerializeToString()


async def _code(awaitable: Awaitable[object]) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await soon(awaitable)
    return failed.value.code()


def test_the_bytes_of_a_fault_reach_the_intake_as_they_came() -> None:
    fault = fault_pb2.Fault(message="it broke", count=3)

    async def go() -> None:
        async with _desk() as (intake, channel):
            report = channel.unary_unary(
                f"{PATH}/Report",
                request_serializer=fault_pb2.ReportRequest.SerializeToString,
                response_deserializer=fault_pb2.ReportResponse.FromString,
            )
            first = await soon(report(fault_pb2.ReportRequest(fault=fault)))
            second = await soon(report(fault_pb2.ReportRequest(fault=fault)))
            assert intake.taken == [fault.SerializeToString()] * 2
            assert (first.receipt.error_id, first.receipt.opened) == ("0000000000000001", True)
            assert (second.receipt.error_id, second.receipt.opened) == ("0000000000000002", False)

    run(go())


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a\x05wrong", grpc.StatusCode.INVALID_ARGUMENT),
        (b"\x0a\x04full", grpc.StatusCode.RESOURCE_EXHAUSTED),
        (b"\x0a\x03bug", grpc.StatusCode.INTERNAL),
        (b"\x0a\x7f", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_a_report_that_is_not_taken_has_the_status_that_says_why(request_bytes: bytes, code: grpc.StatusCode) -> None:
    async def go() -> None:
        async with _desk(bugs=Bugs()) as (intake, channel):
            assert await _code(channel.unary_unary(f"{PATH}/Report")(request_bytes)) is code
            assert intake.taken == []

    run(go())


def test_what_is_wrong_with_one_fault_of_a_batch_does_not_concern_the_others() -> None:
    async def go() -> None:
        async with _desk() as (intake, channel):
            request = _batch(77, b"a", b"wrong", b"b", b"full", b"c")
            answer = fault_pb2.ReportBatchResponse.FromString(
                await soon(channel.unary_unary(f"{PATH}/ReportBatch")(request))
            )
            assert intake.taken == [b"a", b"b", b"c"]
            assert (answer.batch_id, answer.accepted) == (77, 3)
            wrong, full = answer.refusals
            assert (wrong.index, wrong.code, wrong.field) == (1, code_pb2.INVALID_ARGUMENT, "fault.message")
            assert (full.index, full.code, full.retry_after_ms) == (3, code_pb2.RESOURCE_EXHAUSTED, 250)

    run(go())


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 1024])
def test_a_batch_of_up_to_1024_is_taken_in_its_order(size: int) -> None:
    async def go() -> None:
        async with _desk() as (intake, channel):
            payloads = [b"%d" % number for number in range(size)]
            answer = await soon(channel.unary_unary(f"{PATH}/ReportBatch")(_batch(1, *payloads)))
            assert fault_pb2.ReportBatchResponse.FromString(answer).accepted == size
            assert intake.taken == payloads

    run(go())


def test_a_batch_gives_others_their_turn_when_its_own_is_over() -> None:
    async def go() -> None:
        intake = ListedIntake()
        service = FaultService(intake, False, OpenGate(), now=lambda: len(intake.taken) * 0.0003)
        batches = [RawBatch(batch_id=1, faults=[b"a"] * 5), RawBatch(batch_id=2, faults=[b"b"] * 3)]
        call: Any = type("Call", (), {"caller": OPERATOR})
        await soon(asyncio.gather(*(service.report_batch(batch, call) for batch in batches)))
        assert intake.taken == [b"a", b"a", b"b", b"b", b"a", b"a", b"b", b"a"]

    run(go())


def test_a_batch_of_more_is_refused_whole() -> None:
    async def go() -> None:
        async with _desk() as (intake, channel):
            call = channel.unary_unary(f"{PATH}/ReportBatch")(_batch(1, *[b"x"] * 1025))
            assert await _code(call) is grpc.StatusCode.INVALID_ARGUMENT
            assert intake.taken == []

    run(go())


def test_a_stream_answers_each_batch_in_order() -> None:
    async def go() -> None:
        async with _desk() as (intake, channel):
            stream = channel.stream_stream(f"{PATH}/StreamReports")()
            for number in range(20):
                await soon(stream.write(_batch(number, b"%d" % number, b"wrong")))
            await soon(stream.done_writing())
            answers = [fault_pb2.ReportBatchResponse.FromString(answer) async for answer in stream]
            assert [(answer.batch_id, answer.accepted, len(answer.refusals)) for answer in answers] == [
                (number, 1, 1) for number in range(20)
            ]
            assert intake.taken == [b"%d" % number for number in range(20)]

    run(go())


@pytest.mark.parametrize("method", ["Report", "ReportBatch", "StreamReports"])
def test_a_durable_answer_waits_until_the_disk_has_it(method: str) -> None:
    async def go() -> None:
        async with _desk(durable=True) as (intake, channel):
            answering: asyncio.Future[object]
            if method == "StreamReports":
                stream = channel.stream_stream(f"{PATH}/{method}")()
                await soon(stream.write(_batch(1, b"a")))
                answering = asyncio.ensure_future(stream.read())
            else:
                request = b"\x0a\x01a" if method == "Report" else _batch(1, b"a")
                answering = asyncio.ensure_future(channel.unary_unary(f"{PATH}/{method}")(request))
            await until(lambda: intake.waiting == 1)
            assert intake.taken == [b"a"]
            assert not answering.done()
            intake.settle.set()
            await soon(answering)
            if method == "StreamReports":
                stream.cancel()

    run(go())


def test_faults_above_what_the_gate_grants_are_refused_one_by_one_with_when_to_come_back() -> None:
    async def go() -> None:
        async with _desk(gate=OpenGate(most_faults=2)) as (intake, channel):
            answer = await soon(_report_batch(channel)(_batch(7, b"a", b"b", b"c", b"d")))
            response = fault_pb2.ReportBatchResponse.FromString(answer)
            assert (response.batch_id, response.accepted, intake.taken) == (7, 2, [b"a", b"b"])
            assert [(refusal.index, refusal.code, refusal.retry_after_ms) for refusal in response.refusals] == [
                (2, code_pb2.RESOURCE_EXHAUSTED, 1500),
                (3, code_pb2.RESOURCE_EXHAUSTED, 1500),
            ]

    run(go())


def test_a_fault_above_what_the_gate_grants_is_refused_for_a_time() -> None:
    async def go() -> None:
        async with _desk(gate=OpenGate(most_faults=0)) as (intake, channel):
            call = channel.unary_unary(f"{PATH}/Report")
            assert await _code(call(RawReport(fault=b"a").SerializeToString())) is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert intake.taken == []

    run(go())


@pytest.mark.parametrize("role", Role)
def test_who_is_trusted_is_told_to_the_intake(role: Role) -> None:
    async def go() -> None:
        gate = OpenGate(Caller("token x", "x", frozenset({role}), is_trusted=role is Role.OPERATOR))
        async with _desk(gate=gate) as (intake, channel):
            await soon(channel.unary_unary(f"{PATH}/Report")(RawReport(fault=b"a").SerializeToString()))
            await soon(_report_batch(channel)(_batch(1, b"b")))
            assert intake.trusted == [role is Role.OPERATOR] * 2

    run(go())


def _report_batch(channel: Channel) -> Any:
    return channel.unary_unary(f"{PATH}/ReportBatch")
