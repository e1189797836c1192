"""The newest samples of every figure, in arrays of fixed length: for sensors, for `error-cli diagnose`, and for whoever draws them.

A sample is one turn of the sampler. A figure that was not read in it (its file is slow, and read less often) keeps its last value; one that
is not known is NaN. A minute of forty figures at ten a second is 200 KB, and nothing is allocated after the start.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from math import isnan, nan


class Samples:
    """Ports.SensorReadings. `length`: how many samples are kept."""

    def __init__(self, interval_s: float, length: int = 600) -> None:
        self.interval_s = interval_s
        self._length = length
        self._series: dict[str, array[float]] = {}
        self._at = array("d", [nan]) * length
        self._known_from: dict[str, int] = {}  # figure → the number of the first sample that has it
        self._number = -1

    def add(self, names: Sequence[str]) -> None:
        for name in names:
            self._series[name] = array("d", [nan]) * self._length
            self._known_from[name] = self._number + 1

    def drop(self, names: Sequence[str]) -> None:
        for name in names:
            self._series.pop(name, None)
            self._known_from.pop(name, None)

    # --- the sampler

    def begin(self, at: float) -> None:
        """The next sample, taken at `at` (seconds since 1970). It has the values of the one before, until others are put."""
        before = self._number % self._length
        self._number += 1
        place = self._number % self._length
        self._at[place] = at
        if self._number:
            for series in self._series.values():
                series[place] = series[before]

    def put(self, name: str, value: float) -> None:
        self._series[name][self._number % self._length] = value

    # --- who asks

    def current(self) -> Mapping[str, float]:
        """The newest value of each figure that is known."""
        place = self._number % self._length
        newest = {name: series[place] for name, series in self._series.items()} if self._number >= 0 else {}
        return {name: value for name, value in newest.items() if not isnan(value)}

    def series(self, name: str, last_s: float) -> tuple[Sequence[float], Sequence[float]]:
        """When (seconds since 1970) and what, the oldest first. Empty for a figure that is not there."""
        if name not in self._series or self._number < 0:
            return (), ()
        count = self._count(name, last_s)
        return self._last(self._at, count), self._last(self._series[name], count)

    def window(self, name: str, window_s: float) -> Sequence[float] | None:
        """The values of the last `window_s`; None while there are not so many yet, or some are not known."""
        wanted = self._wanted(window_s)
        if name not in self._series or self._count(name, window_s) < wanted:
            return None
        values = self._last(self._series[name], wanted)
        return None if isnan(sum(values)) else values

    def _wanted(self, window_s: float) -> int:
        return max(1, min(self._length, round(window_s / self.interval_s)))

    def _count(self, name: str, last_s: float) -> int:
        return max(0, min(self._wanted(last_s), self._number + 1 - self._known_from[name]))

    def _last(self, values: array[float], count: int) -> Sequence[float]:
        end = self._number % self._length + 1
        if count <= end:
            return values[end - count : end]
        return values[self._length - (count - end) :] + values[:end]
