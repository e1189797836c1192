"""
A metric: what it is called, what it means, and how it is read. Names, units and labels by Prometheus' conventions
(https://prometheus.io/docs/practices/naming/): base units, the unit in the name, `_total` for what is only counted up, `_info` for texts.

`Metric.read` gets what there is to see at one moment, and gives a value for each combination of labels. It must be cheap: it is called on
the loop, for every scrape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from error_daemon.telemetry import OTHER, Histogram

_MOST_SERIES = 300
"""Of one metric that has a name of the definitions (target, strategy, rule) as a label and is read, not counted."""


class Kind(str, Enum):
    """As Prometheus calls them. Text 0.0.4 knows no `info`: there it is a gauge."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


Labels = tuple[str, ...]
Value = float | Histogram
Values = Iterable[tuple[Labels, Value]]


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` without `_total`, `_info`, `_bucket`: what the formats add. `read(scene)`: a value for each combination of `labels`."""

    kind: Kind
    name: str
    help: str
    read: Callable[[Any], Values]
    labels: Labels = ()

    @property
    def unit(self) -> str:
        """As the name says it; empty: it is a number of things."""
        last = self.name.rpartition("_")[2]
        return last if last in ("seconds", "bytes", "ratio") else ""

    @property
    def shown_name(self) -> str:
        """As people ask for it."""
        ending = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
        return self.name + ending.get(self.kind, "")


def one(read: Callable[[Any], float]) -> Callable[[Any], Values]:
    """For a metric without labels."""
    return lambda scene: (((), read(scene)),)


def text(read: Callable[[Any], Sequence[str]]) -> Callable[[Any], Values]:
    """For an info: what is known stands in the labels."""
    return lambda scene: ((tuple(read(scene)), 1),)


def by_name(read: Callable[[Any], Mapping[str, float]]) -> Callable[[Any], Values]:
    """For a metric with one label. Where there are too many names, those with the smallest values are added up as `other`."""

    def values(scene: Any) -> Values:
        found = read(scene)
        if len(found) <= _MOST_SERIES:
            return [((name,), value) for name, value in found.items()]
        ranked = sorted(found.items(), key=lambda item: -item[1])
        left = sum(value for _, value in ranked[_MOST_SERIES:])
        return [*(((name,), value) for name, value in ranked[:_MOST_SERIES]), ((OTHER,), left)]

    return values
