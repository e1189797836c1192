"""What is looked at for a test: the state of its target when that has come to rest, and whether it was broken at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import count

from error_daemon.model import Difference, Observation, ObserveOrder, Observer, ReadingValue
from error_daemon.ports import Clock, Executor
from error_daemon.runtime.repeat.state import differences
from error_daemon.runtime.repeat.subject import Basis

STEADY_WITHIN_S = 3.0
LOOK_AGAIN_S = 0.1
BROKEN_WITHIN_S = 1.0  # a process that was killed is not gone in the same moment


class Looking:
    def __init__(self, executor: Executor, clock: Clock) -> None:
        self._executor = executor
        self._clock = clock
        self._numbers = count(1)

    async def steady(self, test_id: str, basis: Basis) -> tuple[Sequence[Observation], Sequence[Difference]]:
        """The state when two looks in a row have seen the same, and what did not come to rest."""
        ends_at = self._clock.now() + STEADY_WITHIN_S
        before: Sequence[Observation] | None = None
        while True:
            state = await self._look(test_id, basis, basis.subject.target.observers)
            moved = differences(before, state) if before is not None else ()
            if before is not None and (not moved or self._clock.now() >= ends_at):
                return state, moved
            before = state
            await asyncio.sleep(LOOK_AGAIN_S)

    async def is_still_well(self, test_id: str, basis: Basis) -> bool:
        """Whether no probe sees within a moment that the target was broken."""
        ends_at = self._clock.now() + BROKEN_WITHIN_S
        while True:
            seen = await self._look(test_id, basis, ())
            if any(one.facts.get("reading") == ReadingValue.NOT_OK.value for one in seen):
                return False
            if self._clock.now() >= ends_at:
                return True
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _look(self, test_id: str, basis: Basis, observers: tuple[Observer, ...]) -> Sequence[Observation]:
        round_id = f"{test_id}-{next(self._numbers)}"
        return await self._executor.observe(ObserveOrder(round_id, basis.subject.target, observers, basis.probes))
