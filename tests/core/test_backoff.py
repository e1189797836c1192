from __future__ import annotations

from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.backoff import delay_s
from error_daemon.core.rng import Generator
from error_daemon.model import Backoff

backoffs = st.builds(Backoff, st.floats(1e-3, 1e3), st.floats(1.0, 1e9), st.floats(1e-3, 1e6))


@given(backoffs, st.integers(1, 10**6), st.integers(0, 2**64 - 1))
def test_a_delay_is_above_zero_and_within_its_cap(backoff: Backoff, failures: int, seed: int) -> None:
    assert 0.0 < delay_s(backoff, failures, Generator(seed)) <= backoff.cap_s


def test_the_delays_double_on_average_until_the_cap() -> None:
    rng, backoff = Generator(1), Backoff(base_s=1.0, factor=2.0, cap_s=6.0)
    means = [fmean(delay_s(backoff, failures, rng) for _ in range(2000)) for failures in (1, 2, 3, 4, 9)]
    for mean, expected in zip(means, (0.5, 1.0, 2.0, 3.0, 3.0), strict=True):
        assert abs(mean - expected) < 0.1 * expected
