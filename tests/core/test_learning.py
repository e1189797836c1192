from __future__ import annotations

from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.learning import Learning, Lesson
from error_daemon.model import ErrorType, Score

NET, DATA = (ErrorType.NETWORK, "fix"), (ErrorType.DATA, "fix")
LESSON = Lesson(time_s=30.0, impact=0.2, task_rate=0.5)
HALF_LIFE_S = 100.0


def test_nothing_is_known_at_first() -> None:
    known = Learning(HALF_LIFE_S).known(NET, 0.0)
    assert (known.samples, known.alpha, known.beta, known.mean) == (0.0, 1.0, 1.0, 0.5)
    assert (known.time_score, known.mean_impact, known.mean_stability, known.task_rate) == (0.5, 0.5, 0.5, 0.5)


def test_attempts_move_the_posterior_and_the_means() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(NET, True, LESSON, 0.0)
    score = learning.attempt(NET, False, Lesson(90.0, 0.4, 1.0), 0.0)
    known = learning.known(NET, 0.0)
    assert (known.samples, known.alpha, known.beta) == pytest.approx((2.0, 2.0, 2.0))
    assert known.time_score == pytest.approx(1 / 3)  # a mean of 60 s
    assert (known.mean_impact, known.task_rate, known.mean_stability) == pytest.approx((0.3, 0.75, 0.5))
    assert score.score == pytest.approx(0.4 * 0.5 + 0.15 * (1 / 3 + 0.7 + 0.5 + 0.75))
    assert (score.samples, score.last_at) == (2, 0.0)


def test_a_past_attempt_counts_half_after_the_half_life() -> None:
    learning = Learning(HALF_LIFE_S)
    for _ in range(8):
        learning.attempt(NET, True, LESSON, 0.0)
    assert learning.known(NET, 100.0).samples == pytest.approx(4.0)
    assert learning.known(NET, 300.0).samples == pytest.approx(1.0)
    assert learning.known(NET, 200.0).samples == pytest.approx(1.0), "a clock that is behind brings nothing back"
    assert learning.score(NET, 300.0).samples == 8, "how many there ever were does not fade"


def test_the_prior_is_pooled_from_the_same_strategy_elsewhere() -> None:
    learning = Learning(HALF_LIFE_S)
    for _ in range(8):
        learning.attempt(NET, True, LESSON, 0.0)
    known = learning.known(DATA, 0.0)
    assert known.samples == 0.0
    assert known.mean == pytest.approx(0.9)  # (8 + 1) / (8 + 2)
    assert known.time_score == pytest.approx(0.5)
    assert known.mean_impact == pytest.approx(0.2)
    other = learning.known((ErrorType.DATA, "other"), 0.0)
    assert (other.mean, other.mean_impact) == (0.5, 0.5)


def test_what_is_unknown_of_a_strategy_is_taken_from_the_others_for_this_error_type() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(NET, True, LESSON, 0.0)
    learning.stability(NET, 0.9, 0.0)
    untried = learning.known((ErrorType.NETWORK, "untried"), 0.0)
    assert (untried.samples, untried.mean) == (0.0, 0.5)
    assert (untried.time_score, untried.mean_impact, untried.mean_stability, untried.task_rate) == (0.5, 0.2, 0.9, 0.5)


def test_one_failure_condemns_nobody() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(NET, False, LESSON, 0.0)
    assert learning.known(NET, 0.0).mean == pytest.approx(1 / 3)


def test_stability_is_known_when_it_was_told() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.attempt(NET, True, LESSON, 0.0)
    learning.stability(NET, 1.0, 0.0)
    learning.stability(NET, 0.5, 0.0)
    assert learning.known(NET, 0.0).mean_stability == pytest.approx(0.75)
    assert learning.known(DATA, 0.0).mean_stability == pytest.approx(0.75), "pooled where there is no own"


Lived = tuple[
    tuple[ErrorType, str], bool, float, float
]  # what was tried, whether it helped, its time, seconds since the last
steps = st.lists(
    st.tuples(st.sampled_from((NET, DATA)), st.booleans(), st.floats(0.0, 100.0), st.floats(0.0, 500.0)), max_size=12
)


@given(steps, steps)
def test_going_on_from_the_record_equals_never_having_stopped(before: list[Lived], after: list[Lived]) -> None:
    through, now, recorded = Learning(HALF_LIFE_S), 0.0, dict[tuple[ErrorType, str], Score]()
    now = _live(through, before, now, recorded)
    resumed = Learning(HALF_LIFE_S)
    resumed.restore(recorded.values())
    _live(through, after, now, {})
    end = _live(resumed, after, now, {})
    for key in (NET, DATA):
        assert astuple(resumed.known(key, end)) == pytest.approx(astuple(through.known(key, end)), rel=1e-6, abs=1e-6)


def _live(learning: Learning, steps: list[Lived], now: float, recorded: dict[tuple[ErrorType, str], Score]) -> float:
    for key, success, time_s, later_s in steps:
        now += later_s
        recorded[key] = learning.attempt(key, success, Lesson(time_s, 0.1, 1.0), now)
        if success:
            recorded[key] = learning.stability(key, 1.0, now)
    return now


def test_a_record_with_unknown_figures_is_read_all_the_same() -> None:
    learning = Learning(HALF_LIFE_S)
    learning.restore([Score(*NET, 0.5, 2, 5.0, {"weight": 2.0, "successes": 1.0, "later": 1.0, "at": 5.0})])
    assert learning.known(NET, 5.0).samples == 2.0


def test_forgetting() -> None:
    learning, other = Learning(HALF_LIFE_S), (ErrorType.DATA, "other")
    for key in (NET, DATA, other):
        learning.attempt(key, True, LESSON, 0.0)
    assert learning.forget("fix") == 2
    assert learning.known(NET, 0.0).mean == 0.5
    assert learning.known(other, 0.0).samples == 1.0
    assert learning.forget(None) == 1
    assert learning.forget(None) == 0


@given(st.lists(st.booleans(), max_size=60), st.floats(0.0, 1e5))
def test_posteriors_stay_proper(results: list[bool], later_s: float) -> None:
    learning = Learning(HALF_LIFE_S)
    for number, success in enumerate(results):
        learning.attempt((NET, DATA)[number % 2], success, LESSON, number * later_s)
    for key in (NET, DATA):
        known = learning.known(key, len(results) * later_s)
        assert known.alpha > 0.0
        assert known.beta > 0.0
