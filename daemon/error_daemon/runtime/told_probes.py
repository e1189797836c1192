"""
Probes that go by what the daemon was told (kind `alert`), beside those that look.

An executor in front of another: of each round it answers the probes of these kinds itself, gives the others to the executor behind it, and
puts the readings together in their order. It reads when the round ends, not when it begins, so that the answer is of that moment. It sees
every attempt go by, and so knows when a target was last acted on, for whatever error.

In a group restart, where a worker looks at each member before it goes on, these probes see nothing (execute/probes/told.py): what is told
of a member may come minutes later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from error_daemon.model import (
    AttemptOrder,
    Observation,
    ObserveOrder,
    Probe,
    ProbeOrder,
    Reading,
    ReadingValue,
    Since,
    Target,
)
from error_daemon.model.variables import fill
from error_daemon.ports import Clock, Executor, Hearing, OnReadings


class ToldProbes:
    """ports.Executor. `hearings` by the kinds of their probes. Join it to the executor behind it before the first order; that one's
    readings come to `readings`."""

    def __init__(self, hearings: Mapping[str, Hearing], clock: Clock, on_readings: OnReadings) -> None:
        self._hearings = hearings
        self._clock = clock
        self._on_readings = on_readings
        self._behind: Executor | None = None
        self._open: dict[str, ProbeOrder] = {}
        self._touched: dict[str, float] = {}  # by target

    def join(self, behind: Executor) -> None:
        self._behind = behind

    async def start(self) -> None:
        await self._executor.start()

    async def stop(self) -> None:
        await self._executor.stop()

    # --- orders

    def start_attempt(self, order: AttemptOrder) -> None:
        """Its worker can't begin a look of which it knows only a part."""
        self._note(order)
        if order.look is not None and len(self._others(order.look.probes)) < len(order.look.probes):
            order = replace(order, look=None)
        self._executor.start_attempt(order)

    def noting(self, start_attempt: Callable[[AttemptOrder], None]) -> Callable[[AttemptOrder], None]:
        """`start_attempt`, of those that another than the executor runs."""

        def start(order: AttemptOrder) -> None:
            self._note(order)
            start_attempt(order)

        return start

    def _note(self, order: AttemptOrder) -> None:
        now = self._clock.now()
        for target in (order.target, *order.group):
            self._touched[target.id] = now

    def start_probes(self, order: ProbeOrder) -> None:
        others = self._others(order.probes)
        if len(others) == len(order.probes):
            self._executor.start_probes(order)
            return
        self._open[order.round_id] = order
        if others:
            self._executor.start_probes(replace(order, probes=others))
        else:
            asyncio.get_running_loop().call_soon(self.readings, order.round_id, ())

    async def observe(self, order: ObserveOrder) -> Sequence[Observation]:
        """See ports.Executor."""
        others = self._others(order.probes)
        seen = list(await self._executor.observe(replace(order, probes=others)))
        looked = iter(seen[len(order.observers) :])
        since = Since()
        probes = [
            self._observed(probe, order.target, since) if probe.kind in self._hearings else next(looked)
            for probe in order.probes
        ]
        return [*seen[: len(order.observers)], *probes]

    # --- answers

    def readings(self, round_id: str, readings: Sequence[Reading]) -> None:
        """Of the executor behind it, which answers each round once."""
        order = self._open.pop(round_id, None)
        if order is not None:
            looked = {reading.probe: reading for reading in readings}
            readings = [looked.get(probe.id) or self._heard(probe, order) for probe in order.probes]
        self._on_readings(round_id, readings)

    def _heard(self, probe: Probe, order: ProbeOrder) -> Reading:
        value, why = self._read(probe, order.target, order.since)
        return Reading(probe.id, value, why, self._clock.now())

    def _observed(self, probe: Probe, target: Target, since: Since) -> Observation:
        value, why = self._read(probe, target, since)
        return Observation(f"probe {probe.id}", {"reading": value.value}, {"detail": why})

    def _read(self, probe: Probe, target: Target, since: Since) -> tuple[ReadingValue, str]:
        """A round ends with a reading for each probe, whatever goes wrong."""
        try:
            since = replace(since, touched_at=self._touched.get(target.id, 0.0))
            params = fill(probe.params, {"target": target.id, **target.variables})
            return self._hearings[probe.kind].read(params, target, since)
        except Exception as error:  # noqa: BLE001
            return ReadingValue.UNKNOWN, f"what was told could not be read: {type(error).__name__}: {error}"

    def _others(self, probes: Sequence[Probe]) -> tuple[Probe, ...]:
        return tuple([probe for probe in probes if probe.kind not in self._hearings])

    @property
    def _executor(self) -> Executor:
        assert self._behind is not None, "joined before the first order"
        return self._behind
