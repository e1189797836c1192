"""The state of the whole host at one moment: hardware, load, memory, GPUs, processes; recorded for people who look later.

Everything is read from /proc and /sys. What is not there, or may not be read (a hardened unit does not see the processes of others), is
left out, and never an error. It takes some milliseconds with a few hundred processes, and waits `_CPU_S` to see who uses the CPU: so
it runs in a thread.

GPUs: amdgpu tells its load and memory in /sys; NVIDIA's driver only which there are, since more needs its own library.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path

from error_daemon.model import Json

_CPU_S = 0.1
_TOP = 5
_KIB = 1024
_MEMORY = ("MemTotal", "MemAvailable", "SwapTotal", "SwapFree", "Dirty")
_UTIME, _STIME, _THREADS, _START, _RSS = 11, 12, 17, 19, 21  # of /proc/PID/stat, behind the name; proc(5)
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Process:
    pid: int
    name: str
    state: str
    ticks: int  # of the CPU, ever
    threads: int
    start: int
    memory_bytes: int


def system_state(root: Path = Path("/"), cpu_s: float = _CPU_S) -> dict[str, Json]:
    """`root`: where proc and sys are. Blocks for `cpu_s`."""
    before = {(process.pid, process.start): process.ticks for process in processes(root)}
    began = time.clock_gettime(time.CLOCK_MONOTONIC)
    time.sleep(cpu_s)
    now = list(processes(root))
    passed_s = time.clock_gettime(time.CLOCK_MONOTONIC) - began
    return {
        "hardware": hardware(root),
        "load": _load(root),
        "memory": _memory(root),
        "pressure": {name: _pressure(root, name) for name in ("cpu", "memory", "io")},
        "gpus": gpus(root),
        "processes": _summary(now, before, passed_s),
    }


def hardware(root: Path) -> dict[str, Json]:
    models = [
        line.partition(":")[2].strip()
        for line in _text(root / "proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    temperatures = [
        int(_text(zone)) / 1000 for zone in root.glob("sys/class/thermal/thermal_zone*/temp") if _text(zone).isdigit()
    ]
    return {
        "cpu": models[0] if models else "",
        "cpus": os.cpu_count() or 0,
        "kernel": _text(root / "proc/sys/kernel/osrelease"),
        "machine": os.uname().machine,
        "product": _text(root / "sys/class/dmi/id/product_name"),
        "hottest_celsius": max(temperatures, default=None),
    }


def gpus(root: Path) -> list[Json]:
    found: list[Json] = []
    for folder in sorted(root.glob("sys/class/drm/card[0-9]*/device")):
        if "-" not in folder.parent.name:  # a connector of a card is no card
            figures = {
                "busy_percent": _number(folder / "gpu_busy_percent"),
                "memory_used_bytes": _number(folder / "mem_info_vram_used"),
                "memory_bytes": _number(folder / "mem_info_vram_total"),
            }
            known = {name: value for name, value in figures.items() if value is not None}
            found.append({"card": folder.parent.name, "vendor": _text(folder / "vendor"), **known})
    for path in sorted(root.glob("proc/driver/nvidia/gpus/*/information")):
        model = [line.partition(":")[2].strip() for line in _text(path).splitlines() if line.startswith("Model")]
        found.append({"card": path.parent.name, "vendor": "nvidia", "model": model[0] if model else ""})
    return found


def processes(root: Path) -> Iterator[Process]:
    """Those that can be seen."""
    with suppress(OSError):
        for name in os.listdir(root / "proc"):
            if name.isdigit():
                process = _process(f"{root}/proc/{name}/stat", int(name))
                if process:
                    yield process


def _process(path: str, pid: int) -> Process | None:
    """None where it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            raw = os.read(fd, 1024)
        finally:
            os.close(fd)
        name, _, rest = raw.partition(b"(")[2].rpartition(b")")  # a name may hold anything
        words = rest.split()
        return Process(
            pid,
            name.decode("utf-8", "replace"),
            words[0].decode(),
            int(words[_UTIME]) + int(words[_STIME]),
            int(words[_THREADS]),
            int(words[_START]),
            int(words[_RSS]) * _PAGE_BYTES,
        )
    except (OSError, ValueError, IndexError):
        return None


def _summary(now: list[Process], before: Mapping[tuple[int, int], int], passed_s: float) -> dict[str, Json]:
    def cpu_percent(process: Process) -> float:
        ticks = process.ticks - before.get((process.pid, process.start), process.ticks)
        return round(100.0 * ticks / _TICKS_PER_S / passed_s, 1) if passed_s > 0 else 0.0

    busiest = nlargest(_TOP, ((cpu_percent(process), process.pid, process.name) for process in now))
    largest = nlargest(_TOP, ((process.memory_bytes, process.pid, process.name) for process in now))
    return {
        "seen": len(now),
        "threads": sum(process.threads for process in now),
        "running": sum(process.state == "R" for process in now),
        "waiting_for_disk": sum(process.state == "D" for process in now),
        "zombies": sum(process.state == "Z" for process in now),
        "by_cpu": [{"pid": pid, "name": name, "cpu_percent": cpu} for cpu, pid, name in busiest if cpu],
        "by_memory": [{"pid": pid, "name": name, "memory_bytes": size} for size, pid, name in largest if size],
    }


def _load(root: Path) -> list[float]:
    """Over 1, 5 and 15 minutes."""
    with suppress(ValueError):
        return [float(word) for word in _text(root / "proc/loadavg").split()[:3]]
    return []


def _memory(root: Path) -> dict[str, int]:
    found = {}
    for line in _text(root / "proc/meminfo").splitlines():
        name, _, rest = line.partition(":")
        if name in _MEMORY and rest.split()[:1] and rest.split()[0].isdigit():
            found[f"{name}_bytes"] = int(rest.split()[0]) * _KIB
    return found


def _pressure(root: Path, name: str) -> float | None:
    """Share of the last ten seconds in which something waited for it, in percent."""
    words = _text(root / "proc/pressure" / name).split()
    with suppress(ValueError):
        return float(words[1].removeprefix("avg10=")) if len(words) > 1 else None
    return None


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
