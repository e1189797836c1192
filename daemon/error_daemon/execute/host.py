"""The kernel's counters about the host, read from files that are kept open: a pread costs a quarter of open, read and close.

Control groups: a cpu.stat is read only while its group has a quota, because to answer, the kernel adds up the counters of all groups
below it, which takes long near the root of a busy host. Which groups have one is looked up once a second (`refresh`). What can't be
read, or is gone, is not known, and never an error: these are figures, and recoveries go on without them.

A process stays in the control group that it was started in; the daemon's units and containers do not move theirs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from error_daemon.execute.withheld import HostTimes, group_folders, is_limited, parse_throttled_s, parse_ticks

_LINE_BYTES = 256
_FILE_BYTES = 1024


class HostCounters:
    """`groups`: folders of control groups, ours first; None: those that /proc/self says. Raises OSError without `stat` or `meminfo`."""

    def __init__(
        self, stat: str = "/proc/stat", meminfo: str = "/proc/meminfo", groups: Sequence[str] | None = None
    ) -> None:
        self._stat = os.open(stat, os.O_RDONLY | os.O_CLOEXEC)
        self._meminfo = os.open(meminfo, os.O_RDONLY | os.O_CLOEXEC)
        opened = (_open_group(folder) for folder in (_own_groups() if groups is None else groups))
        self._groups = [group for group in opened if group is not None]
        self.refresh()

    def refresh(self) -> None:
        """Look again which control groups have a quota."""
        for group in self._groups:
            group.refresh()

    def times(self) -> HostTimes:
        at_s = time.clock_gettime(time.CLOCK_MONOTONIC)
        ticks = parse_ticks(os.pread(self._stat, _LINE_BYTES, 0))
        return HostTimes(at_s, ticks, tuple([group.throttled_s() for group in self._groups]))

    def memory_percent(self) -> float:
        seen: dict[bytes, int] = {}
        for line in os.pread(self._meminfo, _LINE_BYTES, 0).splitlines()[:-1]:  # the last is cut off
            name, _, rest = line.partition(b":")
            seen[name] = int(rest.split()[0])
            if name == b"MemAvailable":
                break
        total = seen.get(b"MemTotal", 0)
        return 100.0 * (total - seen.get(b"MemAvailable", total)) / total if total else 0.0

    def close(self) -> None:
        for fd in (self._stat, self._meminfo):
            os.close(fd)
        for group in self._groups:
            group.close()


class _Group:
    """One control group that can have a quota."""

    def __init__(self, cpu_max: int, cpu_stat: int) -> None:
        self._max = cpu_max
        self._stat = cpu_stat
        self._is_limited = False

    def refresh(self) -> None:
        self._is_limited = is_limited(_read(self._max))

    def throttled_s(self) -> float | None:
        return parse_throttled_s(_read(self._stat)) if self._is_limited else None

    def close(self) -> None:
        os.close(self._max)
        os.close(self._stat)


def _open_group(folder: str) -> _Group | None:
    """None where there is no quota to have: the root group has no cpu.max, nor has one without the cpu controller."""
    with suppress(OSError):
        quota = "cpu.max" if os.path.exists(f"{folder}/cpu.max") else "cpu.cfs_quota_us"  # version 1
        cpu_max = os.open(f"{folder}/{quota}", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return _Group(cpu_max, os.open(f"{folder}/cpu.stat", os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            os.close(cpu_max)
    return None


def _own_groups() -> list[str]:
    try:
        return group_folders(Path("/proc/self/cgroup").read_text(), Path("/proc/self/mountinfo").read_text())
    except OSError:
        return []


def _read(fd: int) -> bytes:
    try:
        return os.pread(fd, _FILE_BYTES, 0)
    except OSError:  # the group is gone
        return b""
