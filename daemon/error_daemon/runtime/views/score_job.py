"""Scores over time, worked out in a process of its own (analysis.py)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from error_daemon.core.metrics.figures import Span
from error_daemon.core.metrics.scores import ScoreSeries, score_series
from error_daemon.model import Json
from error_daemon.model.views import ScoreWish
from error_daemon.rpc.plain import plain
from error_daemon.runtime import records
from error_daemon.runtime.jobs import Read


@dataclass(frozen=True, slots=True)
class ScoreJob:
    """Rows: attempts. Tells the list of ScoreSeries, made plain. `wish`: with the range as it is meant."""

    name: ClassVar[str] = "the analysis of the attempts"
    mend: ClassVar[str] = "take a shorter range"

    wish: ScoreWish
    half_life_s: float

    def run(self, read: Read) -> Iterator[Json]:
        wish = self.wish
        attempts = [records.attempt_of(row) for row in read()["attempts"] if _is_wanted(row, wish)]
        span = Span(wish.since, wish.until)
        series = score_series(attempts, span, wish.points, by=wish.by, half_life_s=self.half_life_s)
        yield plain([one for one in series if _is_shown(one, wish)])


def _is_wanted(row: Mapping[str, Any], wish: ScoreWish) -> bool:
    """What is left out here teaches nothing; what is not shown does."""
    return wish.target in ("", row["target"]) and wish.level in (0, row["level"])


def _is_shown(series: ScoreSeries, wish: ScoreWish) -> bool:
    return wish.error_type in ("", series.error_type.value) and wish.strategy_id in ("", series.strategy_id)
