"""restart: kill -9 of a program → its next one has begun, ours beside supervisord, monit, runit and systemd.

Each keeps a victim of its own of the same kind (supervisors.py), all at the same time; they are killed in turns, each left in peace for two
seconds before (runit and systemd punish quick deaths). What is measured is the whole work: ours has the fault in its ring and has decided
before it starts anything; it looks afterwards whether the program lives.

Needs root and Debian's packages for the others: they are installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from bench.measuring import quantile
from bench.supervisors import ErrorRecovery, Monit, Runit, Supervisor, Supervisord, Systemd

_REST_S = 2.0
_PATIENCE_S = 15.0
_PACKAGES = {"supervisord": "supervisor", "monit": "monit", "runsv": "runit"}


def run(kills: int, say: Callable[[str], None]) -> dict[str, object]:
    """{"kills": {name: [ms]}, "medians": {name: {"p50", "p90", "worst"}}, "about": {name: text}}, in milliseconds."""
    _install(say)
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory, ExitStack() as running:
        supervisors = [running.enter_context(each) for each in _all(Path(directory))]
        taken: dict[str, list[float]] = {each.name: [] for each in supervisors}
        for number in range(kills):
            say(f"restart, kill {number + 1} of {kills}")
            for each in supervisors:
                time.sleep(_REST_S / len(supervisors))
                taken[each.name].append(each.kill(_PATIENCE_S) * 1000)
    figures = {
        name: {"p50": quantile(times, 0.5), "p90": quantile(times, 0.9), "worst": max(times)}
        for name, times in taken.items()
    }
    return {"kills": taken, "medians": figures, "about": {each.name: each.about for each in supervisors}}


def _all(directory: Path) -> list[Supervisor]:
    return [
        ErrorRecovery(directory / "ours", sys.executable),
        Runit(directory / "runit"),
        Systemd(directory / "systemd-0", "0"),
        Systemd(directory / "systemd", "100ms"),
        Supervisord(directory / "supervisord"),
        Monit(directory / "monit"),
    ]


def _install(say: Callable[[str], None]) -> None:
    missing = [package for program, package in _PACKAGES.items() if not shutil.which(program)]
    if missing:
        say(f"installing {', '.join(missing)}")
        subprocess.run(["apt-get", "install", "-qy", *missing], check=True, stdout=subprocess.DEVNULL)
