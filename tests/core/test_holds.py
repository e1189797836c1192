"""What holds tickets back in the engine: who waits for what, until when, and how they come up again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from error_daemon.core.board import Policy
from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.brakes.target_breaker import TargetLimits
from error_daemon.errors import NotFound
from error_daemon.model import (
    AttemptOrder,
    Backoff,
    BrakeView,
    Mode,
    ResponseClass,
    Severity,
    State,
    Strategy,
    Verification,
)
from tests.core.world import Plan, World, fault, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.2, patience_s=2.0)


def names(many: int) -> list[str]:
    return [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(many)]


def world_of(many: int = 4, policy: Policy | None = None, **more: object) -> World:
    rules = tuple(rule(name, (1, 2), **({"verification": QUICK} | more)) for name in names(many))
    return World(house(*rules), policy or Policy(capacity=50))


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


def shown(world: World, brake: str, subject: str = "") -> BrakeView:
    (view,) = [view for view in world.engine.brakes(world.now) if (view.brake, view.subject) == (brake, subject)]
    return view


# --- the pause switch


@pytest.mark.parametrize("target", [ALL, "aa"])
def test_what_is_paused_waits_until_it_is_resumed(target: str) -> None:
    world = world_of(1)
    world.pause(target)
    error_id = world.report(fault("aa"))
    world.run(500.0)
    assert (world.started, world.rounds) == ([], [])
    view = world.view(error_id)
    assert (view.state, view.held_by, view.parked_until) == (State.QUEUED, "pause", 0.0)
    assert view.reason.endswith("paused by ann until resumed: maintenance")
    assert shown(world, "pause", target).waiting == 1
    pause = world.resume(target)
    assert pause is not None
    assert pause.by == "ann"
    world.run(5.0)
    assert world.on() == ["aa"]
    assert world.rounds[0].target.id == "aa", "that was long ago: it is looked at first"
    assert world.tickets[0].planned
    world.quiet()


@pytest.mark.parametrize("target", [ALL, "aa"])
def test_a_pause_with_a_time_ends_by_itself(target: str) -> None:
    world = world_of(1)
    world.pause(target, for_s=60.0)
    error_id = world.report(fault("aa"))
    view = world.view(error_id)
    assert (view.held_by, view.parked_until) == ("pause", world.now + 60.0)
    world.run(59.9)
    assert world.rounds == []
    world.run(1.0)
    assert world.on() == ["aa"]
    assert world.engine.pauses() == []


def test_a_pause_of_one_target_holds_nobody_else() -> None:
    world = world_of(2)
    world.pause("aa")
    for name in names(2):
        world.report(fault(name))
    assert world.on() == ["ab"]


def test_a_pause_takes_the_place_of_the_one_before() -> None:
    world = world_of(1)
    world.pause("aa", for_s=5.0)
    world.report(fault("aa"))
    world.pause("aa", for_s=50.0)
    world.run(40.0)
    assert (world.started, world.rounds) == ([], [])
    world.run(15.0)
    assert world.on() == ["aa"]


def test_two_pauses_are_two() -> None:
    world = world_of(1)
    world.pause()
    world.pause("aa")
    error_id = world.report(fault("aa"))
    world.resume()
    world.run(5.0)
    assert world.view(error_id).held_by == "pause"
    assert world.started == []
    assert world.resume() is None
    world.resume("aa")
    world.run(5.0)
    assert world.on() == ["aa"]


def test_what_runs_comes_to_its_end_while_everything_is_paused() -> None:
    world = world_of(1)
    error_id = world.report(fault("aa"))
    world.pause()
    world.run(5.0)
    assert world.state(error_id) is State.WATCHING
    assert world.tickets[0].planned


def test_a_level_that_fails_while_everything_is_paused_waits_before_the_next() -> None:
    world = world_of(1)
    world.plan = never
    world.report(fault("aa"))
    world.pause()
    world.run(5.0)
    assert world.levels() == [1]
    world.resume()
    world.run(5.0)
    assert world.levels() == [1, 2]


def test_nobody_can_pause_what_there_is_not() -> None:
    world = world_of(1)
    with pytest.raises(NotFound, match="no target 'zz' is defined"):
        world.pause("zz")
    assert world.resume("zz") is None


def test_what_has_gathered_goes_slowly_and_the_worst_first() -> None:
    world = world_of(200, Policy(capacity=1000, throttle_per_s=100, slow_start_s=10.0))
    world.pause()
    for number, name in enumerate(names(200)):
        world.report(fault(name, severity=Severity.CRITICAL if number == 150 else None))
    world.run(30.0)
    world.resume()
    began = world.now
    world.run(60.0)
    looked = [order.target.id for order in world.rounds]
    assert looked[0] == names(200)[150]
    assert set(world.on()) == set(names(200))
    first, fifth = (sum(began + s <= at < began + s + 1.0 for at in world.started_at) for s in (0, 4))
    assert first <= 10, "attempts and looks have one budget"
    assert fifth >= 2 * first
    assert shown(world, "throttle").state == "closed"
    world.quiet()


def test_one_that_was_reported_a_moment_ago_is_not_looked_at_after_a_pause() -> None:
    world = world_of(1)
    world.pause()
    world.report(fault("aa"))
    world.run(0.5)
    world.resume()
    assert world.on() == ["aa"]


def test_a_pause_that_was_in_force_before_a_restart_can_be_put_in_force_again() -> None:
    world = world_of(1)
    world.pause()
    world.report(fault("aa"))
    world.crash()
    world.engine.pause(Pause(ALL, world.now - 5.0, 0.0, "maintenance", "ann"))
    world.run(30.0)
    assert [order.target.id for order in world.started] == []


# --- the global breaker


BREAKER = GlobalLimits(window_s=60.0, ratio=0.15, samples=10, open_s=30.0)
TOLERANT = TargetLimits(failures=1000)


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


# --- capacity and the order


def test_nothing_starves_however_many_critical_errors_there_are() -> None:
    world = world_of(120, Policy(capacity=8, throttle_per_s=500))
    world.plan = lambda order: Plan(takes_s=1.0)
    for name in names(8):
        world.report(fault(name, severity=Severity.CRITICAL))
        world.run(0.1)
    ordinary = world.report(fault(names(120)[9], severity=Severity.HIGH))
    opened = world.now
    for number, name in enumerate(names(120)[10:]):
        world.report(fault(name, f"m{number}", severity=Severity.CRITICAL))
        world.run(0.1)
    assert world.view(ordinary).opened_at == opened
    # By rank a high error goes before all critical ones that are ten minutes newer: nobody has come that late yet.
    assert world.state(ordinary) is State.QUEUED
    assert world.view(ordinary).held_by == "capacity"
    late = World(world.definitions, world.policy)
    late.plan = world.plan
    late.pause()
    ordinary = late.report(fault(names(120)[9], severity=Severity.HIGH))
    late.run(700.0)
    late.resume()
    late.run(20.0)
    assert late.state(ordinary) is State.WATCHING


def test_the_reserve_is_for_critical_errors_and_does_not_hold_the_older_back_for_ever() -> None:
    world = world_of(60, Policy(capacity=8, throttle_per_s=500))
    world.plan = lambda order: Plan(takes_s=1.0)
    every = names(60)
    world.pause(every[0])
    old = world.report(fault(every[0], severity=Severity.HIGH))
    for number in range(700):
        world.run(0.9)
        world.report(fault(every[0], severity=Severity.HIGH), breaks=False)
        if number == 10:
            break
    world.run(620.0)
    for name in every[1:30]:
        world.report(fault(name, severity=Severity.CRITICAL))
    world.resume(every[0])
    for name in every[30:]:
        world.run(0.1)
        world.report(fault(name, severity=Severity.CRITICAL))
    assert every[0] in world.on()[:20] or world.state(old) is not State.QUEUED
    world.quiet()


def test_an_eighth_of_the_places_is_kept_for_critical_errors() -> None:
    world = world_of(12, Policy(capacity=8))
    for name in names(10):
        world.report(fault(name))
    assert len(world.started) == 7
    held = world.view(next(v.error_id for v in world.engine.newest(20, lambda e: e.target == "ai")[0]))
    assert (held.held_by, held.reason) == ("capacity", "all 7 places for attempts are taken")
    world.report(fault("ak", severity=Severity.CRITICAL))
    assert len(world.started) == 8
    critical = world.report(fault("al", severity=Severity.CRITICAL))
    assert world.view(critical).reason == "all 8 places for attempts are taken"
    world.quiet()


# --- what is seen


def test_every_wait_is_seen_with_its_reason_and_its_time() -> None:
    retry = Strategy("retry", "call", max_attempts=3, backoff=Backoff(50.0, 1.0, 50.0))
    rules = (
        rule("asks", mode=Mode.APPROVE, approval_expires_s=60.0),
        rule("backs", ladder={1: ("retry",)}, response_class=ResponseClass.TRANSIENT, verification=QUICK),
        rule("flaps", verification=QUICK),
        rule("busy"),
    )
    world = World(house(*rules, strategies=(retry,)))
    world.plan = lambda order: Plan(
        cures=order.target.id != "backs", takes_s=30.0 if order.target.id == "busy" else 0.1
    )
    ids = {name: world.report(fault(name)) for name in ("asks", "backs", "flaps", "busy")}
    world.run(0.6)
    world.report(fault("flaps"))
    second = world.report(fault("busy", "second"))
    seen = {view.error_id: (view.held_by, view.state) for view in world.engine.newest(9, lambda error: True)[0]}
    assert seen == {
        ids["asks"]: ("approval", State.PARKED),
        ids["backs"]: ("backoff", State.PARKED),
        ids["flaps"]: ("flap suppression", State.PARKED),
        ids["busy"]: ("", State.ATTEMPTING),
        second: ("target", State.QUEUED),
    }
    for name in ("asks", "backs", "flaps"):
        assert world.view(ids[name]).parked_until > world.now
    assert world.view(second).reason == f"waits for busy, which {ids['busy']} has"
    assert world.view(second).parked_until == 0.0
    world.run(40.0)
    assert {world.view(error_id).held_by for error_id in (ids["flaps"], ids["busy"], second)} == {""}
    world.deny(ids["asks"])
    world.quiet()


def test_several_that_wait_for_one_target_all_get_their_turn() -> None:
    world = world_of(1, policy=Policy(capacity=50, target_limits=TOLERANT, global_limits=GlobalLimits(samples=9999)))
    world.plan = never
    ids = [world.report(fault("aa", message)) for message in ("a", "b", "c", "d", "e")]
    world.flush(ids[1])
    world.resolve(ids[3])
    world.run(30.0)
    tried = {order.error_id for order in world.started}
    assert tried == {ids[0], ids[2], ids[4]}
    assert world.engine._dispatch._gates == {}


def test_every_brake_is_shown_outermost_first() -> None:
    world = world_of(2)
    world.pause("aa")
    world.foresee("ab", 10.0)
    kinds = [view.brake for view in world.engine.brakes(world.now)]
    assert kinds == ["pause", "global breaker", "throttle", "target breaker"]
