"""The breaker of each target, against a model that keeps every outcome there ever was."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from error_daemon.core.brakes.target_breaker import MOST_FORETOLD_S, TargetBreakers, TargetLimits, _at_least
from error_daemon.core.effects import FailurePredicted

LIMITS = TargetLimits()
FADE = 0.98


def tail(k: int, n: int, p: float) -> float:
    """P(at least k of n), by adding one outcome after the other."""
    chances = [1.0] + [0.0] * n
    for _ in range(n):
        chances = [chances[i] * (1.0 - p) + (chances[i - 1] * p if i else 0.0) for i in range(n + 1)]
    return sum(chances[k:])


@given(st.integers(0, 12), st.integers(0, 60), st.floats(0.0, 1.0))
def test_the_chance_of_at_least_so_many_failures(k: int, n: int, p: float) -> None:
    assert _at_least(k, n, p) == pytest.approx(tail(k, n, p) if k <= n else 0.0, abs=1e-9)


class Model:
    """One target."""

    def __init__(self) -> None:
        self.recent: list[tuple[float, bool]] = []
        self.before: list[bool] = []
        self.open_until = 0.0
        self.is_tripped = False
        self.won = 0

    def state(self, now: float) -> str:
        if not self.is_tripped:
            return "closed"
        return "open" if now < self.open_until else "half-open"

    def age(self, before: float) -> None:
        old = [outcome for outcome in self.recent if outcome[0] <= before]
        self.before += [success for _, success in old]
        self.recent = [outcome for outcome in self.recent if outcome[0] > before]

    def threshold(self, now: float) -> int:
        self.age(now - 60.0)
        weights = [FADE ** (len(self.before) - 1 - i) for i in range(len(self.before))]
        if sum(weights) < 20.0:
            return 5
        failed = sum(weight for weight, success in zip(weights, self.before, strict=True) if not success)
        share = (failed + 0.5) / (sum(weights) + 1.0)
        for k in range(3, 10):
            if k > len(self.recent) or tail(k, len(self.recent), share) <= 0.01:
                return k
        return 10

    def trip(self, now: float, until: float = 0.0) -> None:
        due = self.open_until if self.state(now) == "open" else now + 30.0
        self.is_tripped, self.won, self.open_until = True, 0, max(due, until)

    def ended(self, success: bool, now: float) -> bool:
        state = self.state(now)
        self.recent.append((now, success))
        if state == "half-open" and success:
            self.won += 1
            if self.won == 3:
                self.is_tripped, self.won = False, 0
                self.age(inf)
        if success or state == "open":
            return False
        if state == "half-open" or self.failures(now) >= self.threshold(now):
            self.trip(now)
            return True
        return False

    def failures(self, now: float) -> int:
        return sum(at > now - 30.0 and not success for at, success in self.recent)


class AgainstTheModel(RuleBasedStateMachine):
    @initialize(usual=st.lists(st.booleans(), max_size=60))
    def begin(self, usual: list[bool]) -> None:
        self.breakers, self.models, self.now = TargetBreakers(LIMITS), {"a": Model(), "b": Model()}, 100.0
        for success in usual:
            self.now += 31.0
            self.breakers.ended("a", success, self.now)
            self.models["a"].ended(success, self.now)

    @rule(by=st.sampled_from((0.0, 0.5, 4.0, 10.0, 30.0, 70.0)))
    def time_passes(self, by: float) -> None:
        self.now += by

    @rule(name=st.sampled_from("ab"), success=st.booleans(), times=st.integers(1, 6))
    def ended(self, name: str, success: bool, times: int) -> None:
        for _ in range(times):
            assert self.breakers.ended(name, success, self.now) is self.models[name].ended(success, self.now)

    @rule(name=st.sampled_from("ab"), for_s=st.sampled_from((-5.0, 10.0, 100.0, 5000.0)))
    def foretold(self, name: str, for_s: float) -> None:
        self.breakers.foretold(FailurePredicted(name, 0.7, "smart", self.now + for_s), self.now)
        if for_s > 0.0:
            self.models[name].trip(self.now, self.now + min(for_s, 300.0))

    @rule(name=st.sampled_from("ab"))
    def reset(self, name: str) -> None:
        self.breakers.reset(name)
        self.models[name] = Model()

    @invariant()
    def same(self) -> None:
        for name, model in self.models.items():
            hold = self.breakers.hold(name, self.now, "gate")
            assert (hold is not None) == (model.state(self.now) == "open"), name
            assert hold is None or (hold.until, hold.gate) == (model.open_until, "gate")
            assert self.breakers.threshold(name, self.now) == model.threshold(self.now), name
        shown = {view.subject: view for view in self.breakers.views(self.now)}
        tripped = [view for view in shown.values() if view.state != "closed"]
        assert self.breakers.views(self.now, only_tripped=True) == tripped
        for name, model in self.models.items():
            model.age(self.now - 60.0)
            is_news = model.is_tripped or any(not success for _, success in model.recent)
            assert (name in shown) == is_news
            if is_news:
                assert shown[name].state == model.state(self.now)
                assert shown[name].figures["failures"] == model.failures(self.now)
                assert shown[name].figures["ended"] == len(model.recent)
                assert shown[name].until == (model.open_until if model.state(self.now) == "open" else 0.0)


AgainstTheModel.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestTargetBreakers = AgainstTheModel.TestCase


def failed(breakers: TargetBreakers, times: int, now: float = 0.0) -> list[bool]:
    return [breakers.ended("web", False, now + second) for second in range(times)]


def test_five_failures_in_thirty_seconds_open_it_for_thirty() -> None:
    breakers = TargetBreakers(LIMITS)
    assert failed(breakers, 5) == [False] * 4 + [True]
    hold = breakers.hold("web", 4.0, "target:web")
    assert hold is not None
    assert (hold.by, hold.until, hold.gate) == ("target breaker", 34.0, "target:web")
    assert hold.reason == "the breaker of web is open: 5 levels failed within 30 s (at 5 it opens)"
    assert breakers.hold("web", 34.0, "") is None
    assert breakers.hold("db", 4.0, "") is None


def test_failures_that_are_far_apart_do_not_open_it() -> None:
    breakers = TargetBreakers(LIMITS)
    assert not any(breakers.ended("web", False, 8.0 * n) for n in range(19))


def test_three_recoveries_in_a_row_close_it_and_one_failure_opens_it_again() -> None:
    breakers = TargetBreakers(LIMITS)
    failed(breakers, 5)
    for second in (40.0, 41.0):
        assert not breakers.ended("web", True, second)
    assert breakers.ended("web", False, 42.0)
    assert breakers.views(42.0)[0].reason.startswith("an attempt failed while it was half-open")
    for second in (80.0, 81.0, 82.0):
        assert breakers.says("web", second).startswith("target breaker: half-open")
        breakers.ended("web", True, second)
    assert breakers.says("web", 83.0).startswith("target breaker: closed, 0 failures")
    assert failed(breakers, 4, 84.0) == [False] * 4, "the window begins anew"


@pytest.mark.parametrize(("usual_share", "fewest", "most"), [(0.0, 3, 3), (0.5, 6, 10)])
def test_a_target_that_usually_recovers_needs_fewer_failures_than_one_that_seldom_does(
    usual_share: float, fewest: int, most: int
) -> None:
    breakers = TargetBreakers(LIMITS)
    for number in range(60):
        breakers.ended("web", number % 2 >= 2 * usual_share, 100.0 * number)
    opened = failed(breakers, 12, 100_000.0)
    assert fewest <= opened.index(True) + 1 <= most


def test_of_a_target_that_always_recovers_no_more_is_kept_than_counts() -> None:
    breakers = TargetBreakers(LIMITS)
    for number in range(1000):
        breakers.ended("web", True, 10.0 * number)
    assert len(breakers._targets["web"].recent) == 6


def test_an_incident_does_not_make_itself_look_usual() -> None:
    breakers = TargetBreakers(LIMITS)
    for number in range(60):
        breakers.ended("web", True, 100.0 * number)
    for number in range(20):
        breakers.ended("web", True, 100_000.0 + number)
    assert breakers.threshold("web", 100_020.0) == 3
    failed(breakers, 2, 100_020.0)
    assert breakers.threshold("web", 100_022.0) == 3


def test_a_forecast_opens_it_until_its_time_but_never_for_long() -> None:
    breakers = TargetBreakers(LIMITS)
    breakers.foretold(FailurePredicted("web", 0.83, "smart", 100.0), 10.0)
    hold = breakers.hold("web", 10.0, "")
    assert hold is not None
    assert (hold.until, hold.reason) == (
        100.0,
        "the breaker of web is open: smart foresees a failure with a probability of 83%",
    )
    breakers.foretold(FailurePredicted("db", 0.9, "smart", 1e9), 10.0)
    far = breakers.hold("db", 10.0, "")
    assert far is not None
    assert far.until == 10.0 + MOST_FORETOLD_S


def test_a_forecast_whose_time_is_over_says_nothing() -> None:
    breakers = TargetBreakers(LIMITS)
    breakers.foretold(FailurePredicted("web", 0.9, "smart", 10.0), 10.0)
    assert breakers.hold("web", 10.0, "") is None
    assert breakers.views(10.0) == []


def test_an_attempt_from_before_it_opened_neither_closes_nor_opens_it() -> None:
    breakers = TargetBreakers(LIMITS)
    breakers.foretold(FailurePredicted("web", 0.9, "smart", 100.0), 0.0)
    assert not breakers.ended("web", True, 1.0)
    assert not breakers.ended("web", False, 2.0)
    hold = breakers.hold("web", 3.0, "")
    assert hold is not None
    assert hold.until == 100.0


def test_a_person_closes_it() -> None:
    breakers = TargetBreakers(LIMITS)
    assert not breakers.reset("web")
    assert breakers.says("web", 0.0) == "target breaker: closed, nothing has failed on web"
    failed(breakers, 5)
    assert breakers.reset("web")
    assert breakers.hold("web", 5.0, "") is None


def test_those_without_news_are_not_shown() -> None:
    breakers = TargetBreakers(LIMITS)
    breakers.ended("web", True, 0.0)
    assert breakers.views(0.0) == []
    breakers.ended("web", False, 1.0)
    (view,) = breakers.views(1.0)
    assert (view.state, view.reason) == ("closed", "1 failures in the last 30 s")
    assert breakers.views(100.0) == []
