from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core import score
from error_daemon.model import Usage

ratios = st.floats(0.0, 1.0)
percents = st.floats(0.0, 100.0)
tasks = st.integers(0, 1000)


def test_the_weights_sum_to_one() -> None:
    weights = (
        score.WEIGHT_SUCCESS,
        score.WEIGHT_TIME,
        score.WEIGHT_IMPACT,
        score.WEIGHT_STABILITY,
        score.WEIGHT_TASKS,
    )
    assert weights == (0.40, 0.15, 0.15, 0.15, 0.15)
    assert sum(weights) == pytest.approx(1.0)


def test_the_strategy_score_by_hand() -> None:
    assert score.strategy_score(1.0, 1.0, 0.0, 1.0, 1.0) == pytest.approx(1.0)
    assert score.strategy_score(0.0, 0.0, 1.0, 0.0, 0.0) == pytest.approx(0.0)
    # 0.40·0.8 + 0.15·0.5 + 0.15·(1 - 0.2) + 0.15·0.6 + 0.15·0.4
    assert score.strategy_score(0.8, 0.5, 0.2, 0.6, 0.4) == pytest.approx(0.665)


@pytest.mark.parametrize(
    ("before", "after", "time_s", "affected", "recovered", "expected"),
    [
        (Usage(), Usage(), 0.0, 0, 0, 0.0),
        (Usage(10, 20), Usage(20, 40), 24.0, 10, 5, 0.20 + 0.10 + 0.10 + 0.125),
        (Usage(50, 50), Usage(40, 45), 0.0, 4, 4, 0.05 + 0.10),
        (Usage(0, 0), Usage(100, 100), 1000.0, 7, 0, 1.0),
    ],
)
def test_the_impact_score_by_hand(
    before: Usage, after: Usage, time_s: float, affected: int, recovered: int, expected: float
) -> None:
    assert score.impact_score(before, after, time_s, affected, recovered) == pytest.approx(expected)


@given(ratios, ratios, ratios, ratios, ratios)
def test_the_strategy_score_is_within_bounds(a: float, b: float, c: float, d: float, e: float) -> None:
    assert 0.0 <= score.strategy_score(a, b, c, d, e) <= 1.0 + 1e-12


@given(percents, percents, percents, percents, st.floats(0.0, 1e6), tasks, tasks)
def test_the_impact_score_is_within_bounds(
    cpu: float, memory: float, cpu_after: float, memory_after: float, time_s: float, affected: int, recovered: int
) -> None:
    impact = score.impact_score(Usage(cpu, memory), Usage(cpu_after, memory_after), time_s, affected, recovered)
    assert 0.0 <= impact <= 1.0


@given(st.floats(0.0, 1e6), st.floats(0.001, 1e6))
def test_more_time_never_scores_better(time_s: float, more_s: float) -> None:
    assert 0.0 < score.time_score(time_s + more_s) <= score.time_score(time_s) <= 1.0


def test_the_time_score_by_hand() -> None:
    assert score.time_score(0.0) == 1.0
    assert score.time_score(30.0) == 0.5
    assert score.task_rate(0, 0) == 1.0
    assert score.task_rate(4, 1) == 0.25
    assert score.task_rate(4, 9) == 1.0
