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
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO, Protocol

from error_daemon.core.brakes.pause import Pause
from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.metrics.figures import Span
from error_daemon.core.metrics.report import RecoveryMetrics, recovery_metrics
from error_daemon.core.policy import Policy
from error_daemon.core.replay import History, Replayed, replay
from error_daemon.errors import Refused, StoreUnavailable
from error_daemon.ingest.decode import decode
from error_daemon.model import Definitions
from error_daemon.runtime import records

_LENGTH = struct.Struct(">Q")
_NICENESS = 10
_MOST_AT_ONCE = 2
Row = Mapping[str, Any]


class Job(Protocol):
    """Something to be worked out. What `run` yields comes out of Analysis.run."""

    def run(self) -> Iterator[Any]: ...


@dataclass(frozen=True, slots=True)
class MetricsJob:
    """`tickets` and `attempts` are rows of the record."""

    tickets: Sequence[Row]
    attempts: Sequence[Row]
    span: Span
    weights: dict[str, float]
    still_down: Sequence[OpenInterval]

    def run(self) -> Iterator[RecoveryMetrics]:
        tickets = [records.ticket_of(row) for row in self.tickets]
        attempts = [records.attempt_of(row) for row in self.attempts]
        yield recovery_metrics(tickets, attempts, self.span, weights=self.weights, open_intervals=self.still_down)


@dataclass(frozen=True, slots=True)
class ReplayJob:
    """All but `pauses` are rows of the record."""

    faults: Sequence[Row]
    decisions: Sequence[Row]
    attempts: Sequence[Row]
    tickets: Sequence[Row]
    pauses: Sequence[Pause]
    learned: Sequence[Row]
    timeouts: Sequence[Row]
    definitions: Definitions
    policy: Policy

    def run(self) -> Iterator[Replayed]:
        history = History(
            faults=[decode(records.payload_of(row), row["received_at"]) for row in self.faults],
            decisions=[records.decision_of(row) for row in self.decisions],
            attempts=[records.attempt_of(row) for row in self.attempts],
            tickets=[records.ticket_of(row) for row in self.tickets],
            pauses=self.pauses,
        )
        learned = [records.score_of(row) for row in self.learned]
        timeouts = [records.timeout_of(row) for row in self.timeouts]
        yield replay(history, self.definitions, self.policy, learned, timeouts)


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
