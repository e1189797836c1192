from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.metrics import Rate, Span, Times, ended_within, rate_figures, time_figures, times_of
from error_daemon.model import TicketRecord
from tests.core.metric_records import any_tickets, moments, ticket


def test_a_figure_without_samples_is_none() -> None:
    assert Rate(0, 0).ratio is None
    assert Rate(0, 0).interval is None
    assert times_of([]) == Times(0, None, None, None)


def test_median_and_p95_by_hand() -> None:
    assert times_of([3.0, 1.0, 2.0, 10.0]) == Times(4, 4.0, 2.5, 10.0)
    assert times_of([float(n) for n in range(1, 101)]) == Times(100, 50.5, 50.5, 95.0)


@pytest.mark.parametrize(
    ("count", "samples", "low", "high"),
    [(0, 10, 0.0, 0.2129), (10, 10, 0.7871, 1.0), (5, 10, 0.2693, 0.7307), (90, 100, 0.8396, 0.9393)],
)
def test_the_wilson_interval_by_hand(count: int, samples: int, low: float, high: float) -> None:
    assert Rate(count, samples).interval == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000), st.data())
def test_the_wilson_interval_ends_where_the_rate_is_just_as_far_off_as_allowed(
    samples: int, data: st.DataObject
) -> None:
    """Its defining equation: the bounds are the true rates from which the rate seen is 1.645 deviations away."""
    rate = data.draw(st.integers(1, samples)) / (samples + 1)
    interval = Rate(round(rate * samples), samples).interval
    assert interval is not None
    seen = round(rate * samples) / samples
    for bound in interval:
        deviation = math.sqrt(bound * (1.0 - bound) / samples)
        assert abs(seen - bound) == pytest.approx(1.6448536 * deviation, abs=1e-6)


@given(st.integers(1, 10_000), st.data())
def test_the_wilson_interval_holds_its_rate_and_stays_within_0_and_1(samples: int, data: st.DataObject) -> None:
    rate = Rate(data.draw(st.integers(0, samples)), samples)
    assert rate.interval is not None
    assert rate.ratio is not None
    low, high = rate.interval
    assert 0.0 <= low <= rate.ratio <= high <= 1.0


@given(st.lists(any_tickets()), moments, moments, moments)
def test_adjacent_ranges_share_no_ticket_and_miss_none(
    tickets: list[TicketRecord], one: float, two: float, three: float
) -> None:
    start, middle, end = sorted((one, two, three))
    parts = ended_within(tickets, Span(start, middle)) + ended_within(tickets, Span(middle, end))
    assert sorted(t.ticket_id for t in parts) == sorted(t.ticket_id for t in ended_within(tickets, Span(start, end)))


def test_a_range_holds_its_start_and_not_its_end() -> None:
    tickets = [ticket(1.0, 5.0), ticket(1.0, 6.0), ticket(1.0, 7.0)]
    assert [item.ended_at for item in ended_within(tickets, Span(5.0, 7.0))] == [5.0, 6.0]


def test_times_are_those_of_the_tickets() -> None:
    figures = time_figures(
        [
            ticket(100.0, 104.0, occurred_at=98.0),
            ticket(100.0, 102.0),
            ticket(100.0, 190.0, "failed", occurred_at=99.0),
            ticket(100.0, 190.0, "resolved"),
        ]
    )
    assert figures.detect == Times(2, 1.5, 1.5, 2.0)
    assert figures.recover == Times(2, 3.0, 3.0, 4.0)
    assert figures.handling_lag == Times(2, 4.0, 4.0, 6.0)
    assert figures.occurrence_told == Rate(2, 4)
    assert figures.clock_ahead == Rate(0, 2)


def test_a_sender_whose_clock_is_ahead_detects_in_no_time_and_is_counted() -> None:
    figures = time_figures([ticket(100.0, 104.0, occurred_at=107.0)])
    assert figures.detect.mean_s == 0.0
    assert figures.handling_lag.mean_s == 4.0
    assert figures.clock_ahead == Rate(1, 1)


def test_a_resolve_and_a_flush_by_a_person_are_neither_success_nor_failure() -> None:
    figures = rate_figures(
        [ticket(), ticket(ended_as="failed"), ticket(ended_as="resolved"), ticket(ended_as="flushed")]
    )
    assert figures.success == Rate(1, 2)
    assert figures.first_time == Rate(1, 2)
    assert figures.ended_by_people == Rate(2, 4)


def test_a_recovery_without_an_attempt_is_a_success_but_not_a_first_time_one() -> None:
    figures = rate_figures([ticket(attempts=0), ticket(attempts=2), ticket(attempts=1)])
    assert figures.success == Rate(3, 3)
    assert figures.first_time == Rate(1, 2)


def test_a_ticket_escalated_when_it_went_above_its_entry_level() -> None:
    figures = rate_figures(
        [
            ticket(entry_level=3, last_level=3),
            ticket(entry_level=1, last_level=3),
            ticket(entry_level=1, last_level=5, ended_as="flushed"),
            ticket(attempts=0, entry_level=0, last_level=1),
        ]
    )
    assert figures.escalation == Rate(2, 3)


def test_a_false_positive_was_looked_at_and_found_well() -> None:
    figures = rate_figures(
        [
            ticket(looked_first=True, attempts=0),
            ticket(looked_first=True, attempts=1),
            ticket(looked_first=True, attempts=0, ended_as="failed"),
            ticket(looked_first=False, attempts=0),
        ]
    )
    assert figures.false_positives == Rate(1, 3)


@given(st.lists(any_tickets()))
def test_rates_are_within_0_and_1_and_times_are_not_negative(tickets: list[TicketRecord]) -> None:
    rates, times = rate_figures(tickets), time_figures(tickets)
    for rate in (
        rates.success,
        rates.first_time,
        rates.escalation,
        rates.false_positives,
        rates.ended_by_people,
        times.occurrence_told,
        times.clock_ahead,
    ):
        assert 0 <= rate.count <= rate.samples
        assert (rate.ratio is None) == (rate.samples == 0)
    for durations in (times.detect, times.recover, times.handling_lag):
        assert durations.mean_s is None or durations.mean_s >= 0.0
