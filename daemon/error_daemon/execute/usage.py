"""How busy the host is: CPU % from /proc/stat, memory % from /proc/meminfo.

CPU use is a difference between two looks, so one look is kept: `sample` is called once a second (on the daemon's ping),
`kept` is what that sample said and costs nothing, `fresh` looks again. A difference over too short a time says nothing
(the kernel counts in 10 ms ticks), so `fresh` falls back on an earlier look when the last one is too young.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.execute.frames_pb2 import Usage

_MIN_TICKS = 20  # of all cores together; below it one tick more or less would be a jump of 5 %


@dataclass(frozen=True, slots=True)
class _Look:
    busy_ticks: int
    all_ticks: int


class HostUsage:
    def __init__(self) -> None:
        self._earlier = _Look(0, 0)  # since boot, until there is a look to compare with
        self._last = _look()
        self.kept = self.fresh()

    def sample(self) -> None:
        """Look, and keep what was seen."""
        self.kept = self.fresh()
        look = _look()
        if look.all_ticks - self._last.all_ticks >= _MIN_TICKS:
            self._earlier, self._last = self._last, look

    def fresh(self) -> Usage:
        """Use since the last look that is old enough."""
        now = _look()
        since = self._last if now.all_ticks - self._last.all_ticks >= _MIN_TICKS else self._earlier
        passed = now.all_ticks - since.all_ticks
        busy = now.busy_ticks - since.busy_ticks
        cpu_percent = min(100.0, max(0.0, 100.0 * busy / passed)) if passed > 0 else 0.0
        return Usage(cpu_percent=cpu_percent, memory_percent=_memory_percent())


def _look() -> _Look:
    with open("/proc/stat", "rb") as file:
        # user nice system idle iowait irq softirq steal; guest times are contained in user already
        ticks = [int(field) for field in file.readline().split()[1:9]]
    return _Look(sum(ticks) - ticks[3] - ticks[4], sum(ticks))


def _memory_percent() -> float:
    seen: dict[bytes, int] = {}
    with open("/proc/meminfo", "rb") as file:
        for line in file:
            name, _, rest = line.partition(b":")
            seen[name] = int(rest.split()[0])
            if name == b"MemAvailable":
                break
    total = seen.get(b"MemTotal", 0)
    return 100.0 * (total - seen.get(b"MemAvailable", total)) / total if total else 0.0
