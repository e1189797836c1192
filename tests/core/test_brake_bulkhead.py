"""Bulkheads: shares of what may run at once, against a model that counts who is inside and who waits."""

from __future__ import annotations

from dataclasses import replace
from re import compile as pattern

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from error_daemon.core.brakes.bulkhead import Bulkheads
from error_daemon.core.classify import Classifier
from error_daemon.core.fingerprint import fingerprint
from error_daemon.core.graph import Graph
from error_daemon.core.mandate import Mandate
from error_daemon.core.policy import Policy
from error_daemon.core.rules import Rules
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import (
    AttemptOrder,
    Backoff,
    Bulkhead,
    Priority,
    ResponseClass,
    Severity,
    State,
    Strategy,
    Target,
    Verification,
)
from tests.core.world import Plan, World, fault, house
from tests.core.world import rule as a_rule

RULE = a_rule()
QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
GRAPH = Graph({})


def of(number: int, tenant: str = "", severity: Severity | None = None, level: int = 1) -> tuple[Error, Ticket]:
    one = fault(message=f"{tenant}{chr(97 + number)}", severity=severity, attributes={"tenant": tenant})
    error = Error(fingerprint(one), one, Classifier(Rules((RULE,)), GRAPH)(one), 0.0)
    error.severity = error.classification.severity
    return error, Ticket("t", Mandate(RULE, Target("web", "service"), (), {1: (), 2: ()}), one, level, 0.0, 0.0)


class ComeUpAndLeave(RuleBasedStateMachine):
    """Tickets of three tenants come up as the dispatch lets them, at the latest when their time has come."""

    SMALL = Bulkhead("small", 2, queue_size=2, timeout_s=5.0, fallback="big", tenant=pattern("a"))
    STRICT = Bulkhead("strict", 1, queue_size=1, timeout_s=3.0, fallback="fail", tenant=pattern("b"))
    BIG = Bulkhead("big", 3, queue_size=1, timeout_s=1.0, fallback="wait")
    BULKHEADS = (SMALL, STRICT, BIG)

    def __init__(self) -> None:
        super().__init__()
        self.bulkheads = Bulkheads(self.BULKHEADS)
        self.now = 50.0
        self.tickets = {f"{tenant}{n}": of(n, tenant) for tenant in "abc" for n in range(4)}
        self.inside: dict[str, str] = {}  # name → bulkhead
        self.waits: dict[str, tuple[str, float, float]] = {}  # name → gate, until, since

    @rule(name=st.sampled_from([f"{tenant}{n}" for tenant in "abc" for n in range(4)]))
    def come_up(self, name: str) -> None:
        error, ticket = self.tickets[name]
        if name in self.inside:
            return
        given_up = self.bulkheads.is_given_up(error, ticket, self.now)
        if given_up:
            assert name[0] == "b", "only where that is the fallback"
            assert self._count("strict") == 1
            self.bulkheads.stop_waiting(error)
            self.waits.pop(name, None)
            return
        hold = self.bulkheads.hold(error, ticket, self.now)
        if hold is None:
            self.bulkheads.enter(error, ticket, self.now)
            self.bulkheads.stop_waiting(error)
            self.inside[name] = self.bulkheads._place[error.error_id]
            self.waits.pop(name, None)
        else:
            gate = hold.gate.partition(":")[2]
            assert self._count(gate) == {"small": 2, "strict": 1, "big": 3}[gate], "it waits only where it is full"
            since = self.waits[name][2] if name in self.waits and self.waits[name][0] == gate else self.now
            assert hold.until == {"small": since + 5.0, "strict": since + 3.0, "big": 0.0}[gate]
            self.waits[name] = (gate, hold.until, since)

    @rule(name=st.sampled_from([f"{tenant}{n}" for tenant in "abc" for n in range(4)]))
    def leave(self, name: str) -> None:
        error, _ = self.tickets[name]
        was_in = self.inside.pop(name, "")
        assert self.bulkheads.leave(error) == (f"bulkhead:{was_in}" if was_in else "")
        self.bulkheads.stop_waiting(error)
        self.waits.pop(name, None)

    @rule(by=st.sampled_from((0.1, 1.0, 3.0, 5.0)))
    def time_passes(self, by: float) -> None:
        self.now += by
        for name in [name for name, (_, until, _) in self.waits.items() if 0.0 < until <= self.now]:
            self.come_up(name)

    @invariant()
    def never_more_than_there_are_places(self) -> None:
        for bulkhead in self.BULKHEADS:
            assert self._count(bulkhead.id) <= bulkhead.max_concurrency

    @invariant()
    def nobody_is_where_they_do_not_belong(self) -> None:
        allowed = {"a": {"small", "big"}, "b": {"strict"}, "c": {"big"}}
        assert all(where in allowed[name[0]] for name, where in self.inside.items())

    @invariant()
    def the_queue_is_no_longer_than_it_may_be(self) -> None:
        for bulkhead in (self.SMALL, self.STRICT):
            assert sum(gate == bulkhead.id for gate, _, _ in self.waits.values()) <= bulkhead.queue_size

    @invariant()
    def what_is_shown_is_so(self) -> None:
        for view in self.bulkheads.views():
            taken, places = self._count(view.subject), int(view.figures["places"])
            assert view.figures["taken"] == taken
            assert view.state == ("full" if taken == places else "closed")

    def _count(self, bulkhead: str) -> int:
        return sum(where == bulkhead for where in self.inside.values())


ComeUpAndLeave.TestCase.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
TestBulkheads = ComeUpAndLeave.TestCase


def test_a_ticket_belongs_to_the_first_whose_conditions_all_fit() -> None:
    bulkheads = Bulkheads(
        (
            Bulkhead("high", 1, levels=frozenset({3, 4, 5})),
            Bulkhead("urgent", 1, priorities=frozenset({Priority.CRITICAL})),
            Bulkhead("acme", 1, tenant=pattern("acme|beta"), per_tenant=True),
            Bulkhead("db", 1, rules=frozenset({"db"})),
        )
    )
    found = [
        bulkheads.share_of(*of(0, "acme", Severity.CRITICAL, 3)),
        bulkheads.share_of(*of(0, "acme", Severity.CRITICAL)),
        bulkheads.share_of(*of(0, "beta")),
        bulkheads.share_of(*of(0)),
    ]
    assert [share.key if share else None for share in found] == ["high", "urgent", "acme of beta", None]


def test_one_that_belongs_to_none_is_not_held() -> None:
    bulkheads = Bulkheads((Bulkhead("db", 1, rules=frozenset({"db"})),))
    error, ticket = of(0)
    assert bulkheads.hold(error, ticket, 0.0) is None
    assert bulkheads.is_given_up(error, ticket, 0.0) == ""
    bulkheads.enter(error, ticket, 0.0)
    assert bulkheads.says(error, ticket, 0.0) == "bulkhead: none is for it"
    assert bulkheads.leave(error) == ""


def test_every_tenant_has_a_share_of_its_own_also_where_it_is_fallen_back_on() -> None:
    small = Bulkhead("small", 1, queue_size=0, fallback="each", levels=frozenset({1}))
    each = Bulkhead("each", 1, queue_size=5, per_tenant=True)
    bulkheads = Bulkheads((small, each))
    tickets = [of(0, "a"), of(1, "a"), of(2, "b"), of(3, "b")]
    for one in tickets[:3]:
        assert bulkheads.hold(*one, 0.0) is None
        bulkheads.enter(*one, 0.0)
    hold = bulkheads.hold(*tickets[3], 0.0)
    assert hold is not None
    assert hold.gate == "bulkhead:each of b"
    assert {view.subject: view.figures["taken"] for view in bulkheads.views()} == {
        "small": 1.0,
        "each of a": 1.0,
        "each of b": 1.0,
    }


def test_it_says_how_full_it_is() -> None:
    bulkheads = Bulkheads((Bulkhead("small", 2),))
    bulkheads.enter(*of(0), 0.0)
    assert bulkheads.says(*of(1), 0.0) == "bulkhead: small, 1 of 2 places taken"
    assert bulkheads.views()[0].reason == "1 of 2 places taken, 0 of 1000 waiting"


# --- in the engine


def world_of(*bulkheads: Bulkhead, names: str = "abcdef", capacity: int = 20, **more: object) -> World:
    rules = tuple(a_rule(name, (1, 3), **({"verification": QUICK} | more)) for name in names)
    world = World(house(*rules, bulkheads=bulkheads), Policy(capacity=capacity))
    world.plan = lambda order: Plan(takes_s=2.0)
    return world


def most_at_once(world: World) -> int:
    """How many attempts ran side by side at most: each takes two seconds."""
    return max(sum(at <= other < at + 2.0 for other in world.started_at) for at in world.started_at)


def test_where_all_places_are_taken_tickets_wait_and_all_get_their_turn() -> None:
    world = world_of(Bulkhead("two", 2))
    ids = []
    for name in "abcdef":
        ids.append(world.report(fault(name)))
        world.run(0.001)
    view = world.view(ids[2])
    assert (view.state, view.held_by) == (State.QUEUED, "bulkhead")
    assert view.reason == "all 2 places of bulkhead two are taken"
    assert view.parked_until == 0.0
    (shown,) = [view for view in world.engine.brakes(world.now) if view.brake == "bulkhead"]
    assert (shown.subject, shown.state, shown.waiting) == ("two", "full", 4)
    assert shown.reason == "2 of 2 places taken, 4 of 1000 waiting"
    world.run(20.0)
    assert world.on() == list("abcdef")
    assert most_at_once(world) == 2
    world.quiet()


def test_one_that_is_called_and_gone_meanwhile_leaves_its_turn_to_the_next() -> None:
    for act in ("flush", "resolve"):
        world = world_of(Bulkhead("one", 1))
        ids = [world.report(fault(name)) for name in "abcd"]
        world.pause()
        world.run(3.0)  # a has ended and b is called, but nothing may go on
        getattr(world, act)(ids[1])
        world.resume()
        world.run(20.0)
        assert world.on() == ["a", "c", "d"]
        world.quiet()


def test_one_that_is_called_and_meets_another_brake_leaves_its_turn_to_the_next() -> None:
    world = world_of(Bulkhead("one", 1))
    for name in "abcd":
        world.report(fault(name))
    world.pause("b")
    world.run(4.0)
    assert world.on() == ["a", "c"]
    world.resume("b")
    world.run(20.0)
    assert sorted(world.on()) == list("abcd")
    world.quiet()


def test_the_place_is_given_back_with_the_verdict_and_not_before() -> None:
    world = world_of(Bulkhead("one", 1))
    world.plan = lambda order: Plan(takes_s=0.1, cures=False)
    world.report(fault("a"))
    world.report(fault("b"))
    world.run(0.4)
    assert world.on() == ["a"], "it is being verified"
    world.run(0.4)
    assert "b" in world.on() or world.on() == ["a", "a"]


def test_a_ticket_moves_to_another_bulkhead_with_its_level() -> None:
    low = Bulkhead("low", 1, levels=frozenset({1}))
    high = Bulkhead("high", 1, levels=frozenset({3}))
    world = world_of(low, high)
    world.plan = lambda order: Plan(takes_s=2.0, cures=order.level == 3)
    first, second = world.report(fault("a")), world.report(fault("b"))
    world.run(2.7)
    places = world.engine._dispatch.brakes.bulkheads._place
    assert places == {first: "high", second: "low"}
    world.run(30.0)
    assert places == {}
    world.quiet()


def test_who_waits_for_too_long_takes_a_place_of_the_fallback() -> None:
    small = Bulkhead("small", 1, timeout_s=0.5, fallback="big", rules=frozenset("abc"))
    big = Bulkhead("big", 1)
    world = world_of(small, big)
    ids = [world.report(fault(name)) for name in "abc"]
    assert world.view(ids[1]).parked_until == world.now + 0.5
    world.run(0.6)
    assert world.on() == ["a", "b"]
    assert world.engine._dispatch.brakes.bulkheads._place == {ids[0]: "small", ids[1]: "big"}
    view = world.view(ids[2])
    assert (view.held_by, view.reason) == ("bulkhead", "all 1 places of bulkhead big are taken")
    world.run(20.0)
    assert world.on() == ["a", "b", "c"]
    world.quiet()


def test_who_has_waited_for_so_long_that_its_target_must_be_looked_at_keeps_its_right_to_the_fallback() -> None:
    small = Bulkhead("small", 1, timeout_s=5.0, fallback="big", rules=frozenset("ab"))
    world = world_of(small, Bulkhead("big", 5))
    world.plan = lambda order: Plan(takes_s=1000.0 if order.target.id == "a" else 1.0)
    world.report(fault("a"))
    world.report(fault("b"))
    world.run(6.0)
    assert world.on() == ["a", "b"]
    assert [order.target.id for order in world.rounds][:1] == ["b"]


def test_those_that_must_look_first_do_not_wait_for_ever_behind_those_that_need_not() -> None:
    names = "abcdefghijklmnopqrstuvwxyz"
    world = world_of(Bulkhead("one", 1), names=names)
    for number, name in enumerate(names):
        world.report(fault(name))
        world.run(1.99 if number else 0.001)
        world.run(0.02)
    world.run(100.0)
    assert world.on() == list(names), "the older goes first, though it had to be looked at"


def test_who_is_moved_on_from_a_full_queue_does_not_go_back_to_it() -> None:
    small = Bulkhead("small", 1, queue_size=1, timeout_s=60.0, fallback="big", rules=frozenset("abc"))
    world = world_of(small, Bulkhead("big", 1))
    world.plan = lambda order: Plan(takes_s={"a": 9.0, "d": 1.0}.get(order.target.id, 2.0))
    for name in "adbc":
        world.report(fault(name))
    world.run(0.5)
    view = world.view(next(view.error_id for view in world.engine.newest(9, lambda e: e.target == "c")[0]))
    assert view.reason == "all 1 places of bulkhead big are taken"
    world.run(2.0)
    assert world.on() == ["a", "d", "c"]


def test_who_finds_the_queue_full_takes_a_place_of_the_fallback_at_once() -> None:
    small = Bulkhead("small", 1, queue_size=1, timeout_s=60.0, fallback="big", rules=frozenset("abc"))
    world = world_of(small, Bulkhead("big", 5))
    ids = [world.report(fault(name)) for name in "abc"]
    assert world.on() == ["a", "c"]
    assert world.view(ids[1]).reason == "all 1 places of bulkhead small are taken"
    world.run(20.0)
    world.quiet()


@pytest.mark.parametrize(
    ("queue_size", "why"),
    [(0, "the queue of bulkhead one is full (0 wait)"), (5, "it has waited for bulkhead one for 1 s")],
)
def test_where_that_is_the_fallback_a_person_is_needed(queue_size: int, why: str) -> None:
    world = world_of(Bulkhead("one", 1, queue_size=queue_size, timeout_s=1.0, fallback="fail"))
    ids = [world.report(fault(name)) for name in "ab"]
    world.run(1.5)
    assert world.state(ids[1]) is State.FAILED
    assert world.view(ids[1]).reason == why
    assert world.causes() == ["full"]
    world.run(20.0)
    assert world.on() == ["a"]
    world.quiet()


def test_where_waiting_is_the_fallback_nobody_is_given_up() -> None:
    world = world_of(Bulkhead("one", 1, queue_size=0, timeout_s=0.1, fallback="wait"))
    for name in "abcd":
        world.report(fault(name))
    world.run(30.0)
    assert world.on() == list("abcd")
    assert world.escalations == []


def test_the_time_that_something_else_took_is_not_time_spent_waiting_for_a_place() -> None:
    world = world_of(Bulkhead("one", 1, queue_size=5, timeout_s=10.0, fallback="fail"))
    world.report(fault("a"))
    held = world.report(fault("b"))
    world.run(1.0)
    world.pause("b")
    world.run(30.0)
    busy = world.report(fault("c"))
    assert world.state(busy) is State.ATTEMPTING
    world.resume("b")
    world.run(0.5)
    view = world.view(held)
    assert (view.state, view.held_by) == (State.QUEUED, "bulkhead"), "it has waited for no time at all"
    world.run(20.0)
    assert world.on() == ["a", "c", "b"]


def test_what_is_paused_is_not_given_up() -> None:
    world = world_of(Bulkhead("one", 1, queue_size=0, fallback="fail"))
    world.pause("b")
    world.report(fault("a"))
    held = world.report(fault("b"))
    assert world.view(held).held_by == "pause"
    world.run(20.0)
    world.resume("b")
    world.run(20.0)
    assert world.on() == ["a", "b"]


def test_one_tenant_does_not_hold_up_another() -> None:
    world = world_of(Bulkhead("each", 1, per_tenant=True))
    ids = [
        world.report(fault(name, attributes={"tenant": tenant}))
        for name, tenant in zip("abcd", ("acme", "acme", "beta", "beta"), strict=True)
    ]
    assert world.on() == ["a", "c"]
    assert [view.subject for view in world.engine.brakes(world.now) if view.brake == "bulkhead"] == [
        "each of acme",
        "each of beta",
    ]
    assert [world.view(error_id).held_by for error_id in ids] == ["", "bulkhead", "", "bulkhead"]
    world.run(20.0)
    world.quiet()


def test_a_severity_that_rises_moves_a_waiting_ticket_out_of_its_class() -> None:
    world = world_of(Bulkhead("calm", 1, priorities=frozenset({Priority.NORMAL})))
    world.report(fault("a"))
    waiting = world.report(fault("b"))
    assert world.view(waiting).held_by == "bulkhead"
    world.report(replace(fault("b"), severity=Severity.CRITICAL))
    assert world.on() == ["a", "b"]


def test_a_ticket_in_backoff_has_no_place() -> None:
    retry = Strategy("retry", "call", max_attempts=3, backoff=Backoff(50.0, 1.0, 50.0))
    rules = tuple(
        a_rule(name, ladder={1: ("retry",)}, verification=QUICK, response_class=ResponseClass.TRANSIENT)
        for name in "ab"
    )
    world = World(house(*rules, strategies=(retry,), bulkheads=(Bulkhead("one", 1),)), Policy(capacity=4))

    def plan(order: AttemptOrder) -> Plan:
        return Plan(cures=order.target.id == "b")

    world.plan = plan
    first, second = world.report(fault("a")), world.report(fault("b"))
    world.run(1.0)
    assert (world.state(first), world.view(first).held_by) == (State.PARKED, "backoff")
    assert world.state(second) is State.WATCHING
