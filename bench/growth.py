"""growth: what the daemon takes per fault, how late its recoveries begin, and its memory, by how many errors it knows.

A daemon for each size, all at the same time, filled with distinct faults; then they take turns, each second round in the opposite order.
What is measured of each:

    known        unary faults, 16 in flight, drawn over all errors that it knows
    distinct     the same of faults that nobody has seen, matched by no rule
    recoveries   200 a second (lag.py)

`growth` is beside the smallest. `bytes_per_error` is the memory of the daemon's own process, beside that of the smallest, by how many more
errors it knows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil

from bench.daemon_process import DaemonProcess
from bench.lag import Lag
from bench.load import Plan
from bench.measuring import LoadProcess, Numbers, median

_SERVICE = "/error_recovery.v1.FaultService/"
_FIRST = 1 << 30  # number of the faults with which they are filled: no plan of `Numbers` comes so far
_RATE = 200
_FILL_S = 8.0
_MOST_FILLS = 1000
Figures = dict[str, float | None]


def run(sizes: Sequence[int], rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, object]:
    """{"rounds": [{size: figures}], "medians": {size: figures; `_growth`: beside the smallest}, "memory": {size: figures}}"""
    with ExitStack() as running:
        load, numbers = running.enter_context(LoadProcess()), Numbers()
        daemons: dict[int, DaemonProcess] = {}
        for size in sizes:
            directory = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="error-recovery-bench-")))
            daemons[size] = running.enter_context(DaemonProcess(directory, known_errors=10 * size))
            _fill(daemons[size], load, size, say)
        memory = _memory(daemons)
        taken: list[dict[int, Figures]] = []
        for number in range(rounds):
            say(f"growth, round {number + 1} of {rounds}")
            order = list(reversed(sizes)) if number % 2 else list(sizes)
            found = {size: _one(daemons[size], load, numbers, size, seconds) for size in order}
            taken.append({size: found[size] for size in sizes})
    return {"rounds": taken, "medians": _medians(taken, sizes), "memory": memory}


def _fill(daemon: DaemonProcess, load: LoadProcess, size: int, say: Callable[[str], None]) -> None:
    """With so many errors, at least. Those whose faults were refused, because the record was behind, are sent when all others are there."""
    next_number = 0
    for _ in range(_MOST_FILLS):
        known = daemon.settle().errors_known
        say(f"growth: {known:,} of {size:,} errors known")
        if known >= size:
            return
        seconds = min(_FILL_S, max(0.2, (size - known) / 10_000))
        plan = Plan(
            address=daemon.address,
            method=_SERVICE + "StreamReports",
            shape="stream",
            faults="unmatched",
            is_echo=False,
            first_number=_FIRST + next_number,
            batch=64,
            window=4,
            seconds=seconds,
            warm_seconds=0.0,
        )
        sent = load.measure(plan, daemon).result
        next_number += sent.faults + sent.refused
        if next_number >= size:
            next_number = 0
    raise RuntimeError(f"the daemon does not come to know {size} errors")


def _memory(daemons: dict[int, DaemonProcess]) -> dict[int, dict[str, float | None]]:
    held = {size: psutil.Process(daemon.process.pid).memory_info().rss for size, daemon in daemons.items()}
    known = {size: daemon.status().errors_known for size, daemon in daemons.items()}
    least = min(daemons)
    return {
        size: {
            "errors_known": known[size],
            "mib": held[size] / 2**20,
            "bytes_per_error": None if size == least else (held[size] - held[least]) / (known[size] - known[least]),
        }
        for size in daemons
    }


def _one(daemon: DaemonProcess, load: LoadProcess, numbers: Numbers, size: int, seconds: float) -> Figures:
    figures: Figures = {}
    for name, first, among in (("known", _FIRST, size), ("distinct", numbers.next(), 0)):
        plan = Plan(
            address=daemon.address,
            method=_SERVICE + "Report",
            shape="unary",
            faults="unmatched",
            is_echo=False,
            first_number=first,
            among=among,
            window=16,
            seconds=seconds,
        )
        measured = load.measure(plan, daemon)
        faults = max(1, measured.result.faults)
        figures[f"{name}_cpu_us"] = measured.cpu.own_s * 1e6 / faults
        figures[f"{name}_per_s"] = measured.result.faults / measured.result.seconds
    recoveries = Lag(daemon, {}, load, numbers, lambda _what: None).recoveries(_RATE, seconds)
    for key in ("sent_to_strategy", "received_to_strategy"):
        figures |= {f"{key}_p50_us": recoveries[key]["p50_us"], f"{key}_p99_us": recoveries[key]["p99_us"]}
    figures["recovery_cpu_us"] = recoveries["cost"]["cpu_us"]
    return figures


def _medians(rounds: Sequence[dict[int, Figures]], sizes: Sequence[int]) -> dict[int, Figures]:
    medians: dict[int, Figures] = {}
    for size in sizes:
        medians[size] = {name: median([taken[size][name] for taken in rounds]) for name in rounds[0][size]}
        for name in rounds[0][size]:
            ratios = [_ratio(taken[size][name], taken[sizes[0]][name]) for taken in rounds]
            medians[size][f"{name}_growth"] = median(ratios)
    return medians


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None
