"""All recovery metrics of a range of time, and whether their goals are met (C14).

A goal is what C14 calls the target of a figure; here a target is the thing to be recovered. It is met, not met, or (None) not known,
because there are no samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from error_daemon.core.metrics.classes import (
    ClassFigures,
    LayerFigures,
    ResponseFigures,
    class_figures,
    layer_figures,
    response_figures,
)
from error_daemon.core.metrics.counts import AttemptCounts, attempt_counts, tickets_by_end
from error_daemon.core.metrics.downtime import DowntimeFigures, OpenInterval, downtime_figures
from error_daemon.core.metrics.effectiveness import COMPARED, Effectiveness, effectiveness
from error_daemon.core.metrics.figures import Span, ended_within
from error_daemon.core.metrics.quality import Quality, quality
from error_daemon.core.metrics.rates import RateFigures, rate_figures
from error_daemon.core.metrics.timing import TimeFigures, time_figures
from error_daemon.model import TEST, AttemptRecord, ErrorType, RecoveryClass, ResponseClass, TicketRecord

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Goal:
    """The figure must be above the bound, or below it; equal is not enough."""

    figure: str
    bound: float
    is_above: bool


_AVAILABLE = Goal("availability_ratio", 0.9999, is_above=True)
GOALS = (  # C14
    Goal("mean_time_to_detect_s", 5.0, is_above=False),
    Goal("mean_time_to_recover_s", 30.0, is_above=False),
    Goal("success_ratio", 0.95, is_above=True),
    Goal("false_positive_ratio", 0.05, is_above=False),
    _AVAILABLE,
    Goal("unplanned_downtime_s", 60.0, is_above=False),
)


def is_met(goal: Goal, value: float | None) -> bool | None:
    """None: not known."""
    if value is None:
        return None
    return value > goal.bound if goal.is_above else value < goal.bound


@dataclass(frozen=True, slots=True)
class GoalFigure:
    """A figure that has a goal. `samples` counts what it is made from: tickets; targets or components for availability and downtime."""

    goal: Goal
    component: str  # empty: of everything
    value: float | None
    samples: int

    @property
    def is_met(self) -> bool | None:
        return is_met(self.goal, self.value)


@dataclass(frozen=True, slots=True)
class RecoveryMetrics:
    span: Span
    tickets: int  # that ended in the range
    ended_as: Mapping[str, int]
    times: TimeFigures
    rates: RateFigures
    downtime: DowntimeFigures
    recovery_classes: Mapping[RecoveryClass, ClassFigures]
    response_classes: Mapping[ResponseClass, ResponseFigures]
    layers: Mapping[str, LayerFigures]
    attempts: AttemptCounts
    quality: Quality
    learning: Mapping[ErrorType, Effectiveness]

    @property
    def goals(self) -> tuple[GoalFigure, ...]:
        """All GOALS in their order, then the availability of each component."""
        times, rates, downtime = self.times, self.rates, self.downtime
        targets = len(downtime.by_target) if self.span.length_s > 0.0 else 0
        values = (
            (times.detect.mean_s, times.detect.samples),
            (times.recover.mean_s, times.recover.samples),
            (rates.success.ratio, rates.success.samples),
            (rates.false_positives.ratio, rates.false_positives.samples),
            (downtime.availability_ratio, targets),
            (downtime.overall.unplanned_s if targets else None, targets),
        )
        overall = (GoalFigure(goal, "", *value) for goal, value in zip(GOALS, values, strict=True))
        components = (
            GoalFigure(_AVAILABLE, name, item.availability_ratio, 1) for name, item in downtime.by_component.items()
        )
        return (*overall, *components)


def recovery_metrics(
    tickets: Iterable[TicketRecord],
    attempts: Iterable[AttemptRecord],
    span: Span,
    *,
    weights: Mapping[str, float],
    open_intervals: Iterable[OpenInterval] = (),
    bucket_s: float = _HOUR_S,
    compared: int = COMPARED,
) -> RecoveryMetrics:
    """Downtime is made from all tickets that were open in the range, everything else from the tickets and attempts that ended in it.
    Tests of recoveries are no part of it, except of the downtime. Records outside the range change nothing, nor does the order of the
    records. `weights` and `open_intervals`: see downtime_figures; `bucket_s`: attempt_counts; `compared`: effectiveness."""
    known = list(tickets)
    ended = ended_within((ticket for ticket in known if ticket.mode != TEST), span)
    tried = ended_within((attempt for attempt in attempts if not attempt.is_test), span)
    times, rates = time_figures(ended), rate_figures(ended)
    return RecoveryMetrics(
        span=span,
        tickets=len(ended),
        ended_as=tickets_by_end(ended),
        times=times,
        rates=rates,
        downtime=downtime_figures(known, span, weights, open_intervals),
        recovery_classes=class_figures(ended),
        response_classes=response_figures(ended),
        layers=layer_figures(ended),
        attempts=attempt_counts(tried, bucket_s),
        quality=quality(rates, times, tried),
        learning=effectiveness(ended, compared),
    )
