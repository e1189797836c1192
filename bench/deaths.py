"""deaths: kill -9 of a process of a target → its fault at the intake, by pidfd alone and with the kernel's notices, small and with 512 MiB.

The watch itself, on a loop that has nothing else to do: what the host and the kernel take, and little of ours. The four take turns.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import uvloop

from bench.victim import Victim
from error_daemon.ingest.dying.notices import DyingNotices
from error_daemon.ingest.process_watch import ProcessWatch
from error_daemon.model import Target
from error_daemon.runtime.clock import SteadyClock

_PATIENCE_S = 30.0
_REST_S = 0.1
_LARGE_MIB = 512


def run(kills: int) -> dict[str, list[float]]:
    """Seconds of each, by what was watched. Without those of the kernel where it gives none."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory:
        for number in range(kills):
            for resident_mib in (0, _LARGE_MIB):
                for has_notices in (False, True):
                    size = f"{resident_mib} MiB" if resident_mib else "small"
                    name = f"{size}, {'notice' if has_notices else 'pidfd'}"
                    place = Path(directory, f"{number}-{resident_mib}-{has_notices}")
                    span_s = _kill(place, resident_mib, has_notices)
                    if span_s is not None:
                        taken.setdefault(name, []).append(span_s)
    return taken


def _kill(directory: Path, resident_mib: int, has_notices: bool) -> float | None:
    directory.mkdir()
    victim = Victim(directory, resident_mib)
    process = subprocess.Popen([victim.script])
    try:
        victim.started(_PATIENCE_S)
        victim.wait_until_grown(process.pid, _PATIENCE_S)
        return uvloop.run(_seen(process.pid, victim.pid_file, has_notices))
    finally:
        process.kill()
        process.wait()
        victim.close()


async def _seen(pid: int, pid_file: Path, has_notices: bool) -> float | None:
    told: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    target = Target("victim", "process", {"pid_file": str(pid_file)})

    def take(_fault: bytes) -> None:
        told.set_result(time.monotonic())

    notices = DyingNotices()
    if has_notices:
        notices.open()
    watch = ProcessWatch({"victim": target}, SteadyClock(), take, print, notices=notices)
    watch.start()
    try:
        await asyncio.sleep(_REST_S)
        killed_at = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        span_s = await asyncio.wait_for(told, _PATIENCE_S) - killed_at
        return span_s if notices.is_open or not has_notices else None
    finally:
        watch.stop()
