"""What was known of each strategy as time went by, by the learning that decides."""

from __future__ import annotations

from typing import Any

import pytest

from error_daemon.core.learning import Case, Learning
from error_daemon.core.lessons import learn
from error_daemon.core.metrics.figures import Span
from error_daemon.core.metrics.scores import ScoreSeries, score_series
from error_daemon.model import AttemptRecord, ErrorType, OutcomeKind, Verdict
from tests.core.metric_records import attempt

DAY_S = 86400.0
HALF_LIFE_S = 30 * DAY_S


def tried(at: float, success: bool = True, **more: Any) -> AttemptRecord:
    return attempt(at, success, **more)


def series(*records: AttemptRecord, by: str = "type", span: Span | None = None) -> list[ScoreSeries]:
    return score_series(records, span or Span(0.0, 10 * DAY_S), 10, by=by, half_life_s=HALF_LIFE_S)


def test_the_last_point_is_what_a_decision_would_know_now() -> None:
    records = [tried(DAY_S * day, success=day % 3 > 0) for day in range(9)]
    [one] = series(*records)
    learning = Learning(HALF_LIFE_S)
    for record in records:
        learn(learning, record, record.ended_at)
    known = learning.known(Case(records[0].error_type), records[0].strategy_id, 10 * DAY_S)
    last = one.points[-1]
    assert (last.samples, last.success_mean, last.score) == pytest.approx(
        (known.samples, known.mean, known.score(known.mean))
    )
    assert (one.attempts, one.successes) == (9, 6)


def test_success_raises_the_curve_and_failure_lowers_it() -> None:
    [one] = series(tried(0.5 * DAY_S), tried(1.5 * DAY_S), tried(2.5 * DAY_S, success=False))
    first, second, third, _last = one.points
    assert first.success_mean < second.success_mean > third.success_mean
    assert all(point.success_low < point.success_mean < point.success_high for point in one.points)
    assert second.success_high - second.success_low < first.success_high - first.success_low


def test_an_interval_without_an_attempt_has_no_point_but_for_the_last() -> None:
    [one] = series(tried(0.5 * DAY_S), tried(4.5 * DAY_S))
    assert [(point.at / DAY_S, point.attempts) for point in one.points] == [(1.0, 1), (5.0, 1), (10.0, 0)]


def test_what_was_learned_before_the_range_counts_and_has_no_point() -> None:
    span = Span(5 * DAY_S, 10 * DAY_S)
    before = [tried(DAY_S * day) for day in range(4)]
    [one] = series(*before, tried(6 * DAY_S), span=span)
    assert one.attempts == 1
    assert one.points[0].samples > 4.0
    assert series(*before, span=span) == []


def test_stability_counts_once_it_is_known() -> None:
    open_window, held = tried(DAY_S, stability_score=-1.0), tried(DAY_S, stability_score=1.0)
    assert series(held)[0].points[-1].score > series(open_window)[0].points[-1].score


def test_a_test_and_what_comes_after_the_range_are_no_part_of_it() -> None:
    assert series(tried(DAY_S, is_test=True), tried(10 * DAY_S)) == []


def test_an_attempt_that_tells_nothing_is_counted_and_teaches_nothing() -> None:
    [one] = series(tried(DAY_S, success=False, outcome=OutcomeKind.LOST, verdict=Verdict.UNKNOWN))
    assert (one.attempts, one.points[0].samples, one.points[0].success_mean) == (1, 0.0, 0.5)


def test_series_are_by_type_by_level_or_by_target() -> None:
    records = (
        tried(1.0, level=1, target="web"),
        tried(2.0, level=3, target="web"),
        tried(3.0, level=3, target="db", error_type=ErrorType.DATABASE),
    )
    assert [(one.group, one.attempts) for one in series(*records)] == [("", 2), ("", 1)]
    assert sorted((one.group, one.error_type.value) for one in series(*records, by="level")) == [
        ("1", records[0].error_type.value),
        ("3", "database"),
        ("3", records[0].error_type.value),
    ]
    assert [(one.group, one.attempts) for one in series(*records, by="target")] == [("web", 2), ("db", 1)]


def test_by_target_nothing_is_lent_by_other_targets() -> None:
    much = [tried(DAY_S + second, success=False, target="db") for second in range(20)]
    [web] = [one for one in series(*much, tried(2 * DAY_S, target="web"), by="target") if one.group == "web"]
    [alone] = series(tried(2 * DAY_S, target="web"), by="target")
    assert web.points == alone.points
