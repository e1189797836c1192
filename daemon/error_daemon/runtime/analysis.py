"""Work on the record that would hold the loop is done in a process of its own: metrics over many tickets, replay.

The daemon starts `python -m error_daemon.runtime.analysis` for each job, gives it the job on standard input and reads what it
tells, piece by piece, from standard output. Both sides are this program, so values go over as they are (pickle), each behind
its length. The process is nicer than the daemon, has no way to the record or the network, and is ended with the job.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import struct
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.metrics.figures import Span
from error_daemon.core.metrics.report import RecoveryMetrics, recovery_metrics
from error_daemon.errors import Refused, StoreUnavailable
from error_daemon.model import AttemptRecord, TicketRecord

_LENGTH = struct.Struct(">Q")
_NICENESS = 10
_MOST_AT_ONCE = 2


class Job(Protocol):
    """Something to be worked out. What `run` yields comes out of Analysis.run."""

    def run(self) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class MetricsJob:
    tickets: Sequence[TicketRecord]
    attempts: Sequence[AttemptRecord]
    span: Span
    weights: dict[str, float]
    still_down: Sequence[OpenInterval]

    def run(self) -> Iterator[RecoveryMetrics]:
        yield recovery_metrics(
            self.tickets, self.attempts, self.span, weights=self.weights, open_intervals=self.still_down
        )


class Analysis:
    def __init__(self) -> None:
        self._running = 0

    async def run(self, job: Job) -> AsyncIterator[Any]:
        """What the job yields. Raises Refused while too many are running, StoreUnavailable when its process ends before it does."""
        if self._running >= _MOST_AT_ONCE:
            raise Refused(f"{self._running} analyses are running already: try again when one has ended")
        self._running += 1
        process: asyncio.subprocess.Process | None = None
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "error_daemon.runtime.analysis",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdin is not None, "a pipe was asked for"
            assert process.stdout is not None, "a pipe was asked for"
            process.stdin.write(_packed(job))
            while (told := await _told(process.stdout)) is not None:
                yield told
            if await process.wait() != 0:
                raise StoreUnavailable(
                    f"the analysis ended with {process.returncode}; the daemon's log has its message"
                )
        finally:
            self._running -= 1
            if process is not None and process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _told(stream: asyncio.StreamReader) -> Any:
    """The next value; None when there is none."""
    try:
        [length] = _LENGTH.unpack(await stream.readexactly(_LENGTH.size))
        return pickle.loads(await stream.readexactly(length))
    except asyncio.IncompleteReadError:
        return None


def _packed(value: Any) -> bytes:
    packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _LENGTH.pack(len(packed)) + packed


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """The other side: one job."""
    [length] = _LENGTH.unpack(source.read(_LENGTH.size))
    job: Job = pickle.loads(source.read(length))
    for told in job.run():
        sink.write(_packed(told))
        sink.flush()


if __name__ == "__main__":
    os.nice(_NICENESS)
    with suppress(BrokenPipeError):  # the daemon is no longer interested
        serve(sys.stdin.buffer, sys.stdout.buffer)
