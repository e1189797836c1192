from __future__ import annotations

import pytest

from error_daemon.core.experience import Known
from error_daemon.core.learning import Case, Learning, Lesson
from error_daemon.core.rng import Generator
from error_daemon.core.score import strategy_score
from error_daemon.core.select import select
from error_daemon.model import ErrorType, Strategy

A, B = Strategy("a", "exec"), Strategy("b", "exec")
GOOD = Known(50.0, 45.0, 5.0, 0.9, 0.1, 0.9, 1.0)
POOR = Known(50.0, 15.0, 35.0, 0.9, 0.1, 0.9, 1.0)
NEW = Known(0.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.5)


def test_the_only_strategy_is_taken_without_a_draw() -> None:
    rng = Generator(1)
    choice = select([A], lambda _: NEW, True, rng)
    assert (choice.strategy, choice.explored, choice.reason) == (A, False, "the only strategy of this level")
    assert rng.state == 1
    assert choice.candidates[0].draw == 0.5
    assert (choice.may_explore, choice.rng_state) == (True, "")


def test_a_critical_error_takes_the_best_mean_and_never_explores() -> None:
    rng = Generator(1)
    for _ in range(50):
        choice = select([A, B], {"a": POOR, "b": GOOD}.__getitem__, False, rng)
        assert choice.strategy is B
        assert not choice.explored
    assert rng.state == 1, "nothing was drawn"
    assert "no time to explore" in choice.reason
    assert (choice.may_explore, choice.rng_state) == (False, "")


def test_the_earlier_wins_a_tie() -> None:
    assert select([A, B], lambda _: NEW, False, Generator(1)).strategy is A
    assert select([B, A], lambda _: NEW, False, Generator(1)).strategy is B


def test_both_of_two_unknown_strategies_are_explored() -> None:
    rng = Generator(1)
    choices = [select([A, B], lambda _: NEW, True, rng) for _ in range(50)]
    assert {choice.strategy.id for choice in choices} == {"a", "b"}
    explored = [choice for choice in choices if choice.explored]
    assert explored
    assert all(choice.strategy is B for choice in explored)
    assert "explored: its draw" in explored[0].reason
    assert any(choice.reason.endswith("of 2") for choice in choices)


@pytest.mark.parametrize("seed", range(5))
def test_every_decision_can_be_recomputed_from_its_record(seed: int) -> None:
    choice = select([A, B], {"a": POOR, "b": NEW}.__getitem__, True, Generator(seed))
    for candidate in choice.candidates:
        again = strategy_score(
            candidate.draw,
            candidate.time_score,
            candidate.mean_impact,
            candidate.mean_stability,
            candidate.task_rate,
        )
        assert candidate.score == again
    best = max(choice.candidates, key=lambda candidate: candidate.score)
    assert choice.strategy.id == best.strategy_id
    assert choice.rng_state == f"{seed:016x}"
    rng = Generator(int(choice.rng_state, 16))
    assert [candidate.draw for candidate in choice.candidates] == [
        rng.beta(choice.sharpness * candidate.alpha, choice.sharpness * candidate.beta)
        for candidate in choice.candidates
    ]


@pytest.mark.parametrize("seed", range(3))
def test_with_experience_the_better_strategy_wins_most_of_the_time(seed: int) -> None:
    rng, world, learning = Generator(seed), Generator(seed + 100), Learning(1e9)
    rates, taken = {"a": 0.4, "b": 0.9}, []
    for _ in range(400):
        choice = select([A, B], lambda name: learning.known(Case(ErrorType.NETWORK), name, 0.0), True, rng)
        name = choice.strategy.id
        taken.append(name)
        learning.attempt(Case(ErrorType.NETWORK), name, world.uniform() < rates[name], Lesson(1.0, 0.0, 1.0), 0.0)
    assert taken[-200:].count("b") > 180
    assert taken.count("a") > 0
