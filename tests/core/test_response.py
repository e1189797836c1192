"""What people are promised of each response class, and who is told when it is not kept."""

from __future__ import annotations

import pytest

from error_daemon.core import effects as fx
from error_daemon.core.policy import Policy
from error_daemon.model import (
    AttemptOrder,
    Backoff,
    Mode,
    ResponseClass,
    Severity,
    State,
    Strategy,
    Verification,
)
from tests.core.world import Plan, World, fault, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)


def world_of(*levels: int, strategies: tuple[Strategy, ...] = (), **more: object) -> World:
    return World(house(rule("web", levels, **({"verification": QUICK} | more)), strategies=strategies))


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


def test_a_critical_error_of_which_nothing_is_begun_in_time_is_told_with_the_reason() -> None:
    world = world_of(1)
    world.pause("web")
    world.report(fault(severity=Severity.CRITICAL))
    world.run(0.09)
    assert world.escalations == []
    world.run(0.02)
    (told,) = world.escalations
    assert (told.cause, told.response_class) == ("not_started", ResponseClass.CRITICAL)
    assert told.text.startswith("critical, and nothing begun after 0.1 s: recoveries of web are paused by ann")
    assert told.at == pytest.approx(1000.1)
    world.run(100.0)
    assert world.causes() == ["not_started"]


def test_one_that_becomes_critical_while_it_waits_is_promised_a_start_from_then_on() -> None:
    world = world_of(1)
    world.pause("web")
    world.report(fault())
    world.run(10.0)
    world.report(fault(severity=Severity.HIGH))
    world.report(fault(severity=Severity.CRITICAL))
    world.run(0.2)
    (told,) = (one for one in world.escalations if one.cause == "not_started")
    assert told.at == pytest.approx(1010.1)


def test_what_holds_the_whole_queue_is_told_too() -> None:
    world = world_of(1)
    world.pause()
    world.report(fault(severity=Severity.CRITICAL))
    world.run(1.0)
    (told,) = world.escalations
    assert "everything is paused by ann" in told.text
    assert told.diagnostics["ticket"]["held_by"] == "pause"


def test_one_that_is_begun_in_time_is_told_to_nobody() -> None:
    world = world_of(1)
    world.report(fault(severity=Severity.CRITICAL))
    world.run(100.0)
    assert world.escalations == []
    assert world.tickets[0].responded_at == world.tickets[0].opened_at
    assert world.tickets[0].escalated_at == 0.0


def test_what_may_spread_is_isolated_within_a_second_or_told() -> None:
    isolate = Strategy("isolate", "exec")
    given = {"isolate": "isolate", "response_class": ResponseClass.CASCADING}
    quick, slow = (world_of(1, strategies=(isolate,), **given) for _ in range(2))
    quick.plan = lambda order: Plan(takes_s=0.1, cures=False)
    slow.plan = lambda order: Plan(takes_s=2.0, cures=False)
    for world in (quick, slow):
        world.report(fault())
        world.run(1.2)
    assert quick.causes() == []
    assert slow.causes() == ["not_isolated"]
    assert slow.escalations[0].text.startswith("may spread, and is not isolated after 1 s")


def test_without_a_strategy_to_isolate_the_first_attempt_counts() -> None:
    world = world_of(1, response_class=ResponseClass.CASCADING)
    world.report(fault())
    world.run(1.5)
    assert world.causes() == []
    held = world_of(1, response_class=ResponseClass.CASCADING)
    held.pause()
    held.report(fault())
    held.run(1.5)
    assert held.causes() == ["not_isolated"]


def test_a_permanent_error_that_is_not_recovered_in_time_is_told_with_everything_that_is_known() -> None:
    slow = Strategy("slow", "exec")
    world = world_of(strategies=(slow,), ladder={1: ("fix1",), 2: ("slow",)})
    world.plan = lambda order: Plan(takes_s=100.0 if order.level == 2 else 0.1, cures=False)
    error_id = world.report(
        fault(exception_type="KeyError", exception_message="x", frames=("a:b",), attributes={"tenant": "acme"})
    )
    world.run(29.9)
    assert world.escalations == []
    world.run(0.2)
    (told,) = world.escalations
    assert told.cause == "unrecovered"
    assert told.text == "not recovered after 30 s: slow at level 2"
    assert told.error_id == error_id
    known = told.diagnostics
    assert known["fault"]["exception"] == "KeyError: x"
    assert known["fault"]["frames"] == ["a:b"]
    assert known["fault"]["attributes"] == {"tenant": "acme"}
    assert [step["strategy"] for step in known["ticket"]["history"]] == ["fix1"]
    assert [reading["value"] for reading in known["readings"]] == ["not_ok", "not_ok"]
    assert known["count"] == 1
    assert len(known["brakes"]) == 8


def test_one_that_is_recovered_in_time_is_told_to_nobody() -> None:
    world = world_of(1)
    world.report(fault())
    world.run(100.0)
    assert world.escalations == []


def test_a_transient_error_that_goes_on_is_told_when_its_ladder_is_exhausted_only() -> None:
    retry = Strategy("retry", "call", max_attempts=5, backoff=Backoff(20.0, 1.0, 20.0))
    world = world_of(strategies=(retry,), ladder={1: ("retry",)}, response_class=ResponseClass.TRANSIENT)
    world.plan = never
    error_id = world.report(fault())
    world.run(200.0)
    assert world.state(error_id) is State.FAILED
    assert world.causes() == ["exhausted"]
    assert world.escalations[0].text == world.view(error_id).reason
    assert world.tickets[0].escalated_at == world.escalations[0].at


def test_each_cause_is_told_once_a_ticket() -> None:
    world = world_of(1, 2, response_class=None)
    world.plan = lambda order: Plan(takes_s=40.0, cures=False)
    world.pause(for_s=5.0)
    world.report(fault(severity=Severity.CRITICAL))
    world.run(200.0)
    assert world.causes() == ["not_started", "exhausted"]
    assert world.tickets[0].escalated_at == world.escalations[0].at, "when people were told first"


def test_nothing_can_be_seen_is_told() -> None:
    world = world_of(1)
    world.plan = never
    world.report(fault())
    world.failing["web"] = None
    world.run(10.0)
    assert world.causes() == ["blind"]


def test_an_error_that_came_back_too_often_is_told() -> None:
    world = world_of(1)
    for _ in range(6):
        world.report(fault())
        world.run(10.0)
    assert world.causes() == ["exhausted"]


def test_a_deadline_ends_with_its_ticket() -> None:
    world = world_of(1)
    world.pause()
    error_id = world.report(fault(severity=Severity.CRITICAL))
    world.flush(error_id)
    world.run(100.0)
    assert world.escalations == []
    assert [ticket.ended_as for ticket in world.tickets] == ["flushed"]


def test_who_listens_hears_of_it() -> None:
    world = world_of(1)
    world.engine.listen(on=True)
    world.plan = never
    world.report(fault())
    world.run(10.0)
    notices = [effect.notice for effect in world.log if isinstance(effect, fx.Notify)]
    assert [notice.text for notice in notices if notice.kind == "escalation"] == [world.escalations[0].text]


def test_every_ticket_has_a_record_when_it_ends() -> None:
    world = World(house(rule("web"), rule("db", mode=Mode.OBSERVE)), Policy(capacity=4))
    world.pause("web")
    error_id = world.report(fault(occurred_at=999.0))
    world.report(fault("db"))
    assert world.tickets == []
    world.run(0.5)
    world.resume("web")
    world.run(5.0)
    (record,) = world.tickets
    assert (record.error_id, record.ended_as, record.target, record.rule) == (error_id, "recovered", "web", "web")
    assert (record.occurred_at, record.opened_at, record.responded_at) == (999.0, 1000.0, 1000.5)
    assert (record.planned, record.looked_first, record.attempts, record.entry_level) == (True, False, 1, 1)


# --- time in which the daemon could not act


def test_a_promise_does_not_run_on_while_the_daemon_stands_still() -> None:
    world = world_of(1, response_class=ResponseClass.PERMANENT)
    world.pause("web")
    world.report(fault())
    world.run(20.0)
    world.now += 40.0  # SIGSTOP, and everything is due at once
    world.feed(fx.StoodStill(40.0))
    assert world.causes() == []
    world.run(9.9)
    assert world.causes() == []
    world.run(0.2)
    (told,) = world.escalations
    assert told.cause == "unrecovered"
    assert told.at == pytest.approx(1070.0)


def test_a_promise_is_put_off_by_each_stall_and_comes_all_the_same() -> None:
    world = world_of(1)
    world.pause("web")
    world.report(fault(severity=Severity.CRITICAL))
    for _ in range(5):
        world.now += 2.0
        world.feed(fx.StoodStill(1.99))
    assert world.causes() == []
    world.run(1.0)
    assert world.causes() == ["not_started"]


def test_a_verification_looks_for_as_long_as_there_was_somebody_to_look() -> None:
    world = world_of(1, 2, verification=Verification(hold_s=0.0, within_s=5.0, patience_s=30.0))
    world.plan = never
    world.report(fault())
    world.run(2.0)
    world.now += 60.0
    world.feed(fx.StoodStill(60.0))
    world.run(1.0)
    assert world.levels() == [1]
    world.failing.clear()  # it comes up late, but within its time
    world.run(1.0)
    assert (world.levels(), world.causes()) == ([1], [])
