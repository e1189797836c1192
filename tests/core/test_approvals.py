"""Mode approve: what would be done is shown to a person first, and done when they have said yes."""

from __future__ import annotations

import pytest

from error_daemon.errors import Refused
from error_daemon.model import AttemptOrder, Mode, ResponseClass, State, Strategy, Verification
from tests.core.world import Plan, World, fault, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)


def world_of(*levels: int, **more: object) -> World:
    given = {"mode": Mode.APPROVE, "verification": QUICK, "approval_expires_s": 60.0}
    return World(house(rule("web", levels, **(given | more))))


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


def test_what_would_be_done_is_recorded_and_waits_for_a_person() -> None:
    world = world_of(1, 2)
    error_id = world.report(fault())
    world.run(30.0)
    assert world.started == []
    (proposed,) = world.decisions
    assert (proposed.strategy_id, proposed.level, proposed.mode) == ("fix1", 1, "approve")
    view = world.view(error_id)
    assert (view.state, view.held_by) == (State.PARKED, "approval")
    assert view.reason == "waits for a person to approve fix1 at level 1 on web"
    assert view.parked_until == proposed.at + 60.0
    assert world.engine.in_the_works() == 0, "the target is free meanwhile"


def test_approving_runs_exactly_what_was_proposed() -> None:
    for seed in range(20):
        strategies = tuple(Strategy(name, "exec") for name in "abc")
        definitions = house(
            rule("web", ladder={1: tuple("abc")}, mode=Mode.APPROVE, verification=QUICK, approval_expires_s=60.0),
            strategies=strategies,
        )
        world = World(definitions)
        world.engine._board.rng.state = seed
        error_id = world.report(fault())
        (proposed,) = world.decisions
        world.run(20.0)
        world.approve(error_id)
        world.run(0.05)  # its target is looked at first: that was long ago
        (order,) = world.started
        assert (order.strategy.id, order.attempt_id) == (proposed.strategy_id, proposed.attempt_id)
        assert world.decisions[-1].decision_id == proposed.decision_id
        assert world.decisions[-1].brakes[-1] == "approval: by ann"
        world.run(5.0)
        assert world.state(error_id) is State.WATCHING
        world.quiet()


def test_one_that_is_approved_at_once_is_begun_at_once() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    world.approve(error_id)
    assert world.levels() == [1]
    assert world.rounds == []


def test_a_target_that_has_healed_before_the_answer_is_left_alone() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    world.run(5.0)
    world.failing.clear()
    world.approve(error_id)
    world.run(5.0)
    assert world.started == []
    assert world.state(error_id) is State.WATCHING


def test_the_next_level_asks_again() -> None:
    world = world_of(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    assert world.levels() == [1]
    assert world.view(error_id).reason == "waits for a person to approve fix2 at level 2 on web"
    world.approve(error_id)
    world.run(5.0)
    assert world.levels() == [1, 2]
    assert world.state(error_id) is State.FAILED
    assert world.causes() == ["exhausted"]


def test_the_next_try_at_a_level_asks_again() -> None:
    retry = Strategy("retry", "call", max_attempts=3)
    definitions = house(
        rule(
            "web",
            ladder={1: ("retry",)},
            mode=Mode.APPROVE,
            verification=QUICK,
            response_class=ResponseClass.TRANSIENT,
        ),
        strategies=(retry,),
    )
    world = World(definitions)
    world.plan = never
    error_id = world.report(fault())
    for tries in (1, 2, 3):
        world.approve(error_id)
        world.run(30.0)
        assert len(world.started) == tries
    assert world.state(error_id) is State.FAILED


def test_what_is_denied_has_failed_and_nothing_is_done() -> None:
    world = world_of(1, 2)
    error_id = world.report(fault())
    world.deny(error_id)
    assert world.view(error_id).reason == "denied by ann"
    assert world.state(error_id) is State.FAILED
    assert [ticket.ended_as for ticket in world.tickets] == ["failed"]
    world.run(100.0)
    assert world.started == []
    assert world.escalations == [], "a person knows already"
    world.report(fault())
    world.run(520.0)
    assert world.state(error_id) is State.PARKED, "reported again, it asks again in time"
    assert world.engine.deny(error_id, "", world.now).answer.by == "a person"
    assert world.view(error_id).reason == "denied by a person"


def test_where_nobody_answers_nothing_is_done_and_people_are_told() -> None:
    world = world_of(1, 2)
    error_id = world.report(fault())
    world.run(59.9)
    assert world.state(error_id) is State.PARKED
    world.run(0.2)
    assert world.state(error_id) is State.FAILED
    assert world.view(error_id).reason == "nobody answered within 60 s whether to act"
    assert world.causes() == ["unrecovered", "unanswered"]
    assert world.started == []
    world.quiet()


def test_there_is_no_answer_where_nothing_was_asked() -> None:
    world = World(house(rule("web")))
    error_id = world.report(fault())
    for answer in (world.engine.approve, world.engine.deny):
        with pytest.raises(Refused, match="nothing of it waits for an approval"):
            answer(error_id, "ann", world.now)
    asked = world_of(1)
    error_id = asked.report(fault())
    asked.pause()
    asked.approve(error_id)
    asked.flush(error_id)
    with pytest.raises(Refused):
        asked.deny(error_id)


def test_an_approval_holds_while_a_brake_does() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    world.pause()
    world.engine.approve(error_id, "", world.now)
    world.run(100.0)
    assert world.started == []
    assert world.view(error_id).held_by == "pause"
    world._approved.add(world.decisions[0].attempt_id)
    world.resume()
    world.run(5.0)
    assert world.levels() == [1], "it does not expire once it was given"
    assert world.decisions[-1].brakes[-1] == "approval: by a person"


def test_what_waits_when_the_daemon_is_started_again_still_waits() -> None:
    world = world_of(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    assert world.view(error_id).held_by == "approval"
    world.crash()
    world.run(1.0)
    assert world.view(error_id).reason == "waits for a person to approve fix2 at level 2 on web"
    assert len({decision.decision_id for decision in world.decisions}) == 2
    world.plan = lambda order: Plan()
    world.approve(error_id)
    world.run(5.0)
    assert world.levels() == [1, 2]
    world.quiet()


def test_a_ladder_that_is_reset_while_it_waits_asks_for_the_first_level() -> None:
    world = world_of(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    assert "fix2 at level 2" in world.view(error_id).reason
    world.reset_ladder(error_id)
    world.run(1.0)
    view = world.view(error_id)
    assert (view.held_by, view.reason) == ("approval", "waits for a person to approve fix1 at level 1 on web")
    world.approve(error_id)
    world.run(5.0)
    assert world.levels() == [1, 1]


def test_an_approval_is_not_taken_for_another_decision_after_a_reset() -> None:
    world = world_of(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.approve(error_id)
    world.run(5.0)
    world.pause()
    world.approve(error_id)
    world.reset_ladder(error_id)
    world._approved.clear()
    world.resume()
    world.run(5.0)
    assert world.levels() == [1], "what was approved was another level"
    assert world.view(error_id).held_by == "approval"


def test_a_decision_that_follows_a_reset_has_a_name_of_its_own() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    world.reset_ladder(error_id)
    world.run(1.0)
    assert len({decision.decision_id for decision in world.decisions}) == len(world.decisions)


def test_an_isolation_asks_too() -> None:
    isolate = Strategy("isolate", "exec")
    world = World(
        house(rule("web", (1,), mode=Mode.APPROVE, isolate="isolate", verification=QUICK), strategies=(isolate,))
    )
    world.plan = lambda order: Plan(cures=order.level == 1)
    error_id = world.report(fault())
    assert world.view(error_id).reason == "waits for a person to approve isolate at level 0 on web"
    world.approve(error_id)
    world.run(5.0)
    world.approve(error_id)
    world.run(5.0)
    assert world.levels() == [0, 1]


def test_one_yes_is_enough_for_all_that_ask_for_the_same() -> None:
    """Else a person would be asked a thousand times about a target that is well, and a thousand errors would fail in the end."""
    world = World(house(rule("web.*", target="web", mode=Mode.APPROVE)))
    ids = [world.report(fault(f"web{number}")) for number in range(3)]
    world.run(0.5)
    world.approve(ids[0])
    world.run(1.0)
    assert {world.state(error_id) for error_id in ids} == {State.WATCHING}
    assert len(world.started) == 1
    assert world.engine.approvals(10) == ([], 0)


def test_a_fault_that_came_after_the_look_is_still_asked_about() -> None:
    world = World(house(rule("web.*", target="web", mode=Mode.APPROVE)))
    first, second = world.report(fault("web1")), world.report(fault("web2"))
    world.approve(first)
    world.run(0.101)
    world.report(fault("web2"), breaks=False)  # while the probes are asked
    world.run(1.0)
    assert (world.state(first), world.state(second)) == (State.WATCHING, State.PARKED)
