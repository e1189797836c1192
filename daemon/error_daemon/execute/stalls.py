"""Time in which a process stood still: stopped by a signal or a freezer, or left waiting for the CPU by whoever got it instead (A20).

A timer of its event loop comes every 100 ms. When it is much later than that, the process was not there in between, or it was busy: what it
used of the CPU meanwhile tells the two apart. A loop that is blocked by work of its own has no excuse; one that blocks without using the
CPU looks as if it had stood still.

    stood = late - CPU time used since the last look       where late > LATE_S

The counters of the host (withheld.py) see steal and quotas, which come in slices too short for this; this sees what they do not: SIGSTOP,
the freezer, and neighbours that crowd the CPU. Both may see the same time, so the larger counts and they are never added.
"""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

EVERY_S = 0.1
LATE_S = 0.1


class Since(NamedTuple):
    """A moment: CLOCK_MONOTONIC, the process's CPU time, and how long it had stood still; seconds. From it on it can be counted later."""

    at_s: float
    used_s: float
    stood_s: float


class Stalls:
    """`stood_s`: of all time so far. It is counted while somebody has begun (`begin`, `end`)."""

    def __init__(self) -> None:
        self.stood_s = 0.0
        self._begun = 0
        self._looked_at_s = 0.0
        self._used_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def now(self) -> Since:
        stood_s = self.look()
        return Since(
            time.clock_gettime(time.CLOCK_MONOTONIC), time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID), stood_s
        )

    def begin(self, since: Since | None = None) -> None:
        """`since`: a moment of before, from which on it is counted, where it was not already: for somebody else, perhaps, whose moment was
        earlier, and then what was before `since` is in it, too."""
        if not self._begun:
            since = since or self.now()
            if since.at_s > self._looked_at_s:
                self._looked_at_s, self._used_s, _ = since
            self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._again)
        self._begun += 1

    def end(self) -> None:
        self.look()
        self._begun -= 1
        if not self._begun and self._timer is not None:
            self._timer.cancel()

    def look(self) -> float:
        """`stood_s` as it is now. A timer that is due at the end of a stall may come before ours: so whoever asks looks."""
        if self._begun:
            late_s = time.clock_gettime(time.CLOCK_MONOTONIC) - self._looked_at_s - EVERY_S
            if late_s > LATE_S:
                used_before_s, self._used_s = self._used_s, time.clock_gettime(time.CLOCK_PROCESS_CPUTIME_ID)
                self._looked_at_s += late_s + EVERY_S
                self.stood_s += max(0.0, late_s - (self._used_s - used_before_s))
        return self.stood_s

    def _again(self) -> None:
        self._looked_at_s, self._used_s, _ = self.now()
        self._timer = asyncio.get_running_loop().call_later(EVERY_S, self._again)
