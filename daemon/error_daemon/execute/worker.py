"""A worker process: `python -m error_daemon.execute.worker --fd N`, where N is a connected socket to the daemon.

One loop and no threads of its own; orders are tasks on it, side by side. Signals: SIGINT and SIGTERM are ignored, because the
daemon decides when a worker ends, by closing the socket. At end of file, whatever the reason (the daemon may have been
killed), the worker kills the process groups of its running programs and leaves. Exit codes: 0 after end of file, 1 after
a frame that can't be read (the reason is on standard error). Files: none of its own.

Imports are kept small (no grpc, duckdb, pydantic, structlog): this file's imports are what each start of a worker costs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from typing import cast

import uvloop
from google.protobuf.message import DecodeError

from error_daemon import garbage
from error_daemon.errors import InvariantError
from error_daemon.execute import frames_pb2 as frames
from error_daemon.execute.attempt import run_attempt, run_probes
from error_daemon.execute.framing import Decoder, encode
from error_daemon.execute.host import HostCounters
from error_daemon.execute.looking import shorten
from error_daemon.execute.observing import observe
from error_daemon.execute.program import Programs
from error_daemon.execute.reach import mark_connections
from error_daemon.execute.realtime import take_priority
from error_daemon.execute.usage import HostUsage
from error_daemon.model import OutcomeKind
from error_daemon.processes.identity import Identity

_A_MOMENT_S = 0.01  # that the word of an attempt's end waits for what its look sees


class Worker(asyncio.Protocol):
    """The daemon's orders in, what became of them out."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._decoder = Decoder()
        self._programs = Programs(self._program_started, self._program_ended)
        self._usage = HostUsage(HostCounters())
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.WriteTransport | None = None
        self.exit_code: asyncio.Future[int] = self._loop.create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._send(frames.FromWorker(ready=frames.Ready(pid=os.getpid())))

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                self._obey(frames.ToWorker.FromString(message))
        except (InvariantError, DecodeError) as error:
            print(f"worker {os.getpid()}: the daemon sent what can't be read: {error}", file=sys.stderr)
            self._leave(1)

    def connection_lost(self, exc: Exception | None) -> None:
        self._leave(0)

    def _leave(self, exit_code: int) -> None:
        for task in self._tasks:  # those that have not begun would still begin before the loop ends
            task.cancel()
        self._programs.close()
        if not self.exit_code.done():
            self.exit_code.set_result(exit_code)

    def _obey(self, order: frames.ToWorker) -> None:
        which = order.WhichOneof("message")
        if which == "attempt":
            self._start(self._run_attempt(order.attempt))
        elif which == "probes":
            self._start(self._run_probes(order.probes))
        elif which == "observe":
            self._start(self._observe(order.observe))
        elif which == "ping":
            self._send(frames.FromWorker(pong=frames.Pong(number=order.ping.number)))
            self._usage.sample()

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)  # the loop itself keeps no reference
        task.add_done_callback(self._tasks.discard)

    async def _run_attempt(self, order: frames.RunAttempt) -> None:
        put_off = partial(self._put_off, order.attempt_id)
        try:
            ended = await run_attempt(order, self._programs, self._usage, put_off)
        except Exception as error:  # noqa: BLE001 the last resort: without an answer this worker is taken for hung
            detail = f"how it ended cannot be told: {type(error).__name__}"
            ended = frames.AttemptEnded(
                attempt_id=order.attempt_id, outcome=OutcomeKind.FAILED.value, detail=shorten(detail)
            )
        if order.HasField("look") and ended.outcome != OutcomeKind.REFUSED.value:
            await self._look_along(order.look, ended)
        else:
            self._send(frames.FromWorker(attempt=ended))

    async def _look_along(self, order: frames.RunProbes, ended: frames.AttemptEnded) -> None:
        """The look that follows an attempt, at once. What was seen in a moment goes with how it ended, else it follows."""
        ended.looked_at_monotonic_s = self._usage.now_s()
        looking = self._loop.create_task(
            run_probes(order, self._programs, self._usage, partial(self._put_off, order.round_id))
        )
        await asyncio.wait((looking,), timeout=_A_MOMENT_S)
        if looking.done() and not looking.exception():
            ended.seen.CopyFrom(looking.result())
            self._send(frames.FromWorker(attempt=ended))
        else:
            self._send(frames.FromWorker(attempt=ended))
            self._send(frames.FromWorker(probes=await looking))

    async def _run_probes(self, order: frames.RunProbes) -> None:
        put_off = partial(self._put_off, order.round_id)
        self._send(frames.FromWorker(probes=await run_probes(order, self._programs, self._usage, put_off)))

    async def _observe(self, order: frames.Observe) -> None:
        self._send(frames.FromWorker(observed=await observe(order, self._programs, self._usage)))

    def _put_off(self, owner: str, longer_s: float) -> None:
        self._send(frames.FromWorker(put_off=frames.DeadlinePutOff(attempt_id=owner, longer_s=longer_s)))

    def _program_started(self, owner: str, program: Identity) -> None:
        started = frames.ProgramStarted(attempt_id=owner, pid=program.pid, start_ticks=program.start_ticks)
        self._send(frames.FromWorker(program_started=started))

    def _program_ended(self, program: Identity) -> None:
        self._send(frames.FromWorker(program_ended=frames.ProgramEnded(pid=program.pid)))

    def _send(self, message: frames.FromWorker) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message.SerializeToString()))


async def _serve(connection: socket.socket) -> int:
    loop = asyncio.get_running_loop()
    _, worker = await loop.create_connection(Worker, sock=connection)
    return await worker.exit_code


def _keep_descriptors_to_ourselves() -> None:
    """Or the programs that we start would hold the connection open after us, and whatever slipped through from the daemon."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        with suppress(OSError):  # the descriptor of the listing itself is closed by now
            os.set_inheritable(fd, fd <= 2)


def worker_main(arguments: list[str] | None = None) -> int:
    """Serve until the daemon closes the socket; the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    parser = argparse.ArgumentParser(prog="error_daemon.execute.worker", description="A worker of error_daemon.")
    parser.add_argument("--fd", type=int, required=True, help="descriptor of the socket to the daemon")
    parser.add_argument("--dscp", type=int, default=0, help="the code point that its connections are marked with")
    parser.add_argument("--realtime", type=int, default=0, help="its real-time priority; 0: none")
    given = parser.parse_args(arguments)
    mark_connections(given.dscp)
    _keep_descriptors_to_ourselves()
    garbage.tame()
    take_priority(given.realtime)  # where it may not, the daemon may not either, and has said so
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    return loop.run_until_complete(_serve(socket.socket(fileno=given.fd)))


if __name__ == "__main__":
    code = worker_main()
    sys.stderr.flush()
    os._exit(code)  # at once: tasks and blocked threads that are left have nobody to answer to
