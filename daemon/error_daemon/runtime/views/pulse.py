"""How much happened in the last minutes: counts of each interval, the lag of the last minute, and what recovered lately.

A timer closes an interval every INTERVAL_S, whether anybody looks or not: it copies a few numbers. What is kept is bounded.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from error_daemon.core.metrics.figures import FAILED, RECOVERED
from error_daemon.model import TicketRecord
from error_daemon.model.views import Rates, Recovered
from error_daemon.ports import Clock
from error_daemon.telemetry import Counters, LatencyHistogram

INTERVAL_S = 5.0
INTERVALS = 120
MOST_RECOVERED = 100
_LAG_S = 60.0
_TOGETHER_S = 10.0
FAULTS, ATTEMPTS = "faults", "attempts"
_COUNTED = (FAULTS, ATTEMPTS, RECOVERED, FAILED)


class Pulse:
    def __init__(self, counters: Counters, clock: Clock) -> None:
        self._counters = counters
        self._clock = clock
        self._running = dict.fromkeys(_COUNTED, 0)  # of the interval that is not over
        self._faults_before = 0
        self._closed: dict[str, deque[int]] = {name: deque([0] * INTERVALS, INTERVALS) for name in _COUNTED}
        self._until = clock.now()
        self._lags: deque[LatencyHistogram] = deque([counters.lag.copy()], round(_LAG_S / INTERVAL_S))
        self._recovered: deque[Recovered] = deque(maxlen=MOST_RECOVERED)
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._tick)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self.close_interval()
        self.start()

    # --- what happens

    def attempted(self) -> None:
        self._running[ATTEMPTS] += 1

    def ended(self, record: TicketRecord) -> None:
        if record.ended_as in self._running:
            self._running[record.ended_as] += 1
        if record.ended_as == RECOVERED:
            self._keep(record)

    def _keep(self, record: TicketRecord) -> None:
        """One recovery of a target may end a thousand tickets of it: they are told as one, by the first that had an attempt."""
        newest = self._recovered[-1] if self._recovered else None
        if (
            newest is None
            or newest.record.target != record.target
            or record.ended_at - newest.record.ended_at > _TOGETHER_S
        ):
            self._recovered.append(Recovered(record, 1))
            return
        told = record if record.attempts and not newest.record.attempts else newest.record
        self._recovered[-1] = Recovered(told, newest.errors + 1)

    def close_interval(self) -> None:
        """The interval is over."""
        faults = self._counters.faults_received
        self._running[FAULTS], self._faults_before = faults - self._faults_before, faults
        for name in _COUNTED:
            self._closed[name].append(self._running[name])
            self._running[name] = 0
        self._until = self._clock.now()
        self._lags.append(self._counters.lag.copy())

    # --- what is asked

    def rates(self) -> Rates:
        counts = {name: tuple(counts) for name, counts in self._closed.items()}
        return Rates(INTERVAL_S, self._until, counts)

    def lag_last_minute(self) -> LatencyHistogram:
        return self._counters.lag.since(self._lags[0])

    def recovered(self) -> Sequence[Recovered]:
        """The newest first."""
        return tuple(reversed(self._recovered))
