"""What is seen of what holds a ticket: by which brake, why, and until when."""

from __future__ import annotations

import pytest

from error_daemon.core.policy import Policy
from error_daemon.model import Backoff, Mode, ResponseClass, State, Strategy
from tests.core.held_world import QUICK, names, world_of
from tests.core.world import Plan, World, fault, house, needs, rule


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


def test_every_brake_is_shown_outermost_first() -> None:
    world = world_of(2)
    world.pause("aa")
    world.foresee("ab", 10.0)
    kinds = [view.brake for view in world.engine.brakes(world.now)]
    assert kinds == ["pause", "global breaker", "throttle", "target breaker"]


def test_a_root_that_only_waits_is_not_said_to_be_recovered() -> None:
    definitions = house(rule("web"), rule("db", mode=Mode.APPROVE), targets=(needs("web", "db"), needs("db")))
    world = World(definitions)
    db, web = world.report(fault("db")), world.report(fault("web"))
    assert world.view(web).reason == f"waits for db, on which web depends ({db} waits for approval)"
    world.approve(db)
    assert world.view(web).reason == f"waits for db, on which web depends ({db} is being recovered)"
    world.run(5.0)
    world.quiet()


def test_those_that_are_let_go_one_at_a_time_wait_for_each_other_and_not_for_what_is_over() -> None:
    """Their brake has told each of them a time that is in the past now."""
    world = world_of(1)
    world.plan = lambda _: Plan(takes_s=5.0)
    [target] = names(1)
    world.foresee(target, 20.0)
    first, second, third = (world.report(fault(target, message)) for message in ("one", "two", "three"))
    until = world.view(third).parked_until
    assert until > world.now
    world.run(until - world.now + 1.0)
    assert world.state(first) is State.ATTEMPTING
    views = [world.view(second), world.view(third)]
    assert [(view.held_by, view.parked_until) for view in views] == [("target", 0.0), ("target breaker", 0.0)]
    assert views[1].reason == f"lets go, one at a time: waits for {target}, which {first} has"
    world.run(30.0)
    world.quiet()


def test_those_that_are_let_go_while_everything_is_held_wait_for_those_before_them() -> None:
    definitions = house(rule("a"), rule("b"), rule("db"), targets=(needs("a", "db"), needs("b", "db"), needs("db")))
    world = World(definitions)
    db = world.report(fault("db"))
    symptoms = [world.report(fault(name)) for name in "ab"]
    world.run(0.05)
    world.pause()
    world.run(5.0)
    assert world.state(db) is State.WATCHING
    views = [world.view(symptom) for symptom in symptoms]
    assert [view.held_by for view in views] == ["pause", "root"]
    assert views[1].reason == "lets go, one at a time: others have waited longer"
    world.resume()
    world.run(20.0)
    world.quiet()


@pytest.mark.parametrize("brake", ["pause", "capacity", "throttle", "global breaker", "target"])
def test_what_holds_a_ticket_has_the_name_by_which_it_is_shown(brake: str) -> None:
    """What holds the whole queue, too."""
    world = world_of(
        8, Policy(capacity=2 if brake == "capacity" else 50, throttle_per_s=2 if brake == "throttle" else 100)
    )
    world.plan = lambda order: Plan(cures=False, takes_s=0.1 if brake == "global breaker" else 60.0)
    if brake == "pause":
        world.pause()
    for name in names(8):
        world.report(fault(name))
        world.report(fault(name, "another"))
    world.run(30.0 if brake == "global breaker" else 0.0)
    errors = list(world.engine._board.with_ticket())
    held = {error.error_id: world.engine.held_by(error) for error in errors}
    assert held == {error.error_id: world.view(error.error_id).held_by for error in errors}
    assert brake in held.values()
