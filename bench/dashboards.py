"""dashboards: what open dashboards cost the fault path.

The lag of recoveries at a fixed rate (lag.py), with nobody looking, with so many streams of events, and with so many dashboards (each a
stream, and a question for /api/now once a second): in turns, so that what else happens on the machine meets all of them. Ratios are of
medians, against nobody.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.daemon_process import DaemonProcess
from bench.lag import Figures, Lag
from bench.measuring import LineProcess, LoadProcess, Numbers, median

_SEEN = ("sent_to_strategy", "received_to_strategy")
_QUANTILES = ("p50_us", "p99_us")


def run(pages: int, rate: int, rounds: int, seconds: float, say: Callable[[str], None]) -> dict[str, object]:
    """{"rounds": [...], "medians": {who: figures}, "ratios": {who: figures}}"""
    ways = {"nobody": (0, 0), f"{pages} streams": (pages, 0), f"{pages} dashboards": (pages, 1)}
    with (
        tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory,
        DaemonProcess(Path(directory), has_http=True) as daemon,
        LoadProcess() as load,
        LineProcess("bench.pages") as looking,
    ):
        lag = Lag(daemon, {}, load, Numbers(), say)
        taken: list[dict[str, dict[str, object]]] = []
        for number in range(rounds):
            order = list(ways) if number % 2 == 0 else list(ways)[::-1]
            each = {}
            for who in order:
                say(f"dashboards, round {number + 1} of {rounds}: {who}, {rate} faults/s")
                each[who] = _round(lag, looking, ways[who], rate, seconds)
            taken.append(each)
    medians = {who: _medians([each[who] for each in taken]) for who in ways}
    ratios = {
        who: {name: {q: _ratio(figures[name][q], medians["nobody"][name][q]) for q in _QUANTILES} for name in _SEEN}
        for who, figures in medians.items()
    }
    return {"rate": rate, "rounds": taken, "medians": medians, "ratios": ratios}


def _round(lag: Lag, looking: LineProcess, way: tuple[int, int], rate: int, seconds: float) -> dict[str, object]:
    streams, asks = way
    looking.say(f"{lag.daemon.http} {streams} {asks}")
    if looking.hear() != "open":
        raise RuntimeError("the pages did not open")
    figures: Figures = lag.recoveries(rate, seconds)
    looking.say("close")
    return {**figures, "came": json.loads(looking.hear())}


def _medians(rounds: list[dict[str, object]]) -> dict[str, dict[str, float | None]]:
    return {name: {q: median([_figure(each[name], q) for each in rounds]) for q in _QUANTILES} for name in _SEEN} | {
        "cost": {"cpu_us": median([_figure(each["cost"], "cpu_us") for each in rounds])}
    }


def _figure(figures: object, name: str) -> float | None:
    assert isinstance(figures, Mapping)
    value: float | None = figures[name]
    return value


def _ratio(value: float | None, base: float | None) -> float | None:
    return value / base if value is not None and base else None
