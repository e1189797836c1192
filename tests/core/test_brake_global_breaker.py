"""The global breaker: when next to nothing helps, trying more only costs the host."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from error_daemon.core.brakes.global_breaker import GlobalBreaker, GlobalLimits

LIMITS = GlobalLimits(window_s=60.0, ratio=0.15, samples=8, open_s=30.0)


class AgainstEveryVerdict(RuleBasedStateMachine):
    """The model keeps every verdict since the breaker was last closed, and counts anew each time."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = GlobalBreaker(LIMITS)
        self.now, self.number = 1000.0, 0
        self.running: list[str] = []
        self.verdicts: list[tuple[float, bool]] = []
        self.tripped, self.until, self.length, self.won, self.trial = False, 0.0, 30.0, 0, ""

    def state(self) -> str:
        return "closed" if not self.tripped else "open" if self.now < self.until else "half-open"

    @rule(by=st.sampled_from((0.0, 0.5, 7.0, 30.0, 61.0, 400.0)))
    def time_passes(self, by: float) -> None:
        self.now += by

    @rule(many=st.integers(1, 12))
    def start(self, many: int) -> None:
        for _ in range(many):
            if self.breaker.hold(self.now) is not None:
                assert self.state() == "open" or self.trial
                return
            assert self.state() != "open"
            assert not self.trial, "one at a time"
            self.number += 1
            name = f"attempt{self.number}"
            self.breaker.started(name, self.now)
            self.running.append(name)
            if self.state() == "half-open":
                self.trial = name

    @rule(success=st.sampled_from((True, False, False, False, None)), many=st.integers(1, 12))
    def end(self, success: bool | None, many: int) -> None:
        for _ in range(min(many, len(self.running))):
            name = self.running.pop(0)
            assert self.breaker.ended(name, success, self.now) is self._ended(name, success)

    def _ended(self, name: str, success: bool | None) -> bool:
        was_trial, state = name == self.trial, self.state()
        if was_trial:
            self.trial = ""
        if success is None:
            return False
        self.verdicts.append((self.now, success))
        if was_trial and state == "half-open":
            if not success:
                self.length = min(2 * self.length, 300.0)
                self.until, self.won = self.now + self.length, 0
                return False
            self.won += 1
            if self.won == 3:
                self.tripped, self.won, self.length, self.verdicts = False, 0, 30.0, []
                return True
        recent = [helped for at, helped in self.verdicts if at > self.now - 60.0]
        if not self.tripped and len(recent) >= 8 and sum(recent) / len(recent) < 0.15:
            self.tripped, self.until, self.won = True, self.now + self.length, 0
        return False

    @rule()
    def reset(self) -> None:
        assert self.breaker.reset(self.now) is (self.state() != "closed")
        self.tripped, self.won, self.length, self.verdicts, self.trial = False, 0, 30.0, [], ""

    @invariant()
    def same(self) -> None:
        view, hold = self.breaker.view(self.now), self.breaker.hold(self.now)
        assert view.state == self.state()
        assert view.until == (self.until if self.state() == "open" else 0.0)
        recent = [helped for at, helped in self.verdicts if at > self.now - 60.0]
        assert view.figures == {"verdicts": len(recent), "recovered": sum(recent)}
        assert (hold is not None) == (self.state() == "open" or (self.state() == "half-open" and bool(self.trial)))


AgainstEveryVerdict.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestGlobalBreaker = AgainstEveryVerdict.TestCase


def broken(now: float = 0.0, failures: int = 8) -> GlobalBreaker:
    breaker = GlobalBreaker(LIMITS)
    for number in range(failures):
        breaker.started(f"a{number}", now)
        breaker.ended(f"a{number}", False, now)
    return breaker


def test_it_opens_below_the_ratio_and_not_before_there_are_enough_verdicts() -> None:
    assert broken(failures=7).hold(0.0) is None
    hold = broken().hold(0.0)
    assert hold is not None
    assert (hold.by, hold.until) == ("global breaker", 30.0)
    assert hold.reason == "open: 0 of 8 attempts helped in the last 60 s"


def test_at_the_ratio_it_stays_closed() -> None:
    breaker = GlobalBreaker(GlobalLimits(samples=20))
    for number in range(20):
        breaker.ended(f"a{number}", number < 3, 0.0)
    assert breaker.hold(0.0) is None
    breaker.ended("b", False, 0.0)
    assert breaker.hold(0.0) is not None


def test_what_says_nothing_counts_for_neither_side_and_ends_a_trial() -> None:
    breaker = broken()
    breaker.started("trial", 30.0)
    hold = breaker.hold(31.0)
    assert hold is not None
    assert hold.reason == "half-open: one attempt at a time, waits for the verdict on trial"
    assert breaker.ended("trial", None, 32.0) is False
    assert breaker.hold(32.0) is None
    assert breaker.says(32.0) == "global breaker: half-open, 0 of 8 attempts helped in the last 60 s"


def test_an_attempt_from_before_it_opened_decides_nothing() -> None:
    breaker = GlobalBreaker(LIMITS)
    breaker.started("old", 0.0)
    for number in range(8):
        breaker.ended(f"a{number}", False, 0.0)
    assert not breaker.ended("old", True, 31.0)
    assert breaker.view(31.0).state == "half-open"
