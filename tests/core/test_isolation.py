"""What may spread is isolated before its ladder is climbed: once."""

from __future__ import annotations

import pytest

from error_daemon.core import effects as fx
from error_daemon.model import (
    ISOLATION,
    AttemptOrder,
    OutcomeKind,
    ResponseClass,
    State,
    Strategy,
    Verdict,
    Verification,
)
from tests.core.world import Plan, World, fault, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
ISOLATE = Strategy("isolate", "exec")


def world_of(*levels: int, **more: object) -> World:
    given = {"isolate": "isolate", "verification": QUICK, "response_class": ResponseClass.CASCADING}
    return World(house(rule("web", levels, **(given | more)), strategies=(ISOLATE,)))


def climbs(order: AttemptOrder) -> Plan:
    return Plan(cures=order.level >= 2)


@pytest.mark.parametrize("kind", list(OutcomeKind))
def test_it_is_run_once_however_it_ends_and_then_the_ladder_is_climbed(kind: OutcomeKind) -> None:
    world = world_of(1, 2)

    def plan(order: AttemptOrder) -> Plan:
        return Plan(kind, cures=False) if order.level == ISOLATION else climbs(order)

    world.plan = plan
    error_id = world.report(fault())
    world.run(20.0)
    assert world.levels() == [0, 1, 2]
    assert world.state(error_id) is State.WATCHING
    assert world.decisions[0].reason == "what may spread is isolated before its ladder is climbed"
    (ticket,) = world.tickets
    assert (ticket.entry_level, ticket.last_level, ticket.attempts) == (1, 2, 3)


def test_it_is_not_repeated_for_a_transient_fault() -> None:
    retry = Strategy("retry", "call", max_attempts=3)
    definitions = house(
        rule(ladder={1: ("retry",)}, isolate="isolate", verification=QUICK, response_class=ResponseClass.TRANSIENT),
        strategies=(retry, Strategy("isolate", "exec", max_attempts=5)),
    )
    world = World(definitions)
    world.plan = lambda order: Plan(cures=False)
    world.report(fault())
    world.run(60.0)
    assert world.levels() == [0, 1, 1, 1]


def test_a_target_that_is_well_by_then_needs_no_ladder() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    world.run(5.0)
    assert world.levels() == [0]
    assert world.state(error_id) is State.WATCHING


def test_a_target_of_which_nothing_can_be_seen_after_it_is_recovered_all_the_same() -> None:
    world = world_of(1)
    world.plan = lambda order: Plan(cures=False)
    error_id = world.report(fault())
    world.failing["web"] = None
    world.run(5.0)
    assert world.levels() == [0, 1]
    world.run(10.0)
    assert world.state(error_id) is State.FAILED
    assert world.records[world.started[0].attempt_id].verdict is Verdict.UNKNOWN


def test_nothing_is_learned_from_it_and_no_breaker_counts_it() -> None:
    world = world_of(1)
    world.plan = lambda order: Plan(cures=False)
    world.report(fault())
    world.run(0.7)
    assert world.levels() == [0, 1]
    assert not any(isinstance(effect, fx.SaveScore) for effect in world.log)
    (breaker,) = [view for view in world.engine.brakes(world.now) if view.brake == "global breaker"]
    assert breaker.figures["verdicts"] == 0.0


def test_one_that_was_cut_off_by_a_crash_is_run_again() -> None:
    world = world_of(1, 2)
    world.plan = climbs
    world.report(fault())
    world.run(0.05)
    world.crash()
    world.run(20.0)
    assert world.levels() == [0, 0, 1, 2]
    world.quiet()


def test_one_that_kills_the_daemon_is_not_repeated_for_ever() -> None:
    world = world_of(1, 2)
    world.plan = climbs
    world.report(fault())
    for _ in range(10):
        world.run(0.05)
        if world.running and world.levels()[-1] == ISOLATION:
            world.crash()
    world.run(20.0)
    assert world.levels() == [0, 0, 0, 0, 1, 2]


@pytest.mark.parametrize("after", [1, 2])
def test_one_that_was_done_before_a_crash_is_not_run_again(after: int) -> None:
    world = world_of(1, 2, 3)
    world.plan = lambda order: Plan(cures=order.level == 3)
    world.report(fault())
    while world.levels()[-1] < after:
        world.run(0.01)
    world.crash()
    world.run(20.0)
    assert world.levels().count(ISOLATION) == 1
    assert world.levels()[-1] == 3
    world.quiet()


def test_one_that_was_done_before_a_crash_in_between_is_not_run_again() -> None:
    world = world_of(1, 2)
    world.plan = climbs
    world.report(fault())
    world.run(0.05)
    world.pause()
    world.run(1.0)
    assert world.levels() == [0]
    world.crash()
    world.run(20.0)
    assert world.levels() == [0, 1, 2]
    world.quiet()


def test_the_next_ticket_isolates_again() -> None:
    world = world_of(1, 2)
    world.report(fault())
    world.run(400.0)
    world.report(fault())
    world.run(1.0)
    assert world.levels() == [0, 0]
