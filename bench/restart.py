"""restart: kill -9 of a program → its next one has begun, ours beside supervisord, monit, runit and systemd.

Each keeps a victim of its own of the same kind (victim.py), all at the same time; they are killed in turns, each left in peace for two
seconds before (runit and systemd punish quick deaths). What is measured is the whole work: ours has the fault in its ring and has decided
before it starts anything; it looks afterwards whether the program lives. Ours and runit have a large victim as well; ours is there once
with the kernel's notices of deaths and once without, and says where the time goes. How soon a death is seen is measured by itself, too
(deaths.py).

Needs root and Debian's packages for the others: they are installed.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from random import Random

from bench import deaths
from bench.measuring import quantile
from bench.ours import ErrorRecovery
from bench.supervisors import Monit, Runit, Supervisor, Supervisord, Systemd

_REST_S = 2.0
_PATIENCE_S = 15.0
_LARGE_MIB = 512
_PACKAGES = {"supervisord": "supervisor", "monit": "monit", "runsv": "runit"}


def run(kills: int, say: Callable[[str], None]) -> dict[str, object]:
    """{"kills": {name: [ms]}, "medians": {name: {"p50", "p90", "worst"}}, "about": {name: text}, "stages": {name: {stage: {"p50", ...}}},
    "seen": {name: {"p50", ...}}}, in milliseconds."""
    _install(say)
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory:
        with ExitStack() as running:
            supervisors = [running.enter_context(each) for each in _all(Path(directory))]
            taken = _kill(supervisors, kills, say)
        ours = [each for each in supervisors if isinstance(each, ErrorRecovery)]
        stages = {
            each.name: {stage: _figures([span_s * 1000 for span_s in spans]) for stage, spans in each.stages().items()}
            for each in ours
        }
    say("restart: how soon deaths are seen")
    seen = {name: _figures([span_s * 1000 for span_s in spans]) for name, spans in deaths.run(kills).items()}
    return {
        "kills": taken,
        "medians": {name: _figures(times) for name, times in taken.items()},
        "about": {each.name: each.about for each in supervisors},
        "stages": stages,
        "seen": seen,
    }


def _kill(supervisors: Sequence[Supervisor], kills: int, say: Callable[[str], None]) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {each.name: [] for each in supervisors}
    for number in range(kills):
        say(f"restart, kill {number + 1} of {kills}")
        # nobody is always the one after monit, which takes seconds: by then the caches have nothing of ours any more
        for each in Random(number).sample(supervisors, len(supervisors)):
            time.sleep(_REST_S / len(supervisors))
            taken[each.name].append(each.kill(_PATIENCE_S) * 1000)
            each.victim.wait_until_grown(each.pid, _PATIENCE_S)  # or it would take the CPU from the next one
    return taken


def _figures(times: Sequence[float]) -> dict[str, float | None]:
    return {"p50": quantile(times, 0.5), "p90": quantile(times, 0.9), "worst": max(times)}


def _all(directory: Path) -> list[Supervisor]:
    return [
        ErrorRecovery(directory / "ours", sys.executable),
        ErrorRecovery(directory / "ours-pidfd", sys.executable, has_notices=False),
        Runit(directory / "runit"),
        ErrorRecovery(directory / "ours-large", sys.executable, _LARGE_MIB),
        ErrorRecovery(directory / "ours-large-pidfd", sys.executable, _LARGE_MIB, has_notices=False),
        Runit(directory / "runit-large", _LARGE_MIB),
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
