"""The incomplete beta function against sums that are exact."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.intervals import beta_cumulative, beta_interval


def _exact(alpha: int, beta: int, x: Fraction) -> float:
    """For whole numbers it is the upper tail of a binomial distribution (NIST DLMF 8.17.5), here without any rounding."""
    n = alpha + beta - 1
    return float(sum(comb(n, j) * x**j * (1 - x) ** (n - j) for j in range(alpha, n + 1)))


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 100))
def test_the_cumulative_is_exact(alpha: int, beta: int, percent: int) -> None:
    wanted = _exact(alpha, beta, Fraction(percent, 100))
    assert beta_cumulative(alpha, beta, percent / 100) == pytest.approx(wanted, rel=1e-11, abs=1e-13)


@pytest.mark.parametrize(("alpha", "beta"), [(3, 1), (40, 10), (2, 200), (700, 300)])
def test_the_interval_leaves_a_twentieth_on_either_side(alpha: int, beta: int) -> None:
    low, high = beta_interval(alpha, beta)
    assert _exact(alpha, beta, Fraction(low)) == pytest.approx(0.05, abs=1e-9)
    assert _exact(alpha, beta, Fraction(high)) == pytest.approx(0.95, abs=1e-9)


@pytest.mark.parametrize("size", [1e6, 1e9])
def test_it_is_exact_for_very_many_samples_too(size: float) -> None:
    assert beta_cumulative(size, size, 0.5) == pytest.approx(0.5, abs=1e-6)
    low, high = beta_interval(size, size)
    assert beta_cumulative(size, size, high) - beta_cumulative(size, size, low) == pytest.approx(0.9, abs=1e-5)


@pytest.mark.parametrize(("alpha", "beta"), [(1 / 3, 3.0), (3.0, 1 / 3)])
def test_a_point_that_rounding_puts_beyond_the_middle_from_both_sides_has_a_share(alpha: float, beta: float) -> None:
    """Its mirror's mirror is itself."""
    x = (alpha + 1.0) / (alpha + beta + 2.0)
    points = [beta_cumulative(alpha, beta, near) for near in (x - 1e-9, x, x + 1e-9)]
    assert points == sorted(points)
    assert points[2] - points[0] < 1e-7
    assert beta_interval(alpha, beta, 0.5)[0] > 0.0


def test_beyond_its_range_all_or_nothing_is_below() -> None:
    assert [beta_cumulative(2.0, 3.0, x) for x in (-1.0, 0.0, 1.0, 2.0)] == [0.0, 0.0, 1.0, 1.0]


def test_more_samples_than_it_has_terms_for_still_give_a_share() -> None:
    assert 0.0 <= beta_cumulative(1e13, 1e13, 0.5) <= 1.0
