"""Flap suppression: what comes back at once is left alone until it has been calm."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from error_daemon.core.brakes.flap import FlapSuppression
from error_daemon.core.classify import Classifier
from error_daemon.core.fingerprint import fingerprint
from error_daemon.core.graph import Graph
from error_daemon.core.rules import Rules
from error_daemon.core.ticket import Error
from error_daemon.model import State, Verification
from tests.core.world import World, fault, house
from tests.core.world import rule as a_rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)


def error(recovered_at: float = 100.0, flaps: int = 1, flapping: bool = True) -> Error:
    one = fault()
    known = Error(fingerprint(one), one, Classifier(Rules(()), Graph({}))(one), 0.0)
    known.recovered_at, known.flaps, known.flapping = recovered_at, flaps, flapping
    return known


def test_it_waits_until_the_threshold_has_passed_since_its_recovery() -> None:
    brake = FlapSuppression(5.0, 300.0)
    hold = brake.hold(error(), 101.0)
    assert hold is not None
    assert (hold.by, hold.until, hold.gate, hold.look_first) == ("flap suppression", 105.0, "", True)
    assert hold.reason.startswith("flapping: came back 1.0 s after its recovery, calm until 5 s")
    again = brake.hold(error(flaps=2), 101.0)
    assert again is not None
    assert again.reason.startswith("flapping: came back 1.0 s after its recovery (2 times in a row), calm until 10 s")
    assert brake.hold(error(), 105.0) is None


def test_one_that_does_not_flap_is_let_through() -> None:
    assert FlapSuppression(5.0, 300.0).hold(error(flapping=False), 101.0) is None


def test_the_time_doubles_with_each_relapse_in_a_row_up_to_the_longest() -> None:
    brake = FlapSuppression(5.0, 100.0)
    assert [brake.calm_s(flaps) for flaps in range(7)] == [5.0, 5.0, 10.0, 20.0, 40.0, 80.0, 100.0]
    assert brake.calm_s(10_000) == 100.0


def test_a_longest_time_below_the_threshold_is_the_threshold() -> None:
    brake = FlapSuppression(5.0, 1.0)
    assert [brake.calm_s(flaps) for flaps in (1, 5)] == [5.0, 5.0]


class Oscillating(RuleBasedStateMachine):
    """An error in the engine that comes back and is well again, at any rhythm."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(house(a_rule("web", (1,), verification=QUICK, stability_window_s=60.0)))
        self.error_id = self.world.report(fault())
        self.world.run(1.0)
        self.in_a_row = 0
        self.settled_at = 0.0  # by a person: a recovery before that is no sign of flapping

    @rule(seconds=st.sampled_from((0.05, 0.5, 3.0, 6.0, 20.0)))
    def time_passes(self, seconds: float) -> None:
        self.world.run(seconds)
        if self.world.state(self.error_id) is State.RESOLVED:
            self.in_a_row = 0

    @precondition(lambda self: self.world.state(self.error_id) in (State.WATCHING, State.RESOLVED))
    @rule()
    def comes_back(self) -> None:
        view = self.world.view(self.error_id)
        is_soon = self.settled_at < view.recovered_at and self.world.now < view.recovered_at + 5.0
        self.in_a_row += is_soon
        attempts = len(self.world.started)
        self.world.report(fault())
        view = self.world.view(self.error_id)
        if view.state is State.FAILED:
            self.world.resolve(self.error_id)
            self.in_a_row, self.settled_at = 0, self.world.now
            return
        assert view.flapping is is_soon
        calm_at = view.recovered_at + min(5.0 * 2 ** (self.in_a_row - 1), 300.0) if is_soon else 0.0
        if self.world.now < calm_at:
            assert (view.state, view.held_by, view.parked_until) == (State.PARKED, "flap suppression", calm_at)
            assert len(self.world.started) == attempts, "it is left alone"

    @rule()
    def well_again(self) -> None:
        self.world.failing.clear()

    @invariant()
    def never_for_ever(self) -> None:
        view = self.world.view(self.error_id)
        assert view.parked_until <= self.world.now + 300.0

    def teardown(self) -> None:
        self.world.quiet()
        assert not self.world.view(self.error_id).flapping, "it clears itself"


Oscillating.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestFlapSuppression = Oscillating.TestCase


@pytest.mark.parametrize("act", ["resolve", "reset_ladder"])
def test_a_person_sets_it_back(act: str) -> None:
    world = World(house(a_rule("web", (1, 2), verification=QUICK)))
    error_id = world.report(fault())
    world.run(0.6)
    world.report(fault())
    assert world.view(error_id).flapping
    getattr(world, act)(error_id)
    assert not world.view(error_id).flapping
