"""Timers against a plain list."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from error_daemon.core.timers import Timers


class AgainstAList(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.timers, self.now = Timers(), 0.0
        self.set: dict[int, float] = {}
        self.rung: list[int] = []

    @rule(at=st.sampled_from((0.0, 1.0, 2.0, 5.0, 9.0)))
    def begin(self, at: float) -> None:
        number = self.timers.set(self.now + at, lambda: self.rung.append(number))
        assert number not in self.set
        assert number > 0
        self.set[number] = self.now + at

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from([0, 99_999, *self.set]))
        self.timers.cancel(number)
        self.set.pop(number, None)

    @rule(by=st.sampled_from((0.0, 1.0, 3.0, 10.0)))
    def time_passes(self, by: float) -> None:
        self.now += by
        for call in self.timers.due(self.now):
            call()
        expected = sorted((at, number) for number, at in self.set.items() if at <= self.now)
        assert self.rung == [number for _, number in expected]
        self.rung.clear()
        for _, number in expected:
            del self.set[number]

    @invariant()
    def the_next_one_is_known(self) -> None:
        assert self.timers.next_at() == min(self.set.values(), default=None)


AgainstAList.TestCase.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
TestTimers = AgainstAList.TestCase


def test_what_a_call_sets_for_a_time_that_has_come_is_due_too() -> None:
    timers = Timers()
    rung: list[str] = []

    def first() -> None:
        timers.set(0.5, lambda: rung.append("later"))

    timers.set(1.0, first)
    for call in timers.due(2.0):
        call()
    assert rung == ["later"]


def test_a_call_may_cancel_another_that_is_due() -> None:
    timers = Timers()
    rung: list[str] = []
    second = 0
    timers.set(1.0, lambda: timers.cancel(second))
    second = timers.set(1.0, lambda: rung.append("second"))
    for call in timers.due(2.0):
        call()
    assert rung == []


def test_what_was_cancelled_takes_no_memory_for_long() -> None:
    timers = Timers()
    kept = timers.set(5.0, lambda: None)
    for _ in range(10_000):
        timers.cancel(timers.set(1e6, lambda: None))
    assert len(timers._heap) < 200
    assert timers.next_at() == 5.0
    timers.cancel(kept)
    assert timers.next_at() is None
