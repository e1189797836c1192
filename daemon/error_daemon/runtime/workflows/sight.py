"""What the probe of a step sees: the same probes as recoveries have, by the same workers."""

from __future__ import annotations

from itertools import count

from error_daemon.model import Definitions, Observation, ObserveOrder, Reading, ReadingValue, Run, Target
from error_daemon.ports import Clock, Executor

_SOMEWHERE = "host"  # the kind of a target that nobody has defined


class StepSight:
    def __init__(self, executor: Executor, clock: Clock) -> None:
        self._executor = executor
        self._clock = clock
        self._numbers = count(1)

    async def reading(self, run: Run, definitions: Definitions) -> Reading | None:
        """Of the step that the run is at; None: it has no probe."""
        name = run.steps[run.step - 1].probe
        if name is None:
            return None
        probe, began_at = definitions.probes.get(name), self._clock.now()
        if probe is None:
            return Reading(name, ReadingValue.UNKNOWN, "no probe of this name is defined any more", began_at)
        target = definitions.targets.get(run.target) or Target(run.target, _SOMEWHERE)
        order = ObserveOrder(f"{run.run_id}-{next(self._numbers)}", target, (), (probe,))
        seen = await self._executor.observe(order)
        value, detail = _read(seen[0]) if seen else (ReadingValue.UNKNOWN, "nobody has looked")
        at = self._clock.now()
        return Reading(name, value, detail, at, at - began_at)


def _read(seen: Observation) -> tuple[ReadingValue, str]:
    if seen.problem:
        return ReadingValue.UNKNOWN, seen.problem
    return ReadingValue(seen.facts["reading"]), seen.others.get("detail", "")
