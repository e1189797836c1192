"""
Figures that others tell of themselves (OpenTelemetry's metrics), beside those that the daemon samples: the newest values of each.

They come when their sender has them, each ten seconds or each minute, so each value has its own time. How many are kept is bounded: where
there is no room for another figure, that which was told longest ago goes; what was not told for `FORGET_S` is not known any more.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from math import isfinite

from error_daemon.middle import SensorReadings
from error_daemon.ports import Clock

MOST_FIGURES = 512
MOST_POINTS = 64
FORGET_S = 900.0
MOST_NAME_BYTES = 256


class ToldFigures:
    """middle.SensorReadings."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._points: OrderedDict[str, deque[tuple[float, float]]] = OrderedDict()

    def tell(self, name: str, at: float, value: float) -> bool:
        """`at`: seconds since 1970. False: it was not taken, because it is no number, or too old, or its name is too long."""
        is_fit = isfinite(value) and len(name.encode(errors="replace")) <= MOST_NAME_BYTES
        if not is_fit or at < self._clock.now() - FORGET_S:
            return False
        points = self._points.get(name)
        if points is None:
            if len(self._points) >= MOST_FIGURES:
                self._points.popitem(last=False)
            points = self._points[name] = deque(maxlen=MOST_POINTS)
        elif points[-1][0] >= at:
            return False
        self._points.move_to_end(name)
        points.append((at, value))
        return True

    def current(self) -> Mapping[str, float]:
        """The newest value of each figure that was told lately."""
        self._forget()
        return {name: points[-1][1] for name, points in self._points.items()}

    def series(self, name: str, last_s: float) -> tuple[Sequence[float], Sequence[float]]:
        """When (seconds since 1970) and what, the oldest first. Empty for a figure that is not there."""
        self._forget()
        since = self._clock.now() - last_s
        points = [point for point in self._points.get(name, ()) if point[0] >= since]
        return [at for at, _ in points], [value for _, value in points]

    def _forget(self) -> None:
        """Those told longest ago stand first."""
        until = self._clock.now() - FORGET_S
        while self._points and next(iter(self._points.values()))[-1][0] < until:
            self._points.popitem(last=False)


class Both:
    """middle.SensorReadings of two, whose figures have different names."""

    def __init__(self, one: SensorReadings, other: SensorReadings) -> None:
        self._one = one
        self._other = other

    def current(self) -> Mapping[str, float]:
        return {**self._one.current(), **self._other.current()}

    def series(self, name: str, last_s: float) -> tuple[Sequence[float], Sequence[float]]:
        found = self._one.series(name, last_s)
        return found if found[0] else self._other.series(name, last_s)
