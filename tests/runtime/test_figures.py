"""The pure figures of the floor: quantiles of the histogram, intervals of a Beta distribution, and the clock they are fed by."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.intervals import beta_interval
from error_daemon.runtime.clock import SteadyClock
from error_daemon.telemetry import LatencyHistogram

_durations_s = st.floats(1e-6, 1e6, allow_nan=False)


@given(st.lists(_durations_s, min_size=1, max_size=200), st.floats(0.001, 1.0))
def test_a_quantile_is_right_to_a_sixteenth(durations: list[float], ratio: float) -> None:
    histogram = LatencyHistogram()
    for duration in durations:
        histogram.record(duration)
    exact_us = sorted(durations)[max(0, math.ceil(ratio * len(durations) - 1e-9) - 1)] * 1e6
    told_us = histogram.quantile_us(ratio)
    assert exact_us * (1 - 1e-9) - 1 <= told_us <= max(exact_us * 1.0625, exact_us + 1) + 1
    assert histogram.samples == len(durations)
    assert histogram.max_us == max(durations) * 1e6


@given(st.lists(_durations_s, min_size=1, max_size=50))
def test_quantiles_rise_up_to_the_longest(durations: list[float]) -> None:
    histogram = LatencyHistogram()
    for duration in durations:
        histogram.record(duration)
    quantiles = [histogram.quantile_us(ratio / 20) for ratio in range(21)]
    assert quantiles == sorted(quantiles)
    assert quantiles[-1] <= histogram.max_us


def test_without_samples_a_quantile_is_zero() -> None:
    assert LatencyHistogram().quantile_us(0.99) == 0.0


@pytest.mark.parametrize("duration_s", [0.0, -1.0, 1e-9, 1e12])
def test_durations_that_cannot_be_are_counted_all_the_same(duration_s: float) -> None:
    histogram = LatencyHistogram()
    histogram.record(duration_s)
    assert histogram.samples == 1
    assert histogram.quantile_us(0.5) <= max(1.0, duration_s * 1e6)


@pytest.mark.parametrize(
    ("alpha", "beta", "low", "high"),
    [
        (1.0, 1.0, 0.05, 0.95),
        (2.0, 1.0, math.sqrt(0.05), math.sqrt(0.95)),  # the cumulative is x²
        (1.0, 3.0, 1 - 0.95 ** (1 / 3), 1 - 0.05 ** (1 / 3)),  # 1 - (1 - x)³
        (0.5, 0.5, math.sin(math.pi * 0.025) ** 2, math.sin(math.pi * 0.475) ** 2),  # the arcsine distribution
        (0.1, 1.0, 0.05**10, 0.95**10),
        (200.0, 1.0, 0.05 ** (1 / 200), 0.95 ** (1 / 200)),
    ],
)
def test_intervals_that_are_known_in_closed_form(alpha: float, beta: float, low: float, high: float) -> None:
    assert beta_interval(alpha, beta) == pytest.approx((low, high), abs=1e-9)


@pytest.mark.parametrize("size", [5_000.0, 1e6])
def test_many_samples_give_the_normal_interval(size: float) -> None:
    half = 1.6448536269514722 * math.sqrt(0.25 / (2 * size + 1))
    assert beta_interval(size, size) == pytest.approx((0.5 - half, 0.5 + half), abs=half * 1e-3)


@given(st.floats(0.01, 1e4), st.floats(0.01, 1e4))
def test_an_interval_lies_in_order_and_mirrors_itself(alpha: float, beta: float) -> None:
    low, high = beta_interval(alpha, beta)
    assert 0.0 <= low < high <= 1.0 or low == high
    assert beta_interval(beta, alpha) == pytest.approx((1 - high, 1 - low), abs=1e-6)


@given(st.floats(0.1, 1e3), st.floats(0.1, 1e3))
def test_a_larger_mass_has_a_wider_interval(alpha: float, beta: float) -> None:
    (low, high), (wide_low, wide_high) = beta_interval(alpha, beta, 0.5), beta_interval(alpha, beta, 0.99)
    assert wide_low <= low
    assert high <= wide_high


def test_the_clock_tells_wall_time_at_its_making_and_only_ever_goes_on() -> None:
    clock = SteadyClock()
    assert clock.now() == pytest.approx(time.time(), abs=1.0)
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)


def test_a_monotonic_time_of_another_process_lands_between_two_looks() -> None:
    clock = SteadyClock()
    before = clock.now()
    there = time.clock_gettime(time.CLOCK_MONOTONIC)
    assert before - 1e-6 <= clock.from_monotonic(there) <= clock.now() + 1e-6
