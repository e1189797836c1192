from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.metrics import (
    GOALS,
    Rate,
    Span,
    Tally,
    Times,
    attempt_counts,
    effectiveness,
    is_met,
    quality,
    rate_figures,
    recovery_metrics,
    tickets_by_end,
    time_figures,
)
from error_daemon.core.metrics.effectiveness import SuccessChange
from error_daemon.model import TEST, AttemptRecord, ErrorType, OutcomeKind, TicketRecord, Verdict
from tests.core.metric_records import any_attempts, any_tickets, attempt, ticket

HOUR = Span(0.0, 3600.0)
ALL = Span(0.0, 2000.0)

# --- counts


def test_attempts_are_counted_by_strategy_type_level_target_and_time() -> None:
    counts = attempt_counts(
        [
            attempt(10.0),
            attempt(59.0, success=False, strategy_id="look", level=1),
            attempt(60.0, target="db", error_type=ErrorType.DATABASE),
        ],
        60.0,
    )
    one, no, both = Tally(1, Rate(1, 1)), Tally(1, Rate(0, 1)), Tally(2, Rate(2, 2))
    half = Tally(2, Rate(1, 2))
    assert counts.total == Tally(3, Rate(2, 3))
    assert counts.by_strategy == {"look": no, "restart-web": both}
    assert counts.by_type == {ErrorType.DATABASE: one, ErrorType.SYSTEM: half}
    assert counts.by_level == {1: no, 3: both}
    assert counts.by_target == {"db": one, "web": half}
    assert counts.by_time == {0.0: half, 60.0: one}


def test_an_unknown_verdict_and_a_lost_worker_are_attempts_without_a_known_success() -> None:
    counts = attempt_counts(
        [attempt(success=False, verdict=Verdict.UNKNOWN), attempt(success=False, outcome=OutcomeKind.LOST)], 60.0
    )
    assert counts.total == Tally(2, Rate(0, 0))


def test_tickets_are_counted_by_how_they_ended() -> None:
    assert tickets_by_end([ticket(), ticket(ended_as="failed"), ticket()]) == {"failed": 1, "recovered": 2}


@given(st.lists(any_attempts()))
def test_every_way_of_counting_sums_to_the_total(attempts: list[AttemptRecord]) -> None:
    counts = attempt_counts(attempts, 7.0)
    for part in (counts.by_strategy, counts.by_type, counts.by_level, counts.by_target, counts.by_time):
        assert sum(tally.attempts for tally in part.values()) == counts.total.attempts == len(attempts)
        assert sum(tally.success.samples for tally in part.values()) == counts.total.success.samples
        assert sum(tally.success.count for tally in part.values()) == counts.total.success.count


# --- quality


def score(tickets: list[TicketRecord], attempts: list[AttemptRecord]) -> float | None:
    return quality(rate_figures(tickets), time_figures(tickets), attempts).score


def test_quality_by_hand() -> None:
    tickets = [ticket(100.0, 130.0), ticket(ended_as="failed", attempts=4)]
    attempts = [attempt(stability_score=0.8), attempt(), attempt(outcome=OutcomeKind.LOST, impact_score=1.0)]
    # success 1/2, speed 1/2, gentleness 0.9, stability 0.8, first time 1/2
    expected = 0.40 * 0.5 + 0.15 * (0.5 + 0.9 + 0.8 + 0.5)
    assert score(tickets, attempts) == pytest.approx(expected)


def test_the_weights_of_the_parts_sum_to_one_and_each_has_its_samples() -> None:
    tickets = [ticket()]
    result = quality(rate_figures(tickets), time_figures(tickets), [attempt()])
    assert sum(part.weight for part in result.parts) == pytest.approx(1.0)
    assert [part.samples for part in result.parts] == [1, 1, 1, 0, 1]
    assert result.samples == 1


def test_a_part_that_is_not_known_is_left_out() -> None:
    assert score([ticket(ended_as="failed", attempts=0)], []) == 0.0
    assert score([ticket(100.0, 100.0, attempts=0)], []) == pytest.approx(1.0)


def test_only_recoveries_have_a_stability() -> None:
    tickets = [ticket()]
    attempts = [attempt(stability_score=1.0), attempt(success=False, stability_score=0.0)]
    stability = quality(rate_figures(tickets), time_figures(tickets), attempts).parts[3]
    assert (stability.name, stability.score, stability.samples) == ("stability", 1.0, 1)


def test_there_is_no_quality_without_tickets_that_recovered_or_failed() -> None:
    assert score([ticket(ended_as="flushed")], [attempt()]) is None


# --- learning


def history(successes: str, took_s: float = 2.0) -> list[TicketRecord]:
    """One ticket for each sign, in time: + recovered, - failed."""
    return [
        ticket(float(n), n + took_s, "recovered" if sign == "+" else "failed", error_type=ErrorType.WORKER)
        for n, sign in enumerate(successes)
    ]


def test_below_ten_tickets_nothing_is_said_of_learning() -> None:
    learned = effectiveness(history("+" * 9))[ErrorType.WORKER]
    assert learned.success is None
    assert learned.time_to_recover is None
    assert effectiveness([ticket(ended_as="resolved")] * 20) == {}


def test_the_last_are_compared_with_the_first_and_none_is_on_both_sides() -> None:
    learned = effectiveness(history("---+-+++++-"))[ErrorType.WORKER].success
    assert learned is not None
    assert (learned.first, learned.last) == (Rate(1, 5), Rate(4, 5))
    assert learned.difference == pytest.approx(0.6)
    assert learned.ratio == pytest.approx(4.0)


def test_at_most_as_many_as_asked_for_are_compared() -> None:
    learned = effectiveness(history("-" * 6 + "+" * 100), compared=6)[ErrorType.WORKER].success
    assert learned is not None
    assert (learned.first, learned.last) == (Rate(0, 6), Rate(6, 6))
    assert learned.ratio is None


def test_too_few_recoveries_leave_the_time_unsaid() -> None:
    learned = effectiveness(history("-" * 20 + "+" * 9))[ErrorType.WORKER]
    assert learned.success is not None
    assert learned.time_to_recover is None


def test_times_of_the_last_recoveries_are_compared_with_those_of_the_first() -> None:
    slow = history("+" * 5, 4.0)
    quick = [ticket(100.0 + n, 101.0 + n, error_type=ErrorType.WORKER) for n in range(5)]
    change = effectiveness(quick + slow)[ErrorType.WORKER].time_to_recover
    assert change is not None
    assert (change.first, change.last) == (Times(5, 4.0, 4.0, 4.0), Times(5, 1.0, 1.0, 1.0))
    assert (change.difference_s, change.ratio) == (-3.0, 0.25)


def test_a_first_time_of_nothing_has_no_ratio() -> None:
    change = effectiveness(history("+" * 10, 0.0))[ErrorType.WORKER].time_to_recover
    assert change is not None
    assert change.ratio is None


def test_the_z_test_by_hand() -> None:
    change = SuccessChange(Rate(30, 50), Rate(40, 50))  # pooled 0.7, z = 0.2 / sqrt(0.21 * 0.04) = 2.1822
    assert change.p_value == pytest.approx(0.0291, abs=5e-5)
    assert change.is_more_than_chance
    assert not SuccessChange(Rate(30, 50), Rate(33, 50)).is_more_than_chance


def test_two_perfect_sides_differ_by_nothing() -> None:
    change = SuccessChange(Rate(5, 5), Rate(5, 5))
    assert change.p_value == 1.0
    assert not change.is_more_than_chance


# --- goals


def test_the_goals_are_those_of_the_requirement() -> None:
    assert {(goal.figure, goal.bound, goal.is_above) for goal in GOALS} == {
        ("mean_time_to_detect_s", 5.0, False),
        ("mean_time_to_recover_s", 30.0, False),
        ("success_ratio", 0.95, True),
        ("false_positive_ratio", 0.05, False),
        ("availability_ratio", 0.9999, True),
        ("unplanned_downtime_s", 60.0, False),
    }


@pytest.mark.parametrize("goal", GOALS, ids=lambda goal: goal.figure)
def test_a_goal_is_met_not_met_or_not_known(goal: object) -> None:
    [item] = [item for item in GOALS if item is goal]
    step = 1e-6 if item.is_above else -1e-6
    assert is_met(item, item.bound + step) is True
    assert is_met(item, item.bound) is False
    assert is_met(item, item.bound - step) is False
    assert is_met(item, None) is None


def test_nothing_recorded_means_nothing_known() -> None:
    metrics = recovery_metrics([], [], HOUR, weights={})
    assert [(goal.value, goal.samples, goal.is_met) for goal in metrics.goals] == [(None, 0, None)] * len(GOALS)
    assert metrics.quality.score is None
    assert metrics.tickets == 0


def test_a_range_without_length_knows_nothing_of_downtime() -> None:
    metrics = recovery_metrics([ticket()], [], Span(100.5, 100.5), weights={"web": 1.0})
    assert [goal.is_met for goal in metrics.goals] == [None] * len(GOALS)


def test_goals_of_an_hour_by_hand() -> None:
    tickets = [
        ticket(100.0, 110.0, occurred_at=99.0),
        ticket(200.0, 210.0, looked_first=True, attempts=0, component="bank"),
        ticket(3590.0, 4000.0),  # ended after the range, was down in it
    ]
    metrics = recovery_metrics(tickets, [attempt(105.0), attempt(4000.0)], HOUR, weights={"web": 1.0, "db": 1.0})
    assert metrics.tickets == 2
    assert metrics.attempts.total.attempts == 1
    shown = [(goal.goal.figure, goal.component, goal.value, goal.samples, goal.is_met) for goal in metrics.goals]
    assert shown == [
        ("mean_time_to_detect_s", "", 1.0, 1, True),
        ("mean_time_to_recover_s", "", 10.0, 2, True),
        ("success_ratio", "", 1.0, 2, True),
        ("false_positive_ratio", "", 1.0, 1, False),
        ("availability_ratio", "", pytest.approx(1.0 - 15.0 / 3600.0), 2, False),
        ("unplanned_downtime_s", "", 30.0, 2, True),
        ("availability_ratio", "bank", pytest.approx(1.0 - 10.0 / 3600.0), 1, False),
        ("availability_ratio", "shop", pytest.approx(1.0 - 20.0 / 3600.0), 1, False),
    ]


@given(st.lists(any_tickets(), max_size=30), st.lists(any_attempts(), max_size=10), st.randoms(use_true_random=False))
def test_a_report_is_the_same_whatever_the_order_of_the_records(
    tickets: list[TicketRecord], attempts: list[AttemptRecord], rng: random.Random
) -> None:
    one = recovery_metrics(tickets, attempts, ALL, weights={})
    rng.shuffle(tickets)
    rng.shuffle(attempts)
    other = recovery_metrics(tickets, attempts, ALL, weights={})
    assert (one.times, one.rates, one.attempts, one.learning) == (
        other.times,
        other.rates,
        other.attempts,
        other.learning,
    )
    assert one.quality == other.quality


@given(st.lists(any_tickets(), max_size=30), st.lists(any_attempts(), max_size=10))
def test_quality_is_within_0_and_1_and_known_where_success_is(
    tickets: list[TicketRecord], attempts: list[AttemptRecord]
) -> None:
    metrics = recovery_metrics(tickets, attempts, ALL, weights={})
    assert (metrics.quality.score is None) == (metrics.rates.success.ratio is None)
    assert metrics.quality.score is None or 0.0 <= metrics.quality.score <= 1.0 + 1e-12
    assert all((goal.value is None) == (goal.samples == 0) for goal in metrics.goals)
    for learned in metrics.learning.values():
        assert learned.success is None or 0.0 <= learned.success.p_value <= 1.0


def test_a_test_of_a_recovery_is_planned_downtime_and_nothing_else() -> None:
    real, tested = ticket(ended_as="failed"), ticket(200.0, 300.0, mode=TEST, planned=True)
    running = attempt(400.0, is_test=True)  # its ticket has not ended
    tries = [
        attempt(success=False, error_id=real.error_id),
        attempt(300.0, error_id=tested.error_id, is_test=True),
        running,
    ]
    metrics = recovery_metrics([real, tested], tries, HOUR, weights={})
    assert (metrics.tickets, metrics.attempts.total.attempts) == (1, 1)
    assert metrics.rates.success == Rate(0, 1)
    assert metrics.downtime.overall.planned_s == 100.0
