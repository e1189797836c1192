"""How long the daemon could not act: stopped, starved, throttled, stolen from (A20). The engine's promises do not run on in that time.

Stalls of the process itself are seen at once, by whoever asks (execute/stalls.py). What is withheld in slices too short for that is read
from the host's counters once a second. Of each second the larger of the two counts.
"""

from __future__ import annotations

import asyncio

from error_daemon.execute.host import HostCounters
from error_daemon.execute.stalls import Stalls
from error_daemon.execute.withheld import withheld_s

_EVERY_S = 1.0
_LEAST_S = 0.05  # a tick more or less is none


class Standstill:
    """`stood_s()` never falls. Nothing is counted before `start`."""

    def __init__(self, counters: HostCounters) -> None:
        self._counters = counters
        self._stalls = Stalls()
        self._sliced_s = 0.0  # withheld in slices, beyond what the stalls saw
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._stalls.begin()
        self._began = self._counters.times()
        self._stood_before_s = 0.0
        self._look_later()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._stalls.end()
        self._counters.close()

    def stood_s(self) -> float:
        return self._stalls.look() + self._sliced_s

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_EVERY_S, self._look)

    def _look(self) -> None:
        self._counters.refresh()
        began, self._began = self._began, self._counters.times()
        stood_s = self._stalls.look()
        seen_s, self._stood_before_s = stood_s - self._stood_before_s, stood_s
        more_s = withheld_s(began, self._began) - seen_s
        if more_s >= _LEAST_S:
            self._sliced_s += more_s
        self._look_later()
