"""Targets that depend on others: the root is recovered first, and its symptoms are looked at before anything is done to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from error_daemon.core.policy import Policy
from error_daemon.model import (
    AttemptOrder,
    Bulkhead,
    Definitions,
    Mode,
    Rule,
    Severity,
    State,
    Target,
    Verification,
)
from tests.core.world import Plan, World, fault, house, needs, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)


def of(name: str, *levels: int, **more: object) -> Rule:
    return rule(name, levels or (1, 2), **({"verification": QUICK} | more))


def shop() -> Definitions:
    """web → app → db."""
    return house(of("web"), of("app"), of("db"), targets=(needs("web", "app"), needs("app", "db"), needs("db")))


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


def fails_on(*names: str) -> object:
    return lambda order: Plan(cures=order.target.id not in names)


@pytest.mark.parametrize("first", ["db", "web"])
def test_the_root_is_recovered_first_and_a_symptom_heals_with_it(first: str) -> None:
    world = World(shop(), Policy(capacity=4))
    second = "web" if first == "db" else "db"
    world.pause()
    ids = {name: world.report(fault(name)) for name in (first, second)}
    world.resume()
    view = world.view(ids["web"])
    assert (view.state, view.held_by, view.root) == (State.QUEUED, "root", ids["db"])
    assert view.reason == f"waits for db, on which web depends ({ids['db']} is being recovered)"
    assert ids["db"] in view.related
    world.failing["web"] = frozenset()  # it was a symptom
    world.run(5.0)
    assert world.on() == ["db"]
    assert {world.state(error_id) for error_id in ids.values()} == {State.WATCHING}
    assert "found well; nothing was done" in world.view(ids["web"]).reason
    assert {ticket.error_id: ticket.root for ticket in world.tickets} == {ids["db"]: "", ids["web"]: ids["db"]}
    world.quiet()


def test_a_symptom_that_stays_after_its_root_is_recovered_then() -> None:
    world = World(shop())
    world.report(fault("db"))
    web = world.report(fault("web"))
    world.run(0.09)
    assert world.on() == ["db"]
    world.run(5.0)
    assert world.on() == ["db", "web"]
    looked = [order.target.id for order in world.rounds]
    assert looked == ["db", "web", "web"], "the symptom was looked at before anything was done to it"
    assert world.state(web) is State.WATCHING


def test_where_the_root_cannot_be_recovered_its_symptom_goes_on_by_itself() -> None:
    world = World(shop())
    world.plan = fails_on("db")  # type: ignore[assignment]
    db, web = world.report(fault("db")), world.report(fault("web"))
    world.run(10.0)
    assert world.state(db) is State.FAILED
    assert world.on() == ["db", "db", "web"]
    assert world.state(web) is State.WATCHING


@pytest.mark.parametrize("act", ["flush", "resolve", "deny"])
def test_a_root_that_a_person_ends_lets_its_symptom_go_on(act: str) -> None:
    definitions = house(of("web"), of("db", mode=Mode.APPROVE), targets=(needs("web", "db"),))
    world = World(definitions)
    db, web = world.report(fault("db")), world.report(fault("web"))
    world.run(5.0)
    assert world.view(web).held_by == "root"
    getattr(world, act)(db)
    world.run(5.0)
    assert world.on() == ["web"]
    world.quiet()


def test_a_root_that_expires_unanswered_lets_its_symptom_go_on_at_once() -> None:
    definitions = house(of("web"), of("db", mode=Mode.APPROVE, approval_expires_s=3.0), targets=(needs("web", "db"),))
    world = World(definitions)
    world.report(fault("db"))
    web = world.report(fault("web"))
    world.run(3.5)
    assert world.on() == ["web"]
    assert world.state(web) is not State.QUEUED


def test_a_root_that_a_bulkhead_gives_up_lets_its_symptom_go_on_at_once() -> None:
    one = Bulkhead("one", max_concurrency=1, queue_size=0, fallback="fail", rules=frozenset({"db", "other"}))
    definitions = house(of("web"), of("db"), of("other"), targets=(needs("web", "db"), needs("db")), bulkheads=(one,))
    world = World(definitions)
    world.pause()
    world.report(fault("other", severity=Severity.HIGH))
    world.report(fault("web", severity=Severity.HIGH))
    db = world.report(fault("db"))
    world.resume()
    assert world.state(db) is State.FAILED
    world.run(0.1)
    assert world.on() == ["other", "web"]


def test_a_root_that_comes_while_its_symptom_is_attempted_goes_before_the_next_attempt() -> None:
    world = World(shop())
    world.plan = fails_on("web")  # type: ignore[assignment]
    web = world.report(fault("web"))
    world.run(0.05)
    world.report(fault("db"))
    assert world.on() == ["web", "db"], "what runs comes to its end"
    world.plan = lambda order: Plan(takes_s=5.0)
    world.run(1.0)
    world.report(fault("db", "again"))
    world.plan = lambda order: Plan()
    world.run(10.0)
    assert world.state(web) is State.WATCHING


def test_a_symptom_waits_for_a_root_that_comes_while_it_is_looked_at() -> None:
    world = World(shop())
    world.pause()
    web = world.report(fault("web"))
    world.run(5.0)
    world.resume()
    assert world.state(web) is State.PROBING
    db = world.report(fault("db"))
    world.run(0.05)
    view = world.view(web)
    assert (view.held_by, view.root) == ("root", db)
    world.run(5.0)
    assert world.on() == ["db", "web"]


def test_in_a_diamond_everybody_waits_for_what_is_below() -> None:
    names = ("top", "left", "right", "bottom")
    targets = (needs("top", "left", "right"), needs("left", "bottom"), needs("right", "bottom"), needs("bottom"))
    world = World(house(*(of(name) for name in names), targets=targets))
    world.pause()
    for name in names:
        world.report(fault(name))
    world.resume()
    assert world.on() == ["bottom"]
    world.run(20.0)
    assert world.on()[0] == "bottom"
    assert set(world.on()[1:3]) == {"left", "right"}
    assert world.on()[3:] == ["top"]
    world.quiet()


def test_a_symptom_waits_for_every_ticket_of_its_root() -> None:
    world = World(shop())
    world.plan = lambda order: Plan(cures=order.environment["ER_MESSAGE"] != "a", takes_s=1.0)
    world.report(fault("db", "a"))
    web = world.report(fault("web"))
    world.run(2.0)
    world.report(fault("db", "b"))
    world.run(0.5)
    assert world.view(web).held_by == "root"
    world.run(20.0)
    assert world.state(web) is State.WATCHING
    assert world.on().index("web") == len(world.on()) - 1


def test_many_symptoms_of_one_root_all_get_their_turn_and_none_is_touched_that_is_well() -> None:
    names = [f"c{number}" for number in range(12)]
    definitions = house(of("db"), *(of(name) for name in names), targets=tuple(needs(name, "db") for name in names))
    world = World(definitions, Policy(capacity=3))
    world.report(fault("db"))
    ids = [world.report(fault(name), breaks=number % 2 == 0) for number, name in enumerate(names)]
    world.flush(ids[0])
    world.resolve(ids[1])
    world.run(10.0)
    assert sorted(world.on()) == sorted(["db", *names[2::2]])
    assert {world.state(error_id) for error_id in ids[2:]} == {State.WATCHING}
    world.quiet()


def test_a_root_is_worth_as_much_as_the_worst_of_its_symptoms() -> None:
    names = ("busy", "other", "db", "web")
    world = World(house(*(of(name) for name in names), targets=(needs("web", "db"), needs("db"))), Policy(capacity=1))
    world.report(fault("busy"))
    db = world.report(fault("db", severity=Severity.LOW))
    world.report(fault("other", severity=Severity.HIGH))
    world.report(fault("web", severity=Severity.CRITICAL))
    assert world.view(db).severity is Severity.LOW, "nobody has come up yet: all places are taken"
    world.run(5.0)
    assert world.view(db).severity is Severity.CRITICAL
    assert world.on()[:2] == ["busy", "db"]


def test_what_is_inherited_goes_down_the_whole_chain() -> None:
    world = World(shop(), Policy(capacity=4))
    world.pause("db")
    db = world.report(fault("db", severity=Severity.LOW))
    app = world.report(fault("app", severity=Severity.LOW))
    world.report(fault("web", severity=Severity.CRITICAL))
    assert {world.view(db).severity, world.view(app).severity} == {Severity.CRITICAL}
    world.resume("db")
    world.run(20.0)
    assert world.on() == ["db", "app", "web"]


def test_a_root_that_is_only_observed_holds_nobody() -> None:
    world = World(house(of("web"), of("db", mode=Mode.OBSERVE), targets=(needs("web", "db"), needs("db"))))
    world.report(fault("db"))
    world.report(fault("web"))
    assert world.on() == ["web"]


def test_an_error_is_linked_with_those_of_its_neighbours() -> None:
    world = World(shop())
    ids = {name: world.report(fault(name)) for name in ("app", "db", "web")}
    assert world.view(ids["db"]).related == (ids["app"],)
    assert world.view(ids["web"]).related == (ids["app"],)


def test_the_related_errors_of_a_ticket_stay_few() -> None:
    names = [f"d{number}" for number in range(30)]
    web = Target("web", "service", probes=("port",), depends_on=tuple(names))
    world = World(house(of("web"), *(of(name) for name in names), targets=(web,)), Policy(capacity=40))
    for name in names:
        world.report(fault(name))
    assert len(world.view(world.report(fault("web"))).related) <= 17


def test_a_root_keeps_its_symptom_waiting_through_a_crash() -> None:
    world = World(shop())
    world.report(fault("db"))
    web = world.report(fault("web"))
    world.crash()
    world.run(20.0)
    assert [name for name in world.on() if name == "db"]
    assert world.on().index("web") > world.on().index("db") if "web" in world.on() else True
    assert world.state(web) is State.WATCHING
    world.quiet()


def test_an_impact_that_lowers_the_severity_is_not_undone_by_the_next_equal_fault() -> None:
    definitions = house(of("web"), targets=(replace(needs("web"), weight=0.4),))
    world = World(definitions)
    error_id = world.report(fault(severity=Severity.HIGH))
    assert world.view(error_id).severity is Severity.MEDIUM
    assert world.view(error_id).severity_because == "high by itself, and web has an impact of 0.4"
    world.report(fault(severity=Severity.HIGH))
    assert world.view(error_id).severity is Severity.MEDIUM
    world.report(fault(severity=Severity.CRITICAL))
    assert world.view(error_id).severity is Severity.CRITICAL
