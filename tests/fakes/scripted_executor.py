"""An executor without processes: what happens to each order is written down beforehand, or told by the test as it goes.

It keeps the contract of ports.Executor: each order is answered exactly once, never from within the call that gives it, and
what is unanswered when it stops is lost. tests/execute/test_executor_contract.py holds it to that beside the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from error_daemon.model import (
    AttemptOrder,
    Observation,
    ObserveOrder,
    Outcome,
    OutcomeKind,
    Probe,
    ProbeOrder,
    Reading,
    ReadingValue,
)
from error_daemon.ports import Clock, OnOutcome, OnReadings


class ScriptedExecutor:
    """`outcome` and `sight` are asked for each order and each probe; `outcome` None leaves the attempt running, until the test
    calls `end` or `lose_everything`. By default every attempt completes and every probe sees ok."""

    def __init__(
        self,
        clock: Clock,
        *,
        on_outcome: OnOutcome,
        on_readings: OnReadings,
        outcome: Callable[[AttemptOrder], OutcomeKind | None] = lambda _order: OutcomeKind.COMPLETED,
        sight: Callable[[ProbeOrder, Probe], ReadingValue] = lambda _order, _probe: ReadingValue.OK,
    ) -> None:
        self._clock = clock
        self._on_outcome = on_outcome
        self._on_readings = on_readings
        self._outcome = outcome
        self._sight = sight
        self._open_attempts: dict[str, AttemptOrder] = {}
        self._open_rounds: dict[str, ProbeOrder] = {}
        self.attempts: list[AttemptOrder] = []  # every order ever given, for tests to look at
        self.rounds: list[ProbeOrder] = []

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        self.lose_everything("the daemon stops")

    def start_attempt(self, order: AttemptOrder) -> None:
        self.attempts.append(order)
        self._open_attempts[order.attempt_id] = order
        kind = self._outcome(order)
        if kind is not None:
            self._loop.call_soon(self.end, order.attempt_id, kind)

    def start_probes(self, order: ProbeOrder) -> None:
        self.rounds.append(order)
        self._open_rounds[order.round_id] = order
        self._loop.call_soon(self._end_round, order.round_id)

    async def observe(self, order: ObserveOrder) -> Sequence[Observation]:
        sights = (
            (probe, self._sight(ProbeOrder(order.round_id, order.target, order.probes), probe))
            for probe in order.probes
        )
        readings = [Observation(f"probe {probe.id}", {"reading": sight.value}) for probe, sight in sights]
        return [*(Observation(observer.id, {"seen": "by nobody"}) for observer in order.observers), *readings]

    def end(self, attempt_id: str, kind: OutcomeKind, detail: str = "scripted") -> None:
        """Answer an attempt, unless it has been answered."""
        order = self._open_attempts.pop(attempt_id, None)
        if order is not None:
            now = self._clock.now()
            started_at = now if kind is not OutcomeKind.LOST else 0.0
            looked_at, readings = 0.0, None
            if order.look is not None and kind not in (OutcomeKind.LOST, OutcomeKind.REFUSED):
                self.rounds.append(order.look)
                looked_at, readings = now, self._readings(order.look)
            self._on_outcome(
                Outcome(attempt_id, kind, detail, started_at=started_at, looked_at=looked_at, readings=readings)
            )

    def lose_everything(self, detail: str = "worker 1: killed by SIGKILL") -> None:
        """As if all workers had died."""
        for attempt_id in tuple(self._open_attempts):
            self.end(attempt_id, OutcomeKind.LOST, detail)
        for order in tuple(self._open_rounds.values()):
            del self._open_rounds[order.round_id]
            now = self._clock.now()
            self._on_readings(order.round_id, [Reading(p.id, ReadingValue.UNKNOWN, detail, now) for p in order.probes])

    def _end_round(self, round_id: str) -> None:
        order = self._open_rounds.pop(round_id, None)
        if order is not None:
            self._on_readings(round_id, self._readings(order))

    def _readings(self, order: ProbeOrder) -> tuple[Reading, ...]:
        now = self._clock.now()
        return tuple(Reading(probe.id, self._sight(order, probe), "scripted", now) for probe in order.probes)
