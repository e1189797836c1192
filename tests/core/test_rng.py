from __future__ import annotations

from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.rng import Generator

N = 4000


def test_the_bits_are_those_of_splitmix64() -> None:
    generator = Generator(1234567)  # the first outputs of the reference implementation for this seed
    assert [generator.bits() for _ in range(3)] == [6457827717110365317, 3203168211198807973, 9817491932198370423]


@given(st.integers())
def test_any_integer_is_a_seed_and_uniform_stays_in_its_range(seed: int) -> None:
    generator = Generator(seed)
    assert all(0.0 < generator.uniform() <= 1.0 for _ in range(20))


def test_uniform_is_flat() -> None:
    generator = Generator(1)
    counts = [0] * 10
    for _ in range(N):
        counts[min(int(generator.uniform() * 10), 9)] += 1
    assert all(abs(count - N / 10) < 80 for count in counts)


def test_normal_has_mean_zero_and_variance_one() -> None:
    generator = Generator(2)
    values = [generator.normal() for _ in range(N)]
    assert abs(fmean(values)) < 0.05
    assert abs(pvariance(values) - 1.0) < 0.08


@pytest.mark.parametrize("shape", [0.3, 1.0, 2.5, 40.0])
def test_gamma_has_its_mean_and_variance(shape: float) -> None:
    generator = Generator(3)
    values = [generator.gamma(shape) for _ in range(N)]
    assert min(values) > 0.0
    assert abs(fmean(values) - shape) < 0.08 * shape + 0.03
    assert abs(pvariance(values) - shape) < 0.2 * shape + 0.05


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 1.0), (0.4, 0.6), (9.0, 1.0), (30.0, 70.0)])
def test_beta_has_its_mean_and_stays_in_its_range(alpha: float, beta: float) -> None:
    generator = Generator(4)
    values = [generator.beta(alpha, beta) for _ in range(N)]
    assert all(0.0 <= value <= 1.0 for value in values)
    assert abs(fmean(values) - alpha / (alpha + beta)) < 0.03
