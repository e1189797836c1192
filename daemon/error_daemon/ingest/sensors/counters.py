"""Figures that must be sampled, from files that are kept open: a pread costs a quarter of open, read and close.

A reader gives values in the order of its `figures`; rates are per second, since its last read. Formats: proc(5),
Documentation/admin-guide/{RAS,thermal} of the kernel, net/core/net-procfs.c for softnet_stat.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import isnan, nan
from pathlib import Path
from typing import Protocol

from error_daemon.ingest.sensors.contract import Unavailable

_BYTES = 1 << 16


class Reader(Protocol):
    """Holds its files open until `close`."""

    figures: tuple[str, ...]

    def read(self, passed_s: float) -> Sequence[float]:
        """`passed_s` since it was last read; 0 the first time. NaN: not known."""

    def close(self) -> None: ...


class Files:
    """Descriptors that are read again and again. One that is gone (a device was pulled) reads as nothing."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self.fds: list[int] = []
        self.paths: list[Path] = []  # of those that could be opened
        for path in paths:
            with suppress(OSError):
                self.fds.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
                self.paths.append(path)

    def raw(self, index: int = 0) -> bytes:
        try:
            return os.pread(self.fds[index], _BYTES, 0)
        except OSError:
            return b""

    def numbers(self) -> list[float]:
        """Of files with one number each."""
        return [number_of(self.raw(index)) for index in range(len(self.fds))]

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()


def number_of(raw: bytes) -> float:
    try:
        return float(raw)
    except ValueError:
        return nan


class Rates:
    """From counters to growth per second. A counter that runs backwards (a module was loaded anew) counts as standing still."""

    def __init__(self) -> None:
        self._before: Sequence[float] = ()

    def of(self, counters: Sequence[float], passed_s: float) -> list[float]:
        before, self._before = self._before, counters
        if not before or passed_s <= 0:
            return [nan] * len(counters)
        return [max(0.0, now - then) / passed_s for now, then in zip(counters, before, strict=True)]


class CpuReader:
    """/proc/stat: how the time of all CPUs was used, and how often they changed from one process to another."""

    figures: tuple[str, ...] = (
        "cpu_busy_ratio",
        "iowait_ratio",
        "steal_ratio",
        "context_switches_per_s",
        "processes_running",
        "processes_blocked",
    )

    def __init__(self, root: Path) -> None:
        self._files = _opened([root / "proc/stat"], "/proc/stat")
        self._ticks: list[int] = []
        self._switches = Rates()

    def read(self, passed_s: float) -> Sequence[float]:
        raw = self._files.raw()
        before, self._ticks = self._ticks, [int(word) for word in raw.partition(b"\n")[0].split()[1:9]]
        [switches] = self._switches.of([_after(raw, b"\nctxt ")], passed_s)
        ratios = _ratios(before, self._ticks)
        return (*ratios, switches, _after(raw, b"\nprocs_running "), _after(raw, b"\nprocs_blocked "))

    def close(self) -> None:
        self._files.close()


def _ratios(before: Sequence[int], now: Sequence[int]) -> tuple[float, float, float]:
    """Busy, waiting for I/O, stolen. user nice system idle iowait irq softirq steal."""
    if len(before) < 8 or len(now) < 8:
        return nan, nan, nan
    grown = [max(0, after - then) for after, then in zip(now, before, strict=True)]
    total = sum(grown)
    if not total:
        return nan, nan, nan
    return (total - grown[3] - grown[4]) / total, grown[4] / total, grown[7] / total


def _after(raw: bytes, word: bytes) -> float:
    at = raw.find(word)
    return number_of(raw[at + len(word) : raw.find(b"\n", at + 1)]) if at >= 0 else nan


class SoftnetReader:
    """/proc/net/softnet_stat: packets dropped because a CPU's queue was full, and times that its budget ran out before the packets."""

    figures: tuple[str, ...] = ("softnet_drops_per_s", "softnet_squeezes_per_s")

    def __init__(self, root: Path) -> None:
        self._files = _opened([root / "proc/net/softnet_stat"], "/proc/net/softnet_stat")
        self._rates = Rates()

    def read(self, passed_s: float) -> Sequence[float]:
        rows = [line.split(b" ", 3)[1:3] for line in self._files.raw().splitlines()]
        dropped, squeezed = (sum(int(row[column], 16) for row in rows if len(row) == 2) for column in (0, 1))
        return self._rates.of([dropped, squeezed], passed_s)

    def close(self) -> None:
        self._files.close()


class ThermalReader:
    """How hot the hottest zone is, how near to the point at which it is switched off, and how often CPUs were slowed down for it."""

    figures: tuple[str, ...] = ("hottest_celsius", "to_critical_celsius", "thermal_throttles_per_s")

    def __init__(self, root: Path) -> None:
        zones = sorted(root.glob("sys/class/thermal/thermal_zone*/temp")) + sorted(
            root.glob("sys/class/hwmon/hwmon*/temp*_input")
        )
        throttles = sorted(root.glob("sys/devices/system/cpu/cpu*/thermal_throttle/*_throttle_count"))
        if not zones and not throttles:
            raise Unavailable("there is no thermal zone, and no CPU that says when it is slowed down")
        self._zones = Files(zones)
        self._critical = [_critical_of(zone) for zone in self._zones.paths]
        self._throttles = Files(throttles)
        self._rates = Rates()

    def read(self, passed_s: float) -> Sequence[float]:
        celsius = [number / 1000 for number in self._zones.numbers()]
        left = [critical - now for critical, now in zip(self._critical, celsius, strict=True)]
        throttled = sum(number for number in self._throttles.numbers() if not isnan(number))
        [rate] = self._rates.of([throttled], passed_s)
        return max(_known(celsius), default=nan), min(_known(left), default=nan), rate

    def close(self) -> None:
        self._zones.close()
        self._throttles.close()


def _critical_of(zone: Path) -> float:
    """In °C; NaN where it has no such point, or a register that nobody has set."""
    point = _critical_point_of(zone)
    with suppress(OSError):
        celsius = number_of(point.read_bytes()) / 1000 if point is not None else nan
        return celsius if celsius > 0 else nan
    return nan


def _critical_point_of(zone: Path) -> Path | None:
    if zone.name != "temp":
        return zone.with_name(zone.name.replace("_input", "_crit"))
    with suppress(OSError):
        for kind in zone.parent.glob("trip_point_*_type"):
            if kind.read_text().strip() == "critical":
                return kind.with_name(kind.name.replace("_type", "_temp"))
    return None


def _known(values: Iterable[float]) -> list[float]:
    return [value for value in values if not isnan(value)]


class EdacReader:
    """Errors of the memory that the hardware corrected, and could not correct, of all controllers."""

    figures: tuple[str, ...] = ("memory_corrected_per_s", "memory_uncorrected_per_s")

    def __init__(self, root: Path) -> None:
        controllers = sorted(root.glob("sys/devices/system/edac/mc/mc*"))
        if not controllers:
            raise Unavailable("there is no memory controller that counts errors (EDAC)")
        self._corrected = Files(controller / "ce_count" for controller in controllers)
        self._uncorrected = Files(controller / "ue_count" for controller in controllers)
        self._rates = Rates()

    def read(self, passed_s: float) -> Sequence[float]:
        totals = [sum(_known(files.numbers())) for files in (self._corrected, self._uncorrected)]
        return self._rates.of(totals, passed_s)

    def close(self) -> None:
        self._corrected.close()
        self._uncorrected.close()


def _opened(paths: Sequence[Path], what: str) -> Files:
    files = Files(paths)
    if not files.fds:
        raise Unavailable(f"{what} cannot be read")
    return files
