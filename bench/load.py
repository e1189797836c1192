"""The load generator: a process on a core of its own that sends what it is told and says what came of it.

    python -m bench.load      for each plan: a line of JSON in, "ready", a line in, the result as a line of JSON out

Between "ready" and the line that follows, nothing is sent: the caller reads the server's CPU time then. Two ways to send:

    closed loop (rate 0)   `window` messages are on their way at any time: what is the highest rate?
    open loop (rate > 0)   a message at each tick of a schedule, whatever has become of the earlier ones: how long does one take? What
                           was sent late by this process itself does not count, but what waits at the server does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import grpc

from bench import faults, machine
from error_recovery.v1 import fault_pb2

_CALL_S = 30.0
_REFUSED_PAUSE_S = 0.05
_STRIDE = 2_654_435_761  # a prime near 2^32 / the golden ratio: neighbours are far from each other


@dataclass(frozen=True, slots=True)
class Plan:
    address: str
    method: str
    shape: str  # "unary" or "stream"
    faults: str  # faults.builder
    is_echo: bool
    first_number: int  # of its faults
    among: int = 0  # so many numbers from the first on, in no order; 0: each once
    batch: int = 0  # faults in a message; 0: one, in a ReportRequest
    window: int = 1
    rate: float = 0.0  # messages a second
    seconds: float = 2.0
    warm_seconds: float = 0.3


@dataclass(slots=True)
class Result:
    """`sent_at`, by error id, and `round_trips_us` only in the open loop. Times are of CLOCK_MONOTONIC."""

    faults: int = 0  # accepted
    refused: int = 0
    seconds: float = 0.0
    load_cpu_s: float = 0.0
    late_us: list[float] = field(default_factory=list)
    round_trips_us: list[float] = field(default_factory=list)
    sent_at: dict[str, float] = field(default_factory=dict)


class Sender:
    """`channel` is a grpc.aio.Channel; the stubs for grpc know neither methods without serialisers nor `read`."""

    def __init__(self, plan: Plan, channel: Any) -> None:
        self._plan = plan
        self._number = plan.first_number
        self._message = _message_builder(plan)
        self._unary = channel.unary_unary(plan.method)
        self._open_stream = channel.stream_stream(plan.method)
        self.result = Result()

    async def closed(self, seconds: float) -> None:
        """Fill `self.result` anew."""
        self.result = Result()
        started_at, cpu_s = time.monotonic(), time.process_time()
        if self._plan.shape == "unary":
            await asyncio.gather(*(self._one_after_another(started_at + seconds) for _ in range(self._plan.window)))
        else:
            await self._stream(started_at + seconds)
        self.result.seconds = time.monotonic() - started_at
        self.result.load_cpu_s = time.process_time() - cpu_s

    async def open(self, seconds: float) -> None:
        """Fill `self.result` anew."""
        self.result = Result()
        started_at, cpu_s = time.monotonic(), time.process_time()
        calls = []
        for tick in range(int(seconds * self._plan.rate)):
            due_at = started_at + tick / self._plan.rate
            await asyncio.sleep(max(0.0, due_at - time.monotonic()))
            self.result.late_us.append((time.monotonic() - due_at) * 1e6)
            calls.append(asyncio.ensure_future(self._timed()))
        await asyncio.gather(*calls)
        self.result.seconds = time.monotonic() - started_at
        self.result.load_cpu_s = time.process_time() - cpu_s

    # --- one message

    def _next(self) -> bytes:
        number, plan = self._number, self._plan
        self._number += plan.batch or 1
        if plan.among:
            number = plan.first_number + (number - plan.first_number) * _STRIDE % plan.among
        return self._message(number)

    async def _one_after_another(self, until: float) -> None:
        while time.monotonic() < until:
            await self._call()

    async def _call(self) -> bytes:
        try:
            answer: bytes = await self._unary(self._next(), timeout=_CALL_S)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                raise
            self.result.refused += 1
            await asyncio.sleep(_REFUSED_PAUSE_S)
            return b""
        self.result.faults += 1
        return answer

    async def _timed(self) -> None:
        sent_at = time.monotonic()
        answer = await self._call()
        self.result.round_trips_us.append((time.monotonic() - sent_at) * 1e6)
        if answer and not self._plan.is_echo:
            self.result.sent_at[fault_pb2.ReportResponse.FromString(answer).receipt.error_id] = sent_at

    async def _stream(self, until: float) -> None:
        call = self._open_stream(timeout=until - time.monotonic() + _CALL_S)
        room = asyncio.Semaphore(self._plan.window)

        async def read() -> None:
            while answer := await call.read():  # EOF is false; an empty answer would be a batch without faults
                refused = self._count(answer)
                if refused:
                    await asyncio.sleep(_REFUSED_PAUSE_S)
                room.release()

        reading = asyncio.ensure_future(read())
        while time.monotonic() < until:
            await room.acquire()
            await call.write(self._next())
        await call.done_writing()
        await reading

    def _count(self, answer: bytes) -> int:
        batch = self._plan.batch
        if self._plan.is_echo:
            self.result.faults += batch
            return 0
        accepted = fault_pb2.ReportBatchResponse.FromString(answer).accepted
        self.result.faults += accepted
        self.result.refused += batch - accepted
        return batch - accepted


def _message_builder(plan: Plan) -> Callable[[int], bytes]:
    """Faults as they stand on the wire: field 1 of ReportRequest, field 2 of ReportBatchRequest."""
    fault = faults.builder(plan.faults)
    length = faults.FAULT_BYTES
    size = bytes((length & 0x7F | 0x80, length >> 7))
    if not plan.batch:
        head = b"\x0a" + size
        return lambda number: head + fault(number)
    head, batch = b"\x12" + size, plan.batch
    return lambda number: b"".join(head + fault(each) for each in range(number, number + batch))


async def run(plan: Plan, wait: Callable[[], Any]) -> Result:
    """Warm up, say that, wait for the word, send."""
    async with grpc.aio.insecure_channel(plan.address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
        sender = Sender(plan, channel)
        send = sender.open if plan.rate else sender.closed
        await send(plan.warm_seconds)
        await asyncio.to_thread(wait)
        await send(plan.seconds)
        return sender.result


def main() -> None:
    os.sched_setaffinity(0, machine.load_core())
    answers = sys.stdout

    def wait() -> None:
        print("ready", file=answers, flush=True)
        sys.stdin.readline()

    while line := sys.stdin.readline():
        result = asyncio.run(run(Plan(**json.loads(line)), wait))
        print(json.dumps(asdict(result)), file=answers, flush=True)


if __name__ == "__main__":
    main()
