"""FaultService: faults in. The bytes of a fault go to the intake as they came (proto/error_daemon/rpc/raw.proto)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import lru_cache
from math import ceil

from google.rpc import code_pb2

from error_daemon.calls import Call, Gate, Method, Service, Shape
from error_daemon.errors import InputError, TransientError
from error_daemon.middle import Intake
from error_daemon.model.access import Caller
from error_daemon.rpc.raw_pb2 import RawBatch, RawReport
from error_recovery.v1 import fault_pb2

_TOO_MANY = "you report more faults in a second than one caller may"
_MOST_IN_A_BATCH = 1024
_LARGE = 64  # faults in a batch
_TURN_S = 0.0005  # of the loop in one go, as long as a peer's frames have it: 64 faults that nobody has seen before take ten times that


class FaultService:
    """`durable`: answers wait until what was taken is on the disk (ring.durability = "power"). `gate` bounds what one caller reports.
    `now`: steady time in seconds."""

    def __init__(self, intake: Intake, durable: bool, gate: Gate, now: Callable[[], float]) -> None:
        self._intake = intake
        self._gate = gate
        self._durable = durable
        self._now = now
        self._large = asyncio.Semaphore(
            1
        )  # large batches one at a time: each gives the loop back when its turn is over

    def service(self) -> Service:
        read_batch, write_batch = RawBatch.FromString, fault_pb2.ReportBatchResponse.SerializeToString
        return Service(
            "error_recovery.v1.FaultService",
            (
                Method("Report", Shape.UNARY, self.report, RawReport.FromString, None),
                Method("ReportBatch", Shape.UNARY, self.report_batch, read_batch, write_batch),
                Method("StreamReports", Shape.BIDI_STREAM, self.stream_reports, read_batch, write_batch),
            ),
        )

    def report(self, request: RawReport, call: Call) -> bytes | Awaitable[bytes]:
        if not request.HasField("fault"):
            raise InputError("fault", "is missing")
        caller = call.caller
        granted, retry_after_s = self._gate.grant_faults(caller, 1)
        if not granted:
            raise TransientError(_TOO_MANY, retry_after_s)
        error_id, opened = self._intake.take(request.fault, is_trusted=caller.is_trusted)
        answer = _report_response(error_id, opened)
        return self._after_settled(answer) if self._durable else answer

    async def _after_settled(self, answer: bytes) -> bytes:
        await self._intake.settled()
        return answer

    async def report_batch(self, batch: RawBatch, call: Call) -> fault_pb2.ReportBatchResponse:
        answer = await self._take_all(batch, call.caller)
        if self._durable:
            await self._intake.settled()
        return answer

    async def stream_reports(
        self, batches: AsyncIterator[RawBatch], call: Call
    ) -> AsyncIterator[fault_pb2.ReportBatchResponse]:
        async for batch in batches:
            answer = await self._take_all(batch, call.caller)
            if self._durable:
                await self._intake.settled()
            yield answer

    async def _take_all(self, batch: RawBatch, caller: Caller) -> fault_pb2.ReportBatchResponse:
        """What is wrong with one fault does not concern the others. Others' calls have their turn in between."""
        if len(batch.faults) > _MOST_IN_A_BATCH:
            raise InputError("faults", f"has {len(batch.faults)} faults; at most {_MOST_IN_A_BATCH}")
        if len(batch.faults) < _LARGE:
            return await self._take_each(batch, caller)
        async with self._large:
            return await self._take_each(batch, caller)

    async def _take_each(self, batch: RawBatch, caller: Caller) -> fault_pb2.ReportBatchResponse:
        """Above what this caller may report, the first ones are taken and the others refused for now."""
        answer = fault_pb2.ReportBatchResponse(batch_id=batch.batch_id)
        take, is_trusted, now = self._intake.take, caller.is_trusted, self._now
        granted, retry_after_s = self._gate.grant_faults(caller, len(batch.faults))
        turn_ends_at = now() + _TURN_S
        for index, payload in enumerate(batch.faults):
            if index >= granted:
                answer.refusals.append(_refusal(index, TransientError(_TOO_MANY, retry_after_s)))
                continue
            if now() > turn_ends_at:
                await asyncio.sleep(0)
                turn_ends_at = now() + _TURN_S
            try:
                take(payload, is_trusted=is_trusted)
            except InputError as error:
                answer.refusals.add(
                    index=index, code=code_pb2.INVALID_ARGUMENT, message=error.problem, field=error.field
                )
            except TransientError as error:
                answer.refusals.append(_refusal(index, error))
        answer.accepted = len(batch.faults) - len(answer.refusals)
        return answer


def _refusal(index: int, error: TransientError) -> fault_pb2.Refusal:
    retry_after_ms = ceil(error.retry_after_s * 1000)
    code = code_pb2.RESOURCE_EXHAUSTED
    return fault_pb2.Refusal(index=index, code=code, message=str(error), retry_after_ms=retry_after_ms)


@lru_cache(maxsize=4096)
def _report_response(error_id: str, opened: bool) -> bytes:
    receipt = fault_pb2.Receipt(error_id=error_id, opened=opened)
    return fault_pb2.ReportResponse(receipt=receipt).SerializeToString()
