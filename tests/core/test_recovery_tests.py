"""A test of a recovery in the engine: through the brakes as any fault, without flapping, and without a lesson."""

from __future__ import annotations

import pytest

from error_daemon.core import effects as fx
from error_daemon.model import TEST, Mode, State, Verification
from tests.core.world import Plan, PowerCut, World, fault, house, rule


def learned(world: World) -> list[fx.Effect]:
    return [effect for effect in world.log if isinstance(effect, fx.SaveScore | fx.SaveTimeout)]


def passes(world: World, number: int, only: str = "") -> str:
    """The same fault again and again, settled by a person after each; its error id."""
    for _ in range(number):
        error_id = world.test(fault(), only)
        world.run(2.0)
        assert world.state(error_id) is State.WATCHING
        world.resolve(error_id)
    return error_id


def test_the_same_fault_is_recovered_again_and_again_at_the_same_level_without_waiting_for_calm() -> None:
    world = World(house(rule("web")))
    error_id = passes(world, 5)
    assert world.levels() == [1, 1, 1, 1, 1]
    assert [ticket.mode for ticket in world.tickets] == [TEST] * 5
    view = world.view(error_id)
    assert (view.relapses, view.flapping, view.state) == (0, False, State.RESOLVED)


def test_without_a_test_the_same_rhythm_is_flapping() -> None:
    world = World(house(rule("web")))
    world.test(fault())
    world.run(2.0)
    error_id = world.report(fault())
    assert world.view(error_id).held_by == "flap suppression"


def test_a_real_fault_right_after_a_pass_that_was_settled_is_recovered_at_once() -> None:
    world = World(house(rule("web")))
    passes(world, 1)
    error_id = world.report(fault())
    assert (world.view(error_id).flapping, world.view(error_id).held_by) == (False, "")
    world.run(2.0)
    assert world.levels() == [1, 1]


def test_a_test_teaches_nothing_neither_scores_nor_timeouts_nor_stability() -> None:
    world = World(house(rule("web")))
    passes(world, 3)
    world.run(1000.0)
    assert learned(world) == []
    world.report(fault(message="another one"))
    world.run(2.0)
    assert learned(world)


def test_only_the_strategy_that_is_tested_is_run_at_its_own_level() -> None:
    world = World(house(rule("web")))
    passes(world, 2, only="fix3")
    assert [(order.strategy.id, order.level) for order in world.started] == [("fix3", 3)] * 2


def test_what_keeps_it_from_spreading_is_another_strategy_and_is_not_run_then() -> None:
    one = rule("web", isolate="fix5", response_class="cascading")
    world = World(house(one))
    passes(world, 1, only="fix2")
    assert [order.strategy.id for order in world.started] == ["fix2"]


def test_a_strategy_that_does_not_help_ends_the_test_instead_of_climbing_on() -> None:
    world = World(house(rule("web")))
    world.plan = lambda order: Plan(cures=False)
    error_id = world.test(fault(), only="fix1")
    world.run(60.0)
    assert (world.state(error_id), world.levels()) == (State.FAILED, [1])


def test_one_that_no_rung_has_is_observed() -> None:
    world = World(house(rule("web")))
    error_id = world.test(fault(), only="fix5")
    assert world.state(error_id) is State.OBSERVED


def test_a_rule_that_only_observes_does_nothing_in_a_test_either() -> None:
    world = World(house(rule("web", mode=Mode.OBSERVE)))
    error_id = world.test(fault())
    assert (world.state(error_id), world.started) == (State.OBSERVED, [])


def test_a_level_that_fails_in_each_pass_opens_no_breaker_and_one_that_is_open_holds_a_test() -> None:
    world = World(house(rule("web", verification=Verification(0.0, 0.2, 2.0))))
    world.plan = lambda order: Plan(cures=order.level == 3)
    passes(world, 8)
    assert world.levels() == [1, 2, 3] * 8
    world.plan = lambda order: Plan(cures=False)
    for number in range(2):
        world.report(fault(message=f"real {'abc'[number]}"))
        world.run(3.0)
    assert world.view(world.test(fault())).held_by == "target breaker"


def test_after_a_restart_too_no_breaker_has_counted_what_was_tested() -> None:
    world = World(house(rule("web", verification=Verification(0.0, 0.2, 2.0))))
    world.plan = lambda order: Plan(cures=order.level == 3)
    passes(world, 8)
    assert [record.is_test for record in world.records.values()] == [True] * 24
    again = World(world.definitions, world.policy)
    again.engine.restore_attempts(world.records.values(), world.now)
    brakes = {view.brake: view for view in again.engine.brakes(world.now)}
    assert "target breaker" not in brakes
    assert brakes["global breaker"].figures["verdicts"] == 0.0


@pytest.mark.parametrize("target", ["", "web"])
def test_a_pause_holds_a_test_as_it_holds_everything(target: str) -> None:
    world = World(house(rule("web")))
    world.pause(target)
    error_id = world.test(fault())
    assert world.view(error_id).held_by == "pause"
    assert world.started == []


def test_who_is_busy_with_a_target_is_told_until_the_last_has_ended_or_is_parked() -> None:
    world = World(house(rule("web")))
    error_id = world.test(fault())
    assert world.engine.busy_with("web") == [error_id]
    world.run(2.0)
    assert world.engine.busy_with("web") == []
    flapping = world.report(fault())
    assert (world.state(flapping), world.engine.busy_with("web")) == (State.PARKED, [])


def test_a_test_of_one_strategy_that_waits_is_of_that_one_by_other_definitions_too() -> None:
    world = World(house(rule("web", isolate="fix5")))
    world.pause("web")
    error_id = world.test(fault(), only="fix3")
    world.redefine(house(rule("web", isolate="fix5", stability_window_s=9.0)))
    world.resume("web")
    world.run(5.0)
    assert [(order.strategy.id, order.level) for order in world.started] == [("fix3", 3)]
    assert [(ticket.mode, ticket.error_id) for ticket in world.tickets] == [(TEST, error_id)]


def test_a_test_that_the_daemon_died_of_is_still_one_when_it_is_back_and_looks_first() -> None:
    world = World(house(rule("web")))
    world.fuse = 1
    with pytest.raises(PowerCut):
        world.test(fault(), only="fix3")
    world.crash()
    world.run(5.0)
    assert world.rounds
    assert [(order.strategy.id, order.level) for order in world.started] == [("fix3", 3)]
    assert [ticket.mode for ticket in world.tickets] == [TEST]
    assert learned(world) == []


def test_one_strategy_that_does_not_help_ends_the_test_after_a_restart_too() -> None:
    world = World(house(rule("web", verification=Verification(0.0, 0.2, 2.0))))
    world.plan = lambda order: Plan(cures=False)
    error_id = world.test(fault(), only="fix1")
    world.crash()
    world.run(60.0)
    assert (world.state(error_id), set(world.levels())) == (State.FAILED, {1})
