"""The figures of the host as they are shown: each with its unit, its thresholds and its last values.

A series has more samples than a screen has room for, so neighbouring ones are put together. The largest stands for them: what is sampled
is bad where it is high, and a peak of a tenth of a second is what somebody looks for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isfinite, isnan

from error_daemon.ingest.sensors.conditions import State
from error_daemon.ingest.sensors.sampler import Sampled
from error_daemon.middle import SensorReadings
from error_daemon.model.views import HostFigure, Threshold

_UNITS = ("per_s", "ratio", "celsius", "bytes", "percent", "us", "ms", "s")  # the last word of a name; the longer first


def host_figures(
    readings: SensorReadings, sampled: Iterable[Sampled], prefix: str, last_s: float, points: int
) -> list[HostFigure]:
    """By name: all that are known and begin with `prefix`. `points`: the most of each series."""
    sensors = {name: sensor for sensor in sampled for name in sensor.figures}
    current = readings.current()
    wanted = sorted(name for name in {*sensors, *current} if name.startswith(prefix))
    found = []
    for name in wanted:
        sensor = sensors.get(name)
        series = thinned(*readings.series(name, last_s), points)
        states = [state for state in sensor.states if state.figure == name] if sensor else []
        thresholds = tuple(threshold for state in states if (threshold := _threshold(state)))
        said = sensor.name if sensor else ""
        found.append(HostFigure(name, unit_of(name), current.get(name), said, thresholds, *series))
    return found


def unit_of(name: str) -> str:
    """Empty: a count, or not known."""
    return next((unit for unit in _UNITS if name.endswith(f"_{unit}")), "")


def thinned(at: Sequence[float], values: Sequence[float], most: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """At most so many of a series, each the largest since the one before. What is not known is left out."""
    known = [(moment, value) for moment, value in zip(at, values, strict=True) if not isnan(value)]
    step = -(-len(known) // most) if known else 1
    some = list(_pieces(known, step))
    return tuple(piece[-1][0] for piece in some), tuple(max(value for _, value in piece) for piece in some)


def _pieces(known: Sequence[tuple[float, float]], step: int) -> Iterator[Sequence[tuple[float, float]]]:
    """From the newest back, so that it is the oldest piece that has fewer."""
    first = len(known) % step
    if first:
        yield known[:first]
    for begin in range(first, len(known), step):
        yield known[begin : begin + step]


def _threshold(state: State) -> Threshold | None:
    """None: it is switched off."""
    enter, leave = state.band.enter, state.band.leave
    if state.limit is not None:
        enter = leave = state.limit
    if not isfinite(enter):
        return None
    return Threshold(state.what, enter, leave, state.window_s, state.hysteresis.is_in, state.is_below)
