"""What was measured on: facts of the host and of the software, and the two cores that the contenders are pinned to."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import psutil

Facts = dict[str, object]

_PACKAGES = ("grpcio", "protobuf", "uvloop", "duckdb", "pydantic")


def facts() -> Facts:
    """Facts that another machine would differ in. Nothing that names this one."""
    return {
        "cores": len(cores()),
        "processor": _processor(),
        "memory_mib": psutil.virtual_memory().total >> 20,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in _PACKAGES},
        "load_average_before": [round(load, 2) for load in os.getloadavg()],
        "measured_on": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def cores() -> list[int]:
    """Those that this process may use."""
    return sorted(os.sched_getaffinity(0))


def server_core() -> set[int]:
    return {cores()[0]}


def load_core() -> set[int]:
    """The last one; on a machine with a single core it is the server's as well."""
    return {cores()[-1]}


def pin(pid: int, to: Iterable[int]) -> None:
    """All threads of a process: sched_setaffinity moves only the one that it is given, and later ones inherit."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(ProcessLookupError):  # the thread has ended meanwhile
            os.sched_setaffinity(int(task.name), to)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
