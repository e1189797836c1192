"""The deadline of one attempt: it runs on the CPU time that the host granted (execute/withheld.py).

**After the strategy has begun.** To read the counters of the host, and to set timers, takes as long as all else between an order and its
strategy. So that is done when the strategy waits for the first time, and not at all for one that never does. Of what was before that, in
which a program is started at most, it is known how long the process stood still (stalls.py), and not what was stolen in smaller slices.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from error_daemon.execute.usage import HostUsage
from error_daemon.execute.withheld import HostTimes, more_s, withheld_s


class AttemptDeadline:
    """Cancels the task that made it when `timeout_s` of granted time have passed since then; tells `on_longer` each time that it is put
    off, and by how many seconds. Call `end` when the attempt has ended."""

    def __init__(self, timeout_s: float, usage: HostUsage, on_longer: Callable[[float], None]) -> None:
        self.has_passed = False
        self._timeout_s = timeout_s
        self._since = usage.stalls.now()
        self._usage = usage
        self._on_longer = on_longer
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._began: HostTimes | None = None
        self._timer: asyncio.Handle = self._loop.call_soon(self._wait)

    @property
    def began_at_s(self) -> float:
        """CLOCK_MONOTONIC."""
        return self._since.at_s

    def _wait(self) -> None:
        """The strategy waits for the first time."""
        self._usage.stalls.begin(self._since)
        now = self._usage.times()
        self._began = replace(now, at_s=self.began_at_s, stood_s=self._since.stood_s)
        left_s = self._timeout_s - (now.at_s - self.began_at_s)
        self._timer = self._loop.call_later(max(0.0, left_s), self._come)

    def _come(self) -> None:
        now = self._usage.times()
        longer_s = more_s(self._timeout_s, now.at_s - self.began_at_s, self.withheld_s(now))
        if longer_s:
            self._on_longer(longer_s)
            self._timer = self._loop.call_later(longer_s, self._come)
            return
        self.has_passed = True
        if self._task is not None:
            self._task.cancel()

    def withheld_s(self, now: HostTimes) -> float:
        """How much of the time so far the host withheld."""
        return withheld_s(self._began, now) if self._began is not None else 0.0

    def end(self) -> None:
        self._timer.cancel()
        if self._began is not None:
            self._usage.stalls.end()
