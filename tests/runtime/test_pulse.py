"""How much happened in the last minutes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.runtime.views.pulse import INTERVAL_S, INTERVALS, MOST_RECOVERED, Pulse
from error_daemon.telemetry import Counters, LatencyHistogram
from tests.core.metric_records import ticket
from tests.runtime.joined import HandClock


@pytest.fixture
def pulse() -> Pulse:
    return Pulse(Counters(), HandClock())


def test_each_interval_has_its_own_counts() -> None:
    counters, clock = Counters(), HandClock()
    pulse = Pulse(counters, clock)
    counters.faults_received += 7
    pulse.attempted()
    pulse.ended(ticket(ended_as="recovered"))
    pulse.ended(ticket(ended_as="failed"))
    pulse.ended(ticket(ended_as="flushed"))
    clock.at += INTERVAL_S
    pulse.close_interval()
    counters.faults_received += 2
    pulse.close_interval()
    rates = pulse.rates()
    newest = {name: counts[-2:] for name, counts in rates.counts.items()}
    assert newest == {"faults": (7, 2), "attempts": (1, 0), "recovered": (1, 0), "failed": (1, 0)}
    assert {len(counts) for counts in rates.counts.values()} == {INTERVALS}
    assert (rates.interval_s, rates.until) == (INTERVAL_S, clock.at)


def test_the_lag_of_the_last_minute_forgets_what_is_older() -> None:
    counters = Counters()
    pulse = Pulse(counters, HandClock())
    counters.lag.record(1.0)
    assert pulse.lag_last_minute().samples == 1
    for _ in range(12):
        pulse.close_interval()
    assert pulse.lag_last_minute().samples == 0
    counters.lag.record(0.001)
    assert pulse.lag_last_minute().figures()["p99_us"] < 2000
    assert counters.lag.samples == 2


def test_tickets_that_recover_together_are_one_recovery(pulse: Pulse) -> None:
    pulse.ended(ticket(ended_at=100.0, attempts=0, reason="found well"))
    pulse.ended(ticket(ended_at=101.0, attempts=1, reason="restart helped"))
    pulse.ended(ticket(ended_at=102.0, attempts=1, reason="so did this"))
    pulse.ended(ticket(ended_at=103.0, target="db", reason="another"))
    told = [(one.record.reason, one.errors) for one in pulse.recovered()]
    assert told == [("another", 1), ("restart helped", 3)]


def test_a_later_recovery_of_the_same_target_is_another(pulse: Pulse) -> None:
    pulse.ended(ticket(ended_at=100.0))
    pulse.ended(ticket(ended_at=200.0))
    assert [one.errors for one in pulse.recovered()] == [1, 1]


def test_no_more_are_kept_than_are_shown(pulse: Pulse) -> None:
    for number in range(2 * MOST_RECOVERED):
        pulse.ended(ticket(target=f"t{number}"))
    assert len(pulse.recovered()) == MOST_RECOVERED


@given(st.lists(st.floats(0.0, 100.0), max_size=50), st.lists(st.floats(0.0, 100.0), max_size=50))
def test_what_came_since_is_what_a_new_histogram_would_have_counted(before: list[float], after: list[float]) -> None:
    whole, alone = LatencyHistogram(), LatencyHistogram()
    for one in before:
        whole.record(one)
    earlier = whole.copy()
    for one in after:
        whole.record(one)
        alone.record(one)
    since = whole.since(earlier)
    assert since.samples == alone.samples
    for ratio in (0.5, 0.9):
        assert since.quantile_us(ratio) == pytest.approx(alone.quantile_us(ratio), rel=0.07, abs=1.0)
    assert earlier.samples == len(before)
