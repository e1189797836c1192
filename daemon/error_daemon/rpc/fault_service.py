"""FaultService: faults in. The bytes of a fault go to the intake as they came (proto/error_daemon/rpc/raw.proto)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from functools import lru_cache

from google.rpc import code_pb2

from error_daemon.errors import InputError, TransientError
from error_daemon.ports import Call, Intake, Method, Service, Shape
from error_daemon.rpc.raw_pb2 import RawBatch, RawReport
from error_recovery.v1 import fault_pb2

_MOST_IN_A_BATCH = 1024
_TURN = 64  # faults in one go: a few milliseconds of the loop


class FaultService:
    """`durable`: answers wait until what was taken is on the disk (ring.durability = "power")."""

    def __init__(self, intake: Intake, durable: bool) -> None:
        self._intake = intake
        self._durable = durable
        self._large = asyncio.Semaphore(
            1
        )  # large batches one at a time: each gives the loop back every few milliseconds

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

    def report(self, request: RawReport, _call: Call) -> bytes | Awaitable[bytes]:
        if not request.HasField("fault"):
            raise InputError("fault", "is missing")
        error_id, opened = self._intake.take(request.fault)
        answer = _report_response(error_id, opened)
        return self._after_settled(answer) if self._durable else answer

    async def _after_settled(self, answer: bytes) -> bytes:
        await self._intake.settled()
        return answer

    async def report_batch(self, batch: RawBatch, _call: Call) -> fault_pb2.ReportBatchResponse:
        answer = await self._take_all(batch)
        if self._durable:
            await self._intake.settled()
        return answer

    async def stream_reports(
        self, batches: AsyncIterator[RawBatch], _call: Call
    ) -> AsyncIterator[fault_pb2.ReportBatchResponse]:
        async for batch in batches:
            answer = await self._take_all(batch)
            if self._durable:
                await self._intake.settled()
            yield answer

    async def _take_all(self, batch: RawBatch) -> fault_pb2.ReportBatchResponse:
        """What is wrong with one fault does not concern the others. Others' calls have their turn in between."""
        if len(batch.faults) > _MOST_IN_A_BATCH:
            raise InputError("faults", f"has {len(batch.faults)} faults; at most {_MOST_IN_A_BATCH}")
        if len(batch.faults) < _TURN:
            return await self._take_each(batch)
        async with self._large:
            return await self._take_each(batch)

    async def _take_each(self, batch: RawBatch) -> fault_pb2.ReportBatchResponse:
        answer = fault_pb2.ReportBatchResponse(batch_id=batch.batch_id)
        take = self._intake.take
        for index, payload in enumerate(batch.faults):
            if index % _TURN == _TURN - 1:
                await asyncio.sleep(0)
            try:
                take(payload)
            except InputError as error:
                answer.refusals.add(
                    index=index, code=code_pb2.INVALID_ARGUMENT, message=error.problem, field=error.field
                )
            except TransientError as error:
                answer.refusals.add(
                    index=index,
                    code=code_pb2.RESOURCE_EXHAUSTED,
                    message=str(error),
                    retry_after_ms=int(error.retry_after_s * 1000),
                )
        answer.accepted = len(batch.faults) - len(answer.refusals)
        return answer


@lru_cache(maxsize=4096)
def _report_response(error_id: str, opened: bool) -> bytes:
    receipt = fault_pb2.Receipt(error_id=error_id, opened=opened)
    return fault_pb2.ReportResponse(receipt=receipt).SerializeToString()
