"""Everything at one moment, put together at most so often as it is worth.

Pages ask every second, and there may be fifty of them. Whoever asks within AGE_S gets what was put together for the one before. Where
much is open it costs more, and is put together less often: so that all who look take at most one twentieth of a core, however many they
are. It is put together in parts, between which the loop has its turn.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from error_daemon.core.overview import Overview
from error_daemon.core.ticket import Error
from error_daemon.model import Diagnostic, Json, Run, Severity, Standing
from error_daemon.model.views import Need, Now, Situation, Stale, TargetState
from error_daemon.ports import Clock
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.turns import in_turns
from error_daemon.runtime.views.pulse import Pulse

AGE_S = 0.5
MOST = 100  # of each list
_SHARE = 20  # of the time: what took one is good for so many
_BY_URGENCY = {"approval": 0, "workflow": 1, "failed": 2}
_LETS_ALL_THROUGH = "closed"


class Newest:
    """`status()`, `sensors()`: how the daemon and its sensors are. `runs()`: of workflows, those that are open."""

    def __init__(
        self,
        loop: RecoveryLoop,
        clock: Clock,
        pulse: Pulse,
        *,
        status: Callable[[], Mapping[str, Json]],
        sensors: Callable[[], Sequence[Diagnostic]],
        runs: Callable[[], Sequence[Run]],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._pulse = pulse
        self._status = status
        self._sensors = sensors
        self._runs = runs
        self._host = os.uname().nodename
        self._lock = asyncio.Lock()
        self._newest: tuple[Now, Overview] | None = None
        self._targets: tuple[Overview, Sequence[TargetState]] | None = None
        self._good_until = 0.0

    async def now(self) -> Now:
        return (await self._look())[0]

    async def targets(self) -> Sequence[TargetState]:
        """As they were when the first asked for them after everything was put together."""
        _, overview = await self._look()
        if self._targets is None or self._targets[0] is not overview:
            self._targets = overview, overview.targets()
        return self._targets[1]

    async def _look(self) -> tuple[Now, Overview]:
        async with self._lock:
            if self._newest is None or self._clock.now() >= self._good_until:
                overview = self._loop.engine.overview(self._clock.now())
                now = await self._put_together(overview)
                self._newest = now, overview
                self._good_until = now.at + max(AGE_S, _SHARE * now.took_s)
            return self._newest

    async def _put_together(self, overview: Overview) -> Now:
        engine, clock = self._loop.engine, self._clock
        at, took_s = clock.now(), 0.0

        def add(errors: Sequence[Error]) -> None:
            nonlocal took_s
            began_at = clock.now()
            overview.add(errors)
            took_s += clock.now() - began_at

        await in_turns(overview.errors(), add)
        began_at = clock.now()
        situation = with_runs(overview.situation(MOST), self._runs())
        brakes = engine.brakes(began_at, situation.waiting, only_tripped=True)
        status, sensors = self._status(), self._sensors()
        return Now(
            at=at,
            host=self._host,
            status=status,
            situation=situation,
            brakes=[view for view in brakes if view.state != _LETS_ALL_THROUGH],
            lag_last_minute=self._pulse.lag_last_minute().figures(),
            rates=self._pulse.rates(),
            recovered=self._pulse.recovered(),
            sensors=[one for one in sensors if one.standing in (Standing.NOTICE, Standing.BAD)],
            sensors_blind=sum(one.standing is Standing.UNAVAILABLE for one in sensors),
            stale=self._stale(status, sensors),
            took_s=took_s + clock.now() - began_at,
        )

    def _stale(self, status: Mapping[str, Json], sensors: Sequence[Diagnostic]) -> list[Stale]:
        found = []
        store = status["store"]
        if not store["available"]:
            detail = f": {store['detail']}" if store["detail"] else ""
            why = f"the record cannot be read or written{detail}; {store['rows_waiting']:,} rows wait in memory"
            found.append(Stale("record", why))
        if self._loop.keeping.is_learning_withheld:
            why = "what was learned before this start could not be read back; what is learned now is not kept"
            found.append(Stale("learned", why, status["started_at"]))
        if sensors and all(one.standing is Standing.UNAVAILABLE for one in sensors):
            found.append(Stale("sensors", "no sensor can see this host"))
        return found


def with_runs(situation: Situation, runs: Sequence[Run]) -> Situation:
    """With the next step of each open run: behind what is to be answered, before what has failed."""
    needs = [*situation.needs, *map(_next_step, runs)]
    needs.sort(key=lambda need: _BY_URGENCY[need.kind])  # which keeps the order within a kind
    return replace(situation, needs=tuple(needs[:MOST]), needs_more=situation.needs_more + len(needs[MOST:]))


def _next_step(run: Run) -> Need:
    step = run.steps[run.step - 1]
    return Need(
        "workflow",
        run.error_id,
        Severity.MEDIUM,
        run.target,
        component="",
        message=run.name or run.workflow_id,
        why=f"step {run.step} of {len(run.steps)}" + (f"; to be seen then: {step.expected}" if step.expected else ""),
        otherwise="the recovery that waits for it goes on up its ladder" if run.attempt_id else "the run expires",
        since=run.started_at,
        until=run.expires_at,
        action=f"step {run.step} of {len(run.steps)}: {step.instructions}",
        run_id=run.run_id,
    )
