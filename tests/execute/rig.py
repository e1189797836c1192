"""What the tests of execution share: a pool with its answers gathered, orders in short, and waiting with a bound."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import uvloop

from error_daemon.errors import InvariantError
from error_daemon.execute.link import Heartbeat, WorkerTraits
from error_daemon.execute.pool import WorkerPool
from error_daemon.model import (
    AttemptOrder,
    Json,
    Observation,
    ObserveOrder,
    Observer,
    Outcome,
    Probe,
    ProbeOrder,
    Reading,
    ReadingValue,
    Strategy,
    Target,
)
from error_daemon.ports import Executor
from tests.waiting import soon

PATIENCE_S = 30.0  # only ever waited for in full when something is broken
T = TypeVar("T")
_numbers = itertools.count(1)


class WallClock:
    """A ports.Clock of the kind the runtime has."""

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset_s

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s + self._offset_s


class Answers:
    """Gathers answers; `counts` shows that each came once."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.outcomes: dict[str, Outcome] = {}
        self.readings: dict[str, Sequence[Reading]] = {}
        self.losses: list[str] = []
        self.break_on: set[str] = set()  # attempts at whose outcomes who is told has a bug
        self._news = asyncio.Event()

    def on_outcome(self, outcome: Outcome) -> None:
        self._count(outcome.attempt_id)
        self.outcomes[outcome.attempt_id] = outcome
        if outcome.attempt_id in self.break_on:
            raise InvariantError("no such attempt")

    def on_readings(self, round_id: str, readings: Sequence[Reading]) -> None:
        self._count(round_id)
        self.readings[round_id] = readings

    def on_worker_lost(self, detail: str) -> None:
        self.losses.append(detail)
        self._news.set()

    async def outcome(self, attempt_id: str) -> Outcome:
        await self.until(lambda: attempt_id in self.outcomes)
        return self.outcomes[attempt_id]

    async def round(self, round_id: str) -> dict[str, Reading]:
        await self.until(lambda: round_id in self.readings)
        return {reading.probe: reading for reading in self.readings[round_id]}

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait until it is true, looked at after each answer."""

        async def wait() -> None:
            while not is_true():
                self._news.clear()
                await self._news.wait()

        await asyncio.wait_for(wait(), PATIENCE_S)

    def _count(self, name: str) -> None:
        self.counts[name] = self.counts.get(name, 0) + 1
        self._news.set()


class Rig:
    """An executor that runs, and its answers."""

    def __init__(self, executor: Executor, answers: Answers) -> None:
        self.executor = executor
        self.answers = answers

    async def run(self, order: AttemptOrder) -> Outcome:
        self.executor.start_attempt(order)
        return await self.answers.outcome(order.attempt_id)

    async def seen(self, order: AttemptOrder, outcome: Outcome) -> list[tuple[str, ReadingValue]]:
        """What the look of an attempt saw, be it told with its end or after it: how long a look takes is for the host to say."""
        assert order.look is not None
        readings = outcome.readings
        if readings is None:
            readings = tuple((await self.answers.round(order.look.round_id)).values())
        return [(reading.probe, reading.value) for reading in readings]

    async def look(self, order: ProbeOrder) -> dict[str, Reading]:
        self.executor.start_probes(order)
        return await self.answers.round(order.round_id)

    async def observe(self, order: ObserveOrder) -> dict[str, Observation]:
        seen = await asyncio.wait_for(self.executor.observe(order), PATIENCE_S)
        return {one.observer: one for one in seen}


class PoolRig(Rig):
    def __init__(self, pool: WorkerPool, answers: Answers) -> None:
        super().__init__(pool, answers)
        self.pool = pool


def with_pool(
    body: Callable[[PoolRig], Awaitable[T]],
    *,
    workers: int = 1,
    room: int = 8,
    heartbeat_s: float = 1.0,
    hung_after_s: float = 10.0,
    dscp: int = 0,
    realtime_priority: int = 0,
) -> T:
    """Run `body` with a pool of real workers, on the loop that the daemon has."""

    async def main() -> T:
        answers = Answers()
        pool = WorkerPool(
            workers,
            room,
            WallClock(),
            on_outcome=answers.on_outcome,
            on_readings=answers.on_readings,
            on_worker_lost=answers.on_worker_lost,
            traits=WorkerTraits(dscp, realtime_priority),
            heartbeat=Heartbeat(heartbeat_s, hung_after_s),
        )
        await pool.start()
        try:
            return await body(PoolRig(pool, answers))
        finally:
            await pool.stop()

    return uvloop.run(main())


def attempt(
    kind: str,
    params: Mapping[str, Json] | None = None,
    *,
    target: Mapping[str, Json] | None = None,
    timeout_s: float = 20.0,
    environment: Mapping[str, str] | None = None,
) -> AttemptOrder:
    name = f"attempt-{next(_numbers)}"
    return AttemptOrder(
        attempt_id=name,
        error_id="e1",
        strategy=Strategy("s1", kind, params=params or {}),
        target=Target("t1", "process", target or {}),
        level=1,
        timeout_s=timeout_s,
        environment=environment or {},
    )


def shell(script: str, **rest: Json) -> AttemptOrder:
    """An attempt that runs a script of the test's own."""
    return attempt("exec", {"command": ["/bin/sh", "-c", script]}, **rest)


def probe_round(*probes: Probe, target: Mapping[str, Json] | None = None) -> ProbeOrder:
    return ProbeOrder(f"round-{next(_numbers)}", Target("t1", "process", target or {}), probes)


def observe_round(
    *observers: Observer, probes: Sequence[Probe] = (), target: Mapping[str, Json] | None = None
) -> ObserveOrder:
    return ObserveOrder(f"round-{next(_numbers)}", Target("t1", "process", target or {}), observers, tuple(probes))


async def pid_written_to(path: Path) -> int:
    """The pid that a program writes, with a newline, when it has come so far."""
    await soon(f"nobody wrote a pid to {path}", lambda: _text(path).endswith("\n"))
    return int(_text(path))


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def is_running(pid: int) -> bool:
    """It is there and no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


async def is_gone(pid: int) -> None:
    await soon(f"process {pid} is still running", lambda: not is_running(pid))
