"""Recovery metrics: pure functions over the record. docs/metrics.md says what each figure means, and what it cannot say."""

from __future__ import annotations

from error_daemon.core.metrics.classes import (
    LAYERS,
    ClassFigures,
    Layer,
    LayerFigures,
    ResponseFigures,
    class_figures,
    layer_figures,
    response_figures,
)
from error_daemon.core.metrics.counts import AttemptCounts, Tally, attempt_counts, tickets_by_end
from error_daemon.core.metrics.downtime import Downtime, DowntimeFigures, OpenInterval, downtime_figures
from error_daemon.core.metrics.effectiveness import Effectiveness, SuccessChange, TimeChange, effectiveness
from error_daemon.core.metrics.figures import Rate, Span, Times, ended_within, times_of
from error_daemon.core.metrics.quality import Part, Quality, quality
from error_daemon.core.metrics.rates import RateFigures, rate_figures
from error_daemon.core.metrics.report import GOALS, Goal, GoalFigure, RecoveryMetrics, is_met, recovery_metrics
from error_daemon.core.metrics.timing import TimeFigures, time_figures

__all__ = [
    "GOALS",
    "LAYERS",
    "AttemptCounts",
    "ClassFigures",
    "Downtime",
    "DowntimeFigures",
    "Effectiveness",
    "Goal",
    "GoalFigure",
    "Layer",
    "LayerFigures",
    "OpenInterval",
    "Part",
    "Quality",
    "Rate",
    "RateFigures",
    "RecoveryMetrics",
    "ResponseFigures",
    "Span",
    "SuccessChange",
    "Tally",
    "TimeChange",
    "TimeFigures",
    "Times",
    "attempt_counts",
    "class_figures",
    "downtime_figures",
    "effectiveness",
    "ended_within",
    "is_met",
    "layer_figures",
    "quality",
    "rate_figures",
    "recovery_metrics",
    "response_figures",
    "tickets_by_end",
    "time_figures",
    "times_of",
]
