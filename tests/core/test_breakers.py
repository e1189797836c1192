"""The global breaker and that of each target in the engine: what they hold, who closes them, and what is left after a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.policy import Policy
from error_daemon.model import Backoff, ResponseClass, State, Strategy
from tests.core.held_world import QUICK, TOLERANT, names, never, shown, world_of
from tests.core.world import Plan, World, fault, house, rule

BREAKER = GlobalLimits(window_s=60.0, ratio=0.15, samples=10, open_s=30.0)


def hopeless(many: int = 30) -> World:
    """A world in which the first ten attempts have not helped."""
    world = world_of(many, Policy(capacity=50, global_limits=BREAKER, target_limits=TOLERANT))
    world.plan = never
    for name in names(5):
        world.report(fault(name))
    world.run(2.0)
    assert len(world.started) == 10
    return world


def test_where_next_to_nothing_helps_nothing_more_is_tried() -> None:
    world = hopeless()
    error_id = world.report(fault("ah"))
    world.run(20.0)
    assert len(world.started) == 10
    view = world.view(error_id)
    assert (view.held_by, view.reason) == ("global breaker", "open: 0 of 10 attempts helped in the last 60 s")
    brake = shown(world, "global breaker")
    assert (brake.state, brake.waiting, brake.until) == ("open", 1, view.parked_until)


def test_it_looks_for_its_way_back_one_attempt_at_a_time() -> None:
    world = hopeless()
    world.plan = lambda order: Plan(takes_s=3.0)
    for name in names(30)[10:]:
        world.report(fault(name))
    world.run(31.0)
    assert shown(world, "global breaker").state == "half-open"
    assert len(world.started) == 11
    held = [view for view in world.engine.newest(99, lambda error: True)[0] if view.held_by == "global breaker"]
    assert "half-open: one attempt at a time" in held[0].reason
    world.run(3.0)
    assert len(world.started) == 12
    world.run(3.2)
    assert len(world.started) == 13
    world.run(3.5)
    assert shown(world, "global breaker").state == "closed"
    assert shown(world, "throttle").state == "slow start"
    world.run(60.0)
    assert len(world.started) == 30
    world.quiet()


def test_a_trial_that_fails_opens_it_for_twice_as_long() -> None:
    world = hopeless()
    world.report(fault("ah"))
    world.run(31.0)
    assert len(world.started) == 11
    assert shown(world, "global breaker").state == "open"
    world.run(55.0)
    assert len(world.started) == 11
    world.run(10.0)
    assert len(world.started) == 12


def test_a_trial_of_which_nothing_is_known_leaves_the_next_its_turn() -> None:
    world = hopeless()
    for name in names(30)[10:13]:
        world.report(fault(name))
    world.failing["ak"] = None
    world.run(60.0)
    assert len(world.started) >= 11
    assert shown(world, "global breaker").state in ("open", "half-open")


def test_a_person_closes_it() -> None:
    world = hopeless()
    world.report(fault("ah"))
    assert world.reset_breaker()
    world.run(0.5)
    assert world.on()[-1] == "ah"
    assert not world.reset_breaker()
    assert shown(world, "throttle").state == "slow start"


# --- the breaker of a target


def broken(policy: Policy | None = None) -> World:
    """A world in which five levels on one target have failed."""
    world = world_of(2, policy, stability_window_s=5.0)
    world.plan = never
    for message in "abc":
        world.report(fault("aa", message))
        world.run(1.0)
    return world


def test_what_does_not_help_a_target_is_not_repeated_on_it_for_ever() -> None:
    world = broken()
    assert len(world.started) == 5
    waiting = [view for view in world.engine.newest(9, lambda error: True)[0] if view.held_by == "target breaker"]
    assert [view.state for view in waiting] == [State.QUEUED]
    assert waiting[0].reason == "the breaker of aa is open: 5 levels failed within 30 s (at 5 it opens)"
    brake = shown(world, "target breaker", "aa")
    assert (brake.state, brake.waiting, brake.until) == ("open", 1, waiting[0].parked_until)
    world.report(fault("ab"))
    assert world.on()[-1] == "ab", "other targets are not held"
    world.run(25.0)
    assert len(world.started) == 7
    world.run(10.0)
    assert world.on()[-1] == "aa", "half-open: it is tried again"


def test_three_recoveries_close_it() -> None:
    world = broken()
    world.plan = lambda order: Plan()
    world.run(30.0)
    for message in "xy":
        assert shown(world, "target breaker", "aa").state == "half-open"
        world.report(fault("aa", message))
        world.run(10.0)
    assert not [view for view in world.engine.brakes(world.now) if view.brake == "target breaker"]


def test_a_person_closes_the_breaker_of_a_target() -> None:
    world = broken()
    attempts = len(world.started)
    assert world.reset_breaker("aa")
    world.run(5.0)
    assert len(world.started) == attempts + 1
    assert not world.reset_breaker("ab")


def test_a_failure_that_is_foretold_opens_it() -> None:
    world = world_of(2)
    world.foresee("aa", 100.0)
    world.foresee("nobody", 100.0)
    error_id = world.report(fault("aa"))
    view = world.view(error_id)
    assert (view.held_by, view.parked_until) == ("target breaker", world.now + 100.0)
    assert view.reason == "the breaker of aa is open: smart foresees a failure with a probability of 90%"
    world.run(99.0)
    assert world.started == []
    world.run(2.0)
    assert world.on() == ["aa"]
    assert len(world.engine.brakes(world.now)) == 3


def test_the_tries_at_one_level_are_one() -> None:
    retry = Strategy("retry", "call", max_attempts=5, backoff=Backoff(0.1, 1.0, 0.1))
    own = rule("aa", ladder={1: ("retry",)}, verification=QUICK, response_class=ResponseClass.TRANSIENT)
    world = World(house(own, strategies=(retry,)))
    world.plan = never
    world.report(fault("aa"))
    world.run(20.0)
    assert len(world.started) == 5
    assert shown(world, "target breaker", "aa").figures["failures"] == 1.0
    again = World(world.definitions)
    again.engine.restore_attempts(world.records.values(), again.now + 21.0)
    again.now += 21.0
    assert shown(again, "target breaker", "aa").figures["failures"] == 1.0, "after a restart, too"


# --- after a restart


@pytest.mark.parametrize("when", ["open", "half-open", "closed"])
def test_the_breakers_are_after_a_restart_as_they_were_before(when: str) -> None:
    world = hopeless()
    world.plan = lambda order: Plan(takes_s=3.0)
    for name in names(30)[10:13]:
        world.report(fault(name))
    world.run({"open": 5.0, "half-open": 35.0, "closed": 50.0}[when])
    assert shown(world, "global breaker").state == when
    again = World(world.definitions, world.policy)
    again.now = world.now
    again.engine.restore_attempts(world.records.values(), world.now)
    mine, others = shown(again, "global breaker"), shown(world, "global breaker")
    assert replace(mine, waiting=0) == replace(others, waiting=0)
    assert shown(again, "throttle").state == "slow start"


def test_the_breaker_of_a_target_is_brought_back() -> None:
    world = broken()
    again = World(world.definitions, world.policy)
    again.now = world.now
    again.engine.restore_attempts(world.records.values(), world.now)
    again.engine.restore_attempts([], world.now)
    mine, others = shown(again, "target breaker", "aa"), shown(world, "target breaker", "aa")
    assert replace(mine, waiting=0) == replace(others, waiting=0)
    held = again.report(fault("aa"))
    assert again.view(held).held_by == "target breaker"


def test_a_clock_that_was_set_back_keeps_no_breaker_open() -> None:
    world = broken()
    again = World(world.definitions, world.policy)
    again.now = world.now - 500.0
    again.engine.restore_attempts(world.records.values(), again.now)
    again.report(fault("aa"))
    again.run(31.0)
    assert again.on() == ["aa"]
