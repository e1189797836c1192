"""The first look after an attempt, begun by the worker that ran it: no order goes out for it, and it counts as any other."""

from __future__ import annotations

import pytest

from error_daemon.core import effects as fx
from error_daemon.model import AttemptOrder, Outcome, OutcomeKind, ReadingValue, State, Verdict, Verification
from tests.core.world import Plan, World, fault, house, rule

ALONG_S = (0.0, 0.05)  # with the word of the attempt's end, and after it


def _world(along_s: float | None) -> World:
    world = World(house(rule(levels=(1, 2))))
    world.along_s = along_s
    return world


def _ordered(world: World) -> int:
    """Looks that were ordered by themselves."""
    return sum(isinstance(effect, fx.StartProbes) for effect in world.log)


@pytest.mark.parametrize("along_s", ALONG_S)
def test_what_is_seen_along_with_an_attempt_recovers_without_an_order_to_look(along_s: float) -> None:
    world = _world(along_s)
    error_id = world.report(fault())
    world.run(1.0)
    assert world.state(error_id) is State.WATCHING
    (record,) = world.records.values()
    assert (record.verdict, record.success, len(record.readings)) == (Verdict.RECOVERED, True, 2)
    assert (len(world.rounds), _ordered(world)) == (1, 0)


def test_while_the_look_goes_on_the_error_is_being_verified() -> None:
    world = _world(0.05)
    error_id = world.report(fault())
    world.run(0.12)
    assert (world.state(error_id), world.records) == (State.VERIFYING, {})


@pytest.mark.parametrize("along_s", ALONG_S)
def test_a_target_that_is_still_failing_is_looked_at_again_by_an_order(along_s: float) -> None:
    world = _world(along_s)
    world.plan = lambda order: Plan(cures=order.level == 2)
    error_id = world.report(fault())
    world.run(30.0)
    assert world.levels() == [1, 2]
    assert [record.verdict for record in world.records.values()] == [Verdict.PERSISTING, Verdict.RECOVERED]
    assert world.state(error_id) is State.WATCHING
    assert _ordered(world) == len(world.rounds) - 2 > 0


def test_a_fault_that_comes_while_the_look_goes_on_has_it_repeated() -> None:
    world = _world(0.05)
    error_id = world.report(fault())
    world.run(0.12)
    world.report(fault(), breaks=False)
    world.run(1.0)
    assert (world.state(error_id), world.levels()) == (State.WATCHING, [1])
    assert (len(world.rounds), _ordered(world)) == (2, 1)


def test_a_fault_that_came_before_the_word_of_the_look_did_has_it_repeated() -> None:
    world = _world(None)
    world.plan = lambda order: Plan(takes_s=1000.0)
    error_id = world.report(fault())
    (order,) = world.started
    world.run(0.5)
    looked_at = world.now
    world.run(0.001)
    world.report(fault(), breaks=False)
    world.failing.clear()
    del world.running[order.attempt_id]
    assert order.look is not None
    seen = world.readings(order.look)
    world.feed(fx.AttemptEnded(Outcome(order.attempt_id, OutcomeKind.COMPLETED, looked_at=looked_at, readings=seen)))
    assert (world.state(error_id), _ordered(world)) == (State.VERIFYING, 1)
    world.run(1.0)
    assert world.state(error_id) is State.WATCHING


def test_a_standstill_in_the_midst_of_a_look_takes_nothing_of_the_time_to_recover() -> None:
    """The worker begins the look, the daemon is stopped, and hears of both when it goes on: first that it stood still."""
    world = World(house(rule(levels=(1, 2), verification=Verification(hold_s=0.0, within_s=5.0, patience_s=30.0))))
    world.plan = lambda order: Plan(takes_s=1000.0)
    error_id = world.report(fault())
    (order,) = world.started
    world.run(0.5)
    looked_at = world.now
    world.now += 60.0
    world.feed(fx.StoodStill(60.0))
    del world.running[order.attempt_id]
    assert order.look is not None
    seen = world.readings(order.look)
    world.feed(fx.AttemptEnded(Outcome(order.attempt_id, OutcomeKind.COMPLETED, looked_at=looked_at, readings=seen)))
    world.run(1.0)
    world.failing.clear()  # it comes up late, but within its time
    world.run(1.0)
    assert (world.levels(), world.state(error_id)) == ([1], State.WATCHING)


@pytest.mark.parametrize("along_s", ALONG_S)
def test_a_lost_attempt_is_looked_at_by_an_order(along_s: float) -> None:
    world = _world(along_s)
    world.plan = lambda order: Plan(OutcomeKind.LOST)
    error_id = world.report(fault())
    world.run(0.2)
    assert _ordered(world) > 0
    assert world.state(error_id) is State.WATCHING


def test_what_the_last_look_has_seen_is_known_while_there_is_a_ticket() -> None:
    world = _world(0.0)
    seen: list[list[ReadingValue]] = []

    def plan(order: AttemptOrder) -> Plan:
        seen.append([reading.value for reading in world.engine.last_readings(order.error_id)])
        return Plan(cures=order.level == 2)

    world.plan = plan
    error_id = world.report(fault())
    world.run(30.0)
    assert seen == [[], [ReadingValue.NOT_OK] * 2]
    assert world.engine.last_readings(error_id) == world.engine.last_readings("another") == ()
