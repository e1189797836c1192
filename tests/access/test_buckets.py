"""Token buckets: never more than a burst and the rate, and never less for who waits as long as was said."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.buckets import Buckets, Grant

START = 1.8e9  # seconds since 1970
requests = st.lists(st.tuples(st.floats(0, 5), st.integers(1, 50)), min_size=1, max_size=60)


@given(requests, st.floats(0.1, 100), st.integers(1, 40))
def test_no_time_has_more_than_a_burst_and_what_came_in_meanwhile(
    asked: list[tuple[float, int]], rate: float, burst: int
) -> None:
    buckets, now = Buckets(rate, burst), START
    granted: list[tuple[float, int]] = []
    for wait_s, wanted in asked:
        now += wait_s
        grant = buckets.take("a", wanted, now)
        assert 0 <= grant.granted <= wanted
        granted.append((now, grant.granted))
    for index, (since, _) in enumerate(granted):
        for until in range(index, len(granted)):
            passed = sum(count for _, count in granted[index : until + 1])
            assert passed <= burst + rate * (granted[until][0] - since) + 1e-3


@given(requests, st.floats(0.1, 100), st.integers(1, 40))
def test_who_comes_back_when_told_is_let_through(asked: list[tuple[float, int]], rate: float, burst: int) -> None:
    buckets, now = Buckets(rate, burst), START
    for wait_s, wanted in asked:
        now += wait_s
        grant = buckets.take("a", wanted, now)
        rest = min(wanted - grant.granted, burst)
        assert (grant.retry_after_s > 0) == (rest > 0)
        if rest:
            now += grant.retry_after_s
            assert buckets.take("a", rest, now).granted == rest


def test_one_caller_takes_nothing_from_another() -> None:
    buckets = Buckets(1.0, 2)
    assert buckets.take("a", 5, START) == Grant(2, 2.0)
    assert buckets.take("b", 2, START) == Grant(2)


def test_a_rate_of_nothing_bounds_nothing() -> None:
    assert Buckets(0.0, 1).take("a", 10**9, START) == Grant(10**9)


def test_a_clock_that_is_set_back_gives_nothing_and_takes_nothing() -> None:
    buckets = Buckets(1.0, 2)
    buckets.take("a", 2, START)
    assert buckets.take("a", 1, START - 100).granted == 0
    assert buckets.take("a", 2, START + 2).granted == 2


def test_full_buckets_are_forgotten_and_so_are_the_fullest_when_there_are_too_many() -> None:
    buckets = Buckets(1.0, 10, most_keys=20)
    for index in range(20):
        buckets.take(f"early {index}", 1, START)
    for index in range(20):
        buckets.take(f"late {index}", index % 10 + 1, START + 100)
    assert len(buckets) <= 20
    for index in range(1000):
        buckets.take(f"many {index}", 1, START + 100)
    assert len(buckets) <= 20
    assert buckets.take("late 19", 10, START + 100).granted == 0  # the emptiest is remembered
