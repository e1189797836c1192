"""What every figure is made of: a range of time, a rate with its samples, times with their samples.

A figure with no samples is None: never 0, which would be a bad one, nor 1, which would be a perfect one. Which tickets a figure is made
from is decided by when they ended: each ticket and each attempt ended once, so that figures over adjacent ranges share none and miss none.
Downtime alone (downtime.py) goes by how long a ticket was open within the range.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, sqrt
from typing import Protocol, TypeVar

RECOVERED = "recovered"  # TicketRecord.ended_as
FAILED = "failed"
Z_90 = 1.6448536269514722  # 90 % of a normal distribution is within this many deviations of its mean


@dataclass(frozen=True, slots=True)
class Span:
    """From `start_at`, which belongs to it, to `end_at`, which does not. One that ends before it starts is empty."""

    start_at: float
    end_at: float

    @property
    def length_s(self) -> float:
        return max(0.0, self.end_at - self.start_at)


class _Ended(Protocol):
    @property
    def ended_at(self) -> float: ...


_EndedT = TypeVar("_EndedT", bound=_Ended)


def ended_within(records: Iterable[_EndedT], span: Span) -> list[_EndedT]:
    """The tickets or attempts that ended in the range."""
    start_at, end_at = span.start_at, span.end_at
    return [record for record in records if start_at <= record.ended_at < end_at]


@dataclass(frozen=True, slots=True)
class Rate:
    """`count` of `samples`."""

    count: int
    samples: int

    @property
    def ratio(self) -> float | None:
        return self.count / self.samples if self.samples else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The Wilson score interval of 90 % (Wilson 1927, Journal of the American Statistical Association 22, 209-212): where the true
        rate may lie. Unlike the plain normal interval it holds with few samples and at 0 and 1."""
        if not self.samples:
            return None
        n, rate, square = self.samples, self.count / self.samples, Z_90 * Z_90
        middle = rate + square / (2 * n)
        reach = Z_90 * sqrt(rate * (1.0 - rate) / n + square / (4 * n * n))
        scale = 1.0 + square / n
        low, high = (middle - reach) / scale, (middle + reach) / scale
        return max(0.0, min(low, rate)), min(1.0, max(high, rate))  # rounding alone could leave the rate outside


@dataclass(frozen=True, slots=True)
class Times:
    """Durations in seconds, summed up. All three are None when there are no samples."""

    samples: int
    mean_s: float | None = None
    median_s: float | None = None
    p95_s: float | None = None  # 95 of 100 were at most this long: the nearest rank, so it is one of them


def times_of(durations_s: list[float]) -> Times:
    """The order of the durations does not matter."""
    if not durations_s:
        return Times(0)
    ranked, count = sorted(durations_s), len(durations_s)
    median_s = (ranked[(count - 1) // 2] + ranked[count // 2]) / 2.0
    return Times(count, sum(ranked) / count, median_s, ranked[ceil(0.95 * count) - 1])
