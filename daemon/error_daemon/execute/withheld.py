"""CPU time that the host withheld (A20), and what a deadline does about it. Pure: texts and numbers in, numbers out.

**Three ways to withhold.** A hypervisor runs another guest while this one has work: *steal*, counted in /proc/stat. A control group
has used up its quota and waits for the next period: *throttling*, counted in cpu.stat (`throttled_usec`; version 1: `throttled_time` in ns)
of each group with a quota. Somebody stops our process, or crowds it out: it *stood still*, which it sees by itself (stalls.py).

    share      = stolen ticks / all ticks of all CPUs, between two looks
    throttled  = the largest growth of throttled_usec, of our group and of those that it lies in; at most the wall time
    withheld   = max(stood still, throttled + share · (wall - throttled))
    granted    = wall - withheld

The share over all CPUs is what the average CPU lost. It is too little where few CPUs were wanted and just these were stolen from;
erring on this side means that a deadline comes as it always did. Groups lie in each other and are throttled at the same time, so
their times are not added. The kernel adds up throttled time over CPUs, so it can grow faster than the clock: hence "at most".
Below `_MIN_TICKS` the share is taken as 0: one tick more or less would be a jump. Counters that run backwards (steal does, on some
hypervisors, after a migration) count as standing still.

**A deadline runs on granted time.** When it comes and time was withheld, it is put off by what is left of the granted time, and so
on, but never beyond `STRETCH` times the timeout on the wall clock: a host that gives less than a third is not slow but in trouble,
its target is held all the while, and the next level, or a person, must get their turn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

STRETCH = 3.0
_MIN_TICKS = 20  # of all CPUs together
_LEAST_MORE_S = 0.01  # a tick: less can't be told from none
_MOST_STEPS = (
    50  # in a timeout: a deadline that is nearly there, of a host that grants nothing, is not asked all the time
)
_OCTAL = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class CpuTicks:
    """Of all CPUs together, since boot."""

    busy: int = 0  # includes `stolen`: somebody here wanted the CPU
    stolen: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class HostTimes:
    """What the counters said at one moment. `throttled_s` by control group, from ours outwards; None: not known."""

    at_s: float  # CLOCK_MONOTONIC
    ticks: CpuTicks
    throttled_s: tuple[float | None, ...] = ()
    stood_s: float = 0.0  # of all time so far


def parse_ticks(stat: bytes) -> CpuTicks:
    """From the beginning of /proc/stat. All 0 where there is no such line."""
    name, *fields = stat.partition(b"\n")[0].split()[:9] or [b""]
    if name != b"cpu" or len(fields) < 8:
        return CpuTicks()
    # user nice system idle iowait irq softirq steal; guest times are contained in user already
    ticks = [int(field) for field in fields]
    total = sum(ticks)
    return CpuTicks(total - ticks[3] - ticks[4], ticks[7], total)


def parse_throttled_s(cpu_stat: bytes) -> float | None:
    """From a control group's cpu.stat; None where it has no such counter (the root group, no cpu controller)."""
    for name, per_s in ((b"throttled_usec ", 1e6), (b"throttled_time ", 1e9)):
        _, found, rest = cpu_stat.partition(name)
        digits = rest.partition(b"\n")[0].strip()
        if found and digits.isdigit():
            return int(digits) / per_s
    return None


def is_limited(cpu_max: bytes) -> bool:
    """Whether a control group has a quota, by its cpu.max ("max 100000" means that it has none), or cpu.cfs_quota_us (-1)."""
    return bool(cpu_max.strip()) and not cpu_max.startswith((b"max", b"-1"))


def group_folders(cgroup: str, mountinfo: str) -> list[str]:
    """Folders of our control group and of those that it lies in, ours first, from the texts of /proc/self/cgroup and /proc/self/mountinfo:
    of version 2, and of version 1 where the cpu controller is still there. Empty where neither is mounted."""
    of_2 = next((line[3:] for line in cgroup.splitlines() if line.startswith("0::")), None)
    mounts = [line.split() for line in mountinfo.splitlines()]
    at_2 = next((fields for fields in mounts if _kind(fields) == "cgroup2"), None)
    of_1 = next((path for names, path in map(_hierarchy, cgroup.splitlines()) if "cpu" in names), None)
    at_1 = next((fields for fields in mounts if _kind(fields) == "cgroup" and "cpu" in fields[-1].split(",")), None)
    return [*_folders(of_2, at_2), *_folders(of_1, at_1)]


def _kind(fields: Sequence[str]) -> str:
    """Of the file system of a line of mountinfo."""
    return fields[fields.index("-") + 1] if "-" in fields[:-1] else ""


def _hierarchy(line: str) -> tuple[Sequence[str], str]:
    _, _, rest = line.partition(":")
    names, _, path = rest.partition(":")
    return names.split(","), path


def _folders(path: str | None, mounted: Sequence[str] | None) -> list[str]:
    if path is None or mounted is None:
        return []
    root, place = (_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), field) for field in mounted[3:5])
    inside = path[len(root.rstrip("/")) :] if f"{path}/".startswith(f"{root.rstrip('/')}/") else ""
    names = [name for name in inside.split("/") if name]
    # above the root of a namespace nothing can be seen
    reach = [] if ".." in names else names
    return ["/".join([place.rstrip("/"), *reach[:depth]]) for depth in range(len(reach), -1, -1)]


def withheld_s(began: HostTimes, now: HostTimes) -> float:
    """How much of the time between two looks the host withheld: 0 to all of it."""
    wall_s = max(0.0, now.at_s - began.at_s)
    throttled_s = min(wall_s, _throttled_s(began.throttled_s, now.throttled_s))
    stolen_s = _stolen_ratio(began.ticks, now.ticks) * (wall_s - throttled_s)
    return min(wall_s, max(throttled_s + stolen_s, now.stood_s - began.stood_s))


def _throttled_s(began: Sequence[float | None], now: Sequence[float | None]) -> float:
    pairs = zip(began, now, strict=False)
    return max([0.0, *(after - before for before, after in pairs if before is not None and after is not None)])


def _stolen_ratio(began: CpuTicks, now: CpuTicks) -> float:
    total = now.total - began.total
    if total < _MIN_TICKS:
        return 0.0
    return min(1.0, max(0.0, (now.stolen - began.stolen) / total))


def longest_s(timeout_s: float) -> float:
    """The latest that a deadline can come, on the wall clock."""
    return STRETCH * timeout_s


def more_s(timeout_s: float, wall_s: float, withheld: float) -> float:
    """How much longer an attempt may run that has run for `wall_s`, before it is asked again; 0: its time is up."""
    left_s = timeout_s - (wall_s - withheld)
    until_last_s = longest_s(timeout_s) - wall_s
    if min(left_s, until_last_s) < _LEAST_MORE_S:
        return 0.0
    return min(max(left_s, timeout_s / _MOST_STEPS), until_last_s)
