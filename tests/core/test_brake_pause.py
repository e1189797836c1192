"""The pause switch against a dictionary."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from error_daemon.core.brakes.pause import ALL, Pause, PauseSwitch

NAMES = (ALL, "web", "db")


class Switch(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.switch, self.now = PauseSwitch(), 100.0
        self.paused: dict[str, float] = {}

    @rule(by=st.sampled_from((0.5, 5.0, 50.0)))
    def time_passes(self, by: float) -> None:
        self.now += by
        over = {name for name, until in self.paused.items() if until and until <= self.now}
        assert {pause.target for pause in self.switch.expire(self.now)} == over
        for name in over:
            del self.paused[name]

    @rule(name=st.sampled_from(NAMES), for_s=st.sampled_from((0.0, 3.0, 30.0)))
    def pause(self, name: str, for_s: float) -> None:
        until = self.now + for_s if for_s else 0.0
        self.switch.pause(Pause(name, self.now, until, "", ""))
        self.paused[name] = until

    @rule(name=st.sampled_from(NAMES))
    def resume(self, name: str) -> None:
        pause = self.switch.resume(name)
        assert (pause.until if pause else None) == self.paused.pop(name, None)

    @invariant()
    def same(self) -> None:
        for name in NAMES:
            hold = self.switch.hold(name, "gate")
            assert (hold.until if hold else None) == self.paused.get(name)
            assert (self.switch.on(name) is not None) == (name in self.paused)
        for name in NAMES[1:]:
            assert self.switch.concerns(name) == (ALL in self.paused or name in self.paused)
        assert {view.subject: view.until for view in self.switch.views()} == self.paused


Switch.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestPauseSwitch = Switch.TestCase


def test_it_says_who_has_paused_what_until_when_and_why() -> None:
    everything = Pause(ALL, 0.0, 0.0, "deploy", "ann")
    one = Pause("web", 0.0, 86400.0 + 3661.0, "", "")
    assert everything.says() == "everything is paused by ann until resumed: deploy"
    assert one.says().startswith("recoveries of web are paused by a person until ")
    assert "01:01:01 UTC" in one.says()
    switch = PauseSwitch()
    switch.pause(one)
    assert [(view.brake, view.subject, view.state) for view in switch.views()] == [("pause", "web", "paused")]
    assert switch.all() == [one]
