"""What is seen of what holds a ticket: by which brake, why, and until when."""

from __future__ import annotations

from error_daemon.model import Backoff, Mode, ResponseClass, State, Strategy
from tests.core.held_world import QUICK, world_of
from tests.core.world import Plan, World, fault, house, rule


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
