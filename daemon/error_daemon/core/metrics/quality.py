"""One number for how well recovery works, 0 to 1, with the parts that it is made of (C14).

    part         weight   0 to 1
    success      0.40     success rate of the tickets
    speed        0.15     1 / (1 + mean time to recover / 30 s), the time score of a strategy
    gentleness   0.15     1 - mean impact score of the attempts (B9)
    stability    0.15     mean stability score of the successful attempts whose stability window has closed
    first time   0.15     first-time recovery rate of the tickets

The weights are those of a strategy's score (B8), so that the number of the whole can be read beside those of its strategies: that an error
is recovered weighs as much as nearly all the rest. One part differs. B8 has the share of affected tasks that were recovered, which is 1 for
all faults that affect no task, and would praise every host that has none. Here its place is taken by the first-time rate, which no strategy
has by itself: it says whether the right one was chosen.

A part that is not known is left out, and the others' weights share its place; without a success rate there is no score. Two scores can be
compared when they have the same parts.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import fsum

from error_daemon.core.metrics.rates import RateFigures
from error_daemon.core.metrics.timing import TimeFigures
from error_daemon.core.score import (
    WEIGHT_IMPACT,
    WEIGHT_STABILITY,
    WEIGHT_SUCCESS,
    WEIGHT_TASKS,
    WEIGHT_TIME,
    time_score,
)
from error_daemon.model import AttemptRecord, OutcomeKind

_NOT_SEEN = frozenset({OutcomeKind.LOST, OutcomeKind.REFUSED})  # what it did is not known, or it did nothing


@dataclass(frozen=True, slots=True)
class Part:
    name: str
    weight: float
    score: float | None
    samples: int


@dataclass(frozen=True, slots=True)
class Quality:
    score: float | None
    parts: tuple[Part, ...]

    @property
    def samples(self) -> int:
        """The tickets that its success rate is made from."""
        return self.parts[0].samples


def quality(rates: RateFigures, times: TimeFigures, attempts: Iterable[AttemptRecord]) -> Quality:
    mean_s = times.recover.mean_s
    impacts, stabilities = [], []
    for attempt in attempts:
        if attempt.outcome not in _NOT_SEEN:
            impacts.append(attempt.impact_score)
        if attempt.success and attempt.stability_score >= 0.0:  # below 0: its window is open
            stabilities.append(attempt.stability_score)
    impact = _mean(impacts)
    parts = (
        Part("success", WEIGHT_SUCCESS, rates.success.ratio, rates.success.samples),
        Part("speed", WEIGHT_TIME, None if mean_s is None else time_score(mean_s), times.recover.samples),
        Part("gentleness", WEIGHT_IMPACT, None if impact is None else 1.0 - impact, len(impacts)),
        Part("stability", WEIGHT_STABILITY, _mean(stabilities), len(stabilities)),
        Part("first time", WEIGHT_TASKS, rates.first_time.ratio, rates.first_time.samples),
    )
    return Quality(None if parts[0].score is None else _weighted(parts), parts)


def _mean(values: list[float]) -> float | None:
    return fsum(values) / len(values) if values else None


def _weighted(parts: Iterable[Part]) -> float:
    """At least one part is known."""
    known = [(part.weight, part.score) for part in parts if part.score is not None]
    return fsum(weight * score for weight, score in known) / fsum(weight for weight, _ in known)
