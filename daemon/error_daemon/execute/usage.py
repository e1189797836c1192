"""How busy the host is: CPU % from /proc/stat, memory % from /proc/meminfo.

CPU use is a difference between two looks, so one look is kept: `sample` is called once a second (on the daemon's ping),
`kept` is what that sample said and costs nothing, `fresh` is told what the counters say now. A difference over too short a time
says nothing (the kernel counts in 10 ms ticks), so `fresh` falls back on an earlier look when the last one is too young.
"""

from __future__ import annotations

import time
from dataclasses import replace

from error_daemon.execute.frames_pb2 import Usage
from error_daemon.execute.host import HostCounters
from error_daemon.execute.stalls import Stalls
from error_daemon.execute.withheld import CpuTicks, HostTimes

_MIN_TICKS = 20  # of all cores together; below it one tick more or less would be a jump of 5 %


class HostUsage:
    def __init__(self, counters: HostCounters) -> None:
        self.counters = counters
        self.stalls = Stalls()
        self._earlier = CpuTicks()  # since boot, until there is a look to compare with
        self._last = counters.times().ticks
        self._freshest = CpuTicks(), Usage()
        self.kept = self.fresh(self._last)

    @staticmethod
    def now_s() -> float:
        """CLOCK_MONOTONIC, which the daemon's clock can be told from."""
        return time.clock_gettime(time.CLOCK_MONOTONIC)

    def times(self) -> HostTimes:
        """What the counters say, and how long this process stood still."""
        return replace(self.counters.times(), stood_s=self.stalls.look())

    def sample(self) -> None:
        """Look, and keep what was seen."""
        self.counters.refresh()
        now = self.counters.times().ticks
        self.kept = self.fresh(now)
        if now.total - self._last.total >= _MIN_TICKS:
            self._earlier, self._last = self._last, now

    def fresh(self, now: CpuTicks) -> Usage:
        """Use from the last look that is old enough until now. Where the kernel has not counted since it was asked for, it is the same."""
        at, usage = self._freshest
        if at == now:
            return usage
        since = self._last if now.total - self._last.total >= _MIN_TICKS else self._earlier
        passed = now.total - since.total
        busy = now.busy - since.busy
        cpu_percent = min(100.0, max(0.0, 100.0 * busy / passed)) if passed > 0 else 0.0
        usage = Usage(cpu_percent=cpu_percent, memory_percent=self.counters.memory_percent())
        self._freshest = now, usage
        return usage
