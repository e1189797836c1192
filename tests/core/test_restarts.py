"""`kill -9` at every point, and what is known after it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.core import effects as fx
from error_daemon.core.engine import Engine
from error_daemon.core.policy import Policy
from error_daemon.model import (
    Mode,
    Priority,
    Progress,
    ResponseClass,
    SlotRef,
    SlotState,
    State,
    Strategy,
    Verification,
)
from tests.core.world import Kept, Plan, PowerCut, World, fault, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
WEB = rule("web", (1, 2, 3), verification=QUICK)


def restarted(state: SlotState, recorded: State | None, *, ring_count: int = 1, well: bool = True) -> tuple[World, str]:
    """A world that starts with one slot of one fault in `state`, and with its error recorded as `recorded`, if it is."""
    world = World(house(WEB))
    error_id = world.report(fault(), breaks=False)
    slot = world.engine.slot(error_id)
    assert slot is not None
    world.started.clear()
    world.ring[slot].count = world.kept[error_id] = ring_count
    world.ring[slot].progress = Progress(state, 2, 1, 1)
    if recorded:
        now = world.now
        view = replace(world.view(error_id), state=recorded, slot_count=1, recovered_at=now, ended_at=now)
        world.committed[error_id] = view
    world.failing["web"] = frozenset() if well else frozenset({"port"})
    world.crash()
    return world, error_id


OLD = (State.WATCHING, State.RESOLVED, State.FAILED, State.OBSERVED, State.FLUSHED)


@pytest.mark.parametrize("state", [SlotState.OPEN, SlotState.RUNNING])
@pytest.mark.parametrize("recorded", [None, State.QUEUED, State.ATTEMPTING, *OLD])
def test_an_open_ticket_is_looked_at_first_and_nothing_is_done_to_a_target_that_is_well(
    state: SlotState, recorded: State | None
) -> None:
    world, error_id = restarted(state, recorded)
    assert world.engine.tickets_open() == 1
    world.run(10.0)
    assert world.started == []
    assert world.state(error_id) is State.WATCHING
    world.quiet()


@pytest.mark.parametrize("state", [SlotState.OPEN, SlotState.RUNNING])
@pytest.mark.parametrize("recorded", [None, State.QUEUED])
def test_an_open_ticket_goes_on_from_the_level_it_had_reached(state: SlotState, recorded: State | None) -> None:
    world, _ = restarted(state, recorded, well=False)
    assert world.started == []
    world.run(5.0)
    level = 3 if state is SlotState.RUNNING else 2  # what was running there did not help, or was what killed the daemon
    assert [(order.level, order.attempt_id[-1]) for order in world.started] == [(level, "2")]
    world.quiet()


@pytest.mark.parametrize(("at_level", "expected"), [(1, [(1, 2), (1, 3), (2, 4)]), (3, [])])
def test_an_attempt_that_was_cut_off_counts_as_one_of_those_a_transient_fault_has(
    at_level: int, expected: list[tuple[int, int]]
) -> None:
    patient = replace(
        house(rule("web", (1, 2, 3), verification=QUICK, response_class=ResponseClass.TRANSIENT)),
        strategies={f"fix{n}": Strategy(f"fix{n}", "exec", max_attempts=3) for n in (1, 2, 3)},
    )
    world = World(patient)
    world.plan = lambda _order: Plan(cures=False)
    error_id = world.report(fault(), breaks=False)
    slot = world.engine.slot(error_id)
    assert slot is not None
    world.started.clear()
    world.ring[slot].progress = Progress(
        SlotState.RUNNING, at_level, 1 if at_level == 1 else 9, 1 if at_level == 1 else 3
    )
    world.failing["web"] = frozenset({"port"})
    world.crash()
    world.run(60.0)
    tried = [(order.level, int(order.attempt_id.rpartition("-")[2])) for order in world.started]
    assert tried[: len(expected)] == expected
    assert world.state(error_id) is State.FAILED
    world.quiet()


@pytest.mark.parametrize("recorded", OLD)
def test_a_slot_whose_end_is_recorded_is_released_at_once(recorded: State) -> None:
    world, error_id = restarted(SlotState.ENDED, recorded)
    assert world.ring == {}
    assert world.state(error_id) is recorded
    assert world.engine.tickets_open() == 0


@pytest.mark.parametrize("recorded", [None, *OLD])
def test_a_slot_whose_end_is_not_wholly_recorded_is_looked_at(recorded: State | None) -> None:
    world, error_id = restarted(SlotState.ENDED, recorded, ring_count=3)
    assert world.view(error_id).count == 3
    assert world.engine.tickets_open() == 1
    world.run(10.0)
    assert world.started == []
    world.quiet()


@pytest.mark.parametrize("recorded", [State.QUEUED, State.PARKED, State.PROBING, State.ATTEMPTING, State.VERIFYING])
def test_an_error_whose_ticket_is_not_in_the_ring_says_so(recorded: State) -> None:
    world = World(house(WEB))
    error_id = world.report(fault())
    world.committed[error_id] = replace(world.view(error_id), state=recorded)
    world.ring.clear()
    world.crash()
    assert world.state(error_id) is State.FLUSHED
    assert "not in the ring" in world.view(error_id).reason


def test_a_level_that_is_gone_from_the_ladder_is_entered_anew() -> None:
    world, _ = restarted(SlotState.OPEN, None, well=False)
    world.definitions = house(rule("web", (3,), verification=QUICK))
    world.crash()
    world.run(5.0)
    assert [order.level for order in world.started] == [3]


def test_an_attempt_that_healed_unheard_is_what_a_relapse_goes_above() -> None:
    world, _ = restarted(SlotState.RUNNING, State.WATCHING)
    world.run(20.0)
    world.report(fault())
    assert [order.level for order in world.started] == [3]


def test_a_relapse_keeps_its_level_through_a_crash() -> None:
    world = World(house(WEB, rule("db")), Policy(capacity=1))
    world.report(fault())
    world.run(10.0)
    world.report(fault("db"))
    error_id = world.report(fault())
    assert world.state(error_id) is State.QUEUED
    world.crash()
    world.run(5.0)
    assert [order.level for order in world.started if order.target.id == "web"] == [1, 2]


def test_a_watched_error_is_watched_to_the_end_of_its_window() -> None:
    world = World(house(WEB))
    error_id = world.report(fault())
    world.run(10.0)
    world.crash()
    assert world.state(error_id) is State.WATCHING
    world.run(200.0)
    assert world.state(error_id) is State.WATCHING
    world.run(100.0)
    assert world.state(error_id) is State.RESOLVED


def test_a_watched_error_without_a_rule_is_resolved() -> None:
    world = World(house(WEB))
    error_id = world.report(fault())
    world.run(10.0)
    world.definitions = house()
    world.crash()
    assert world.state(error_id) is State.RESOLVED


def test_a_rule_that_may_not_act_any_more_ends_the_ticket_after_a_restart() -> None:
    world = World(house(WEB))
    error_id = world.report(fault())
    world.definitions = house(replace(WEB, mode=Mode.OBSERVE))
    world.crash()
    assert world.state(error_id) is State.OBSERVED
    world.quiet()


def test_a_clock_that_was_set_back_keeps_nobody_waiting() -> None:
    world = World(house(WEB))
    error_id = world.report(fault())
    world.run(10.0)
    world.crash(after_s=-900.0)
    world.run(5.0)
    world.report(fault())
    world.run(5.0)
    assert [order.level for order in world.started] == [1, 2]
    assert world.view(error_id).recovered_at <= world.now


def test_a_timer_that_was_due_while_the_daemon_was_away_does_not_undo_the_account_of_a_slot() -> None:
    world = World(house(WEB))
    error_id = world.report(fault())
    world.run(10.0)
    world.commit_s = None
    world.report(fault(occurred_at=1000.0), breaks=False)
    world.commit()  # committed, but the daemon ends before it hears of it
    world.report(fault(occurred_at=1000.0), breaks=False)
    world.crash(after_s=1000.0)
    assert world.view(error_id).count == 3
    world.crash()
    assert world.view(error_id).count == 3
    world.quiet()


def test_two_slots_of_one_error_are_one_recovery_and_both_stay_until_it_is_recorded() -> None:
    world, error_id = restarted(SlotState.OPEN, None, well=False)
    (kept,) = world.ring.values()
    world.ring[SlotRef(Priority.LOW, 7, 7777)] = Kept(kept.fingerprint, kept.fault, 5)
    world.kept[error_id] += 5
    world.crash()
    assert world.engine.tickets_open() == 1
    world.commit_s = None
    world.run(10.0)
    assert len(world.started) == 1
    assert len(world.ring) == 2
    world.commit()
    assert world.ring == {}
    assert world.committed[error_id].count == 6


def test_a_doubt_outlives_a_second_crash_and_a_purge() -> None:
    world = World(house(WEB))
    first = world.report(fault(message="a"))
    world.crash()
    world.crash()
    world.flush(first)
    second = world.report(fault(message="b"))
    assert world.state(second) is State.PROBING, "what the lost attempt has left behind is looked at"


def test_an_error_that_had_been_dropped_takes_its_record_up_again() -> None:
    world = World(house(WEB, rule("seen", mode=Mode.OBSERVE)), Policy(known_errors=1))
    error_id = world.report(fault(count=4))
    view = replace(world.view(error_id), state=State.RESOLVED, count=9, slot_count=1)
    (slot, kept), engine = next(iter(world.ring.items())), Engine(world.definitions, world.policy)
    classified = engine.classify(kept.fault)
    engine.feed(fx.FaultRestored(kept.fault, kept.fingerprint, slot, classified, 4, Progress(), view), world.now)
    assert engine.view(error_id).count == 12


def test_one_that_is_to_be_tried_again_is_not_dropped_after_a_restart() -> None:
    world = World(house(rule(levels=(1,), verification=QUICK), rule("seen", mode=Mode.OBSERVE)), Policy(known_errors=1))
    world.plan = lambda order: Plan(cures=False)
    error_id = world.report(fault())
    world.run(60.0)
    world.report(fault())
    world.run(1.0)
    assert (world.state(error_id), len(world.ring)) == (State.FAILED, 1)
    world.crash()
    world.report(fault("seen"))
    world.run(world.policy.retry_failed_after_s)
    assert {order.error_id for order in world.started[1:]} == {error_id}, "it is tried again in time"


def test_the_newest_fault_is_saved_again_where_its_record_may_not_have_been() -> None:
    world = World(house(WEB))
    world.fuse = 1
    with pytest.raises(PowerCut):
        world.report(fault())
    assert world.log == []
    world.crash()
    assert any(isinstance(effect, fx.SaveFault) for effect in world.log)


rules = (WEB, rule("seen", mode=Mode.OBSERVE), rule("db", (1, 2), verification=QUICK, stability_window_s=2.0))
deeds = st.one_of(
    st.tuples(st.just("report"), st.sampled_from(("web", "db", "seen", "nobody")), st.integers(1, 5)),
    st.tuples(st.just("run"), st.sampled_from((0.01, 0.15, 1.0, 8.0)), st.just(0)),
    st.tuples(st.just("flush"), st.just(""), st.just(0)),
)


@settings(max_examples=120, deadline=None)
@given(st.lists(deeds, max_size=25), st.lists(st.integers(1, 60), min_size=1, max_size=4))
def test_no_kept_count_is_lost_or_doubled_by_a_crash_at_any_point(
    several: list[tuple[str, str | float, int]], fuses: list[int]
) -> None:
    world = World(house(*rules))
    world.plan = lambda order: Plan(cures=len(world.started) % 3 > 0)
    left = list(fuses)
    for deed, what, count in several:
        if world.fuse is None and left:
            world.fuse = left.pop()
        try:
            _do(world, deed, what, count)
        except PowerCut:
            world.crash()  # checks every count
    world.quiet()
    assert {error_id: view.count for error_id, view in world.committed.items()} == dict(world.kept)


def _do(world: World, deed: str, what: str | float, count: int) -> None:
    if isinstance(what, float):
        world.run(what)
    elif deed == "flush":
        world.flush()
    else:
        world.report(fault(what, count=count))


def test_what_recovered_right_before_a_crash_and_comes_back_goes_on_above_its_level() -> None:
    world = World(house(rule("web", (1, 3, 4), stability_window_s=600.0)))
    world.plan = lambda order: Plan(cures=order.level == 3)
    world.commit_s = None
    error_id = world.report(fault())
    world.run(10.0)
    assert world.state(error_id) is State.WATCHING
    world.crash()
    world.commit_s = 0.1
    world.run(20.0)
    assert (world.state(error_id), world.view(error_id).level) == (State.WATCHING, 3)
    world.report(fault())
    world.run(5.0)
    assert world.levels()[-1] == 4
