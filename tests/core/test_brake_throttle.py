"""The throttle: a budget for every window of a second, a reserve for critical errors, and a slow start."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from error_daemon.core.brakes.throttle import Throttle


class AskedForEverything(RuleBasedStateMachine):
    """Whoever asks starts as soon as the throttle lets them. The model keeps every start there ever was."""

    @initialize(
        per_s=st.integers(1, 40),
        slow_start_s=st.sampled_from((0.0, 3.0, 10.0)),
        now=st.floats(0.0, 2.0e9, allow_nan=False),
    )
    def begin(self, per_s: int, slow_start_s: float, now: float) -> None:
        self.throttle = Throttle(per_s, slow_start_s)
        self.per_s, self.now = per_s, now
        self.starts: list[tuple[float, bool]] = []

    @rule(by=st.sampled_from((0.001, 0.1, 0.333, 0.999, 1.0, 5.0)))
    def time_passes(self, by: float) -> None:
        self.now += by

    @rule()
    def ease_in(self) -> None:
        self.throttle.ease_in(self.now)

    @rule(many=st.integers(1, 60), is_critical=st.booleans())
    def ask(self, many: int, is_critical: bool) -> None:
        for _ in range(many):
            if self.throttle.hold(is_critical, self.now) is not None:
                break
            self.throttle.started(self.now, is_critical=is_critical)
            self.starts.append((self.now, is_critical))

    @rule(is_critical=st.booleans())
    def wait_for_it(self, is_critical: bool) -> None:
        """Whoever comes back when they are told to is let through then."""
        hold = self.throttle.hold(is_critical, self.now)
        if hold is not None:
            assert self.now < hold.until <= self.now + 1.0
            self.now = hold.until
            again = self.throttle.hold(is_critical, self.now)
            assert again is None, "and not one moment later"

    @invariant()
    def never_more_in_any_window(self) -> None:
        """Every window of a second begins, at its fullest, with a start."""
        times = [at for at, _ in self.starts]
        ordinary = [at for at, is_critical in self.starts if not is_critical]
        for first, over in zip(times, times[self.per_s :]):  # noqa: B905
            assert over >= first + 1.0
        most = max(1, -(-9 * self.per_s // 10))
        for first, over in zip(ordinary, ordinary[most:]):  # noqa: B905
            assert over >= first + 1.0, "a tenth is kept for critical errors"


AskedForEverything.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestThrottle = AskedForEverything.TestCase


def full(throttle: Throttle, now: float, is_critical: bool = False) -> int:
    """Start whatever it lets through."""
    begun = 0
    while throttle.hold(is_critical, now) is None:
        throttle.started(now, is_critical=is_critical)
        begun += 1
    return begun


def test_a_tenth_is_kept_for_critical_errors() -> None:
    throttle = Throttle(100, 10.0)
    assert full(throttle, 5.0) == 90
    assert full(throttle, 5.0, is_critical=True) == 10
    hold = throttle.hold(True, 5.5)
    assert hold is not None
    assert (hold.by, hold.until) == ("throttle", 6.0)
    assert "in the last second, which is the most" in hold.reason


def test_critical_errors_that_never_end_leave_room_for_all_others() -> None:
    throttle = Throttle(100, 10.0)
    assert full(throttle, 5.0, is_critical=True) == 100
    assert throttle.hold(False, 5.5) is not None
    throttle.started(5.5, is_critical=True)
    assert full(throttle, 6.0) == 90, "what critical errors have used is not counted against the share of the others"


@pytest.mark.parametrize("per_s", [100, 250, 333, 500])
def test_a_slow_start_grows_from_a_tenth_to_the_whole(per_s: int) -> None:
    throttle = Throttle(per_s, 10.0)
    whole = throttle.budget(0.0)
    throttle.ease_in(50.0)
    budgets = [throttle.budget(50.0 + step / 100) for step in range(1200)]
    assert budgets == sorted(budgets)
    assert budgets[0] == pytest.approx(whole / 10, abs=1)
    assert budgets[500] == pytest.approx(whole * 0.55, abs=1)
    assert set(budgets[1000:]) == {whole}


def test_a_slow_start_does_not_hold_critical_errors() -> None:
    throttle = Throttle(100, 10.0)
    throttle.ease_in(0.0)
    assert full(throttle, 0.0) == 9
    assert full(throttle, 0.0, is_critical=True) == 91
    hold = throttle.hold(False, 0.0)
    assert hold is not None
    assert hold.reason.endswith("in a slow start towards 100")


def test_there_is_always_room_for_one() -> None:
    throttle = Throttle(1, 1000.0)
    throttle.ease_in(0.0)
    assert full(throttle, 0.0) == 1


@settings(max_examples=300, deadline=None)
@given(st.floats(0.0, 5000.0), st.integers(1, 3))
def test_whoever_comes_back_when_told_is_let_through(at: float, per_s: int) -> None:
    """Whatever the time is: at + 1 - 1 need not be at, in binary."""
    throttle = Throttle(per_s, 0.0)
    full(throttle, at)
    hold = throttle.hold(False, at)
    assert hold is not None
    assert hold.until > at
    assert throttle.hold(False, hold.until) is None


def test_it_shows_what_it_does() -> None:
    throttle = Throttle(100, 10.0)
    throttle.started(0.0, is_critical=False)
    view = throttle.view(0.5)
    assert (view.brake, view.state, view.until) == ("throttle", "closed", 0.0)
    assert view.figures == {"per_s": 100.0, "budget": 90.0, "begun": 1.0}
    assert throttle.says(0.5) == f"throttle: {view.reason}" == "throttle: 1 begun in the last second, of 100"
    throttle.ease_in(1.0)
    view = throttle.view(1.0)
    assert (view.state, view.until, view.figures["budget"]) == ("slow start", 11.0, 9.0)
