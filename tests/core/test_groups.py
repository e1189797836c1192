"""Group restarts: one attempt that takes several targets."""

from __future__ import annotations

from error_daemon.core.policy import Policy
from error_daemon.model import Bulkhead, Definitions, Mode, OutcomeKind, Rule, State, Strategy, Verification
from tests.core.world import Plan, World, fault, house, needs, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
GROUP = Strategy("group", "group_restart", params={"include": "dependents"})
BELOW = Strategy("below", "group_restart", params={"include": "dependencies"})


def of(name: str, *levels: int, **more: object) -> Rule:
    return rule(name, levels or (1, 2), **({"verification": QUICK} | more))


def whole(name: str, strategy: str = "group", **more: object) -> Rule:
    return of(name, **({"ladder": {3: (strategy,), 5: ("fix5",)}} | more))


def shop(*rules: Rule, bulkheads: tuple[Bulkhead, ...] = ()) -> Definitions:
    """web → app → db, and report → db."""
    named = {one.id: one for one in (of("web"), of("app"), whole("db"), of("report"))} | {one.id: one for one in rules}
    targets = (needs("web", "app"), needs("app", "db"), needs("report", "db"), needs("db"))
    return house(*named.values(), strategies=(GROUP, BELOW), targets=targets, bulkheads=bulkheads)


def test_the_members_come_each_after_those_that_it_depends_on() -> None:
    world = World(shop())
    world.report(fault("db"))
    (order,) = world.started
    assert [member.id for member in order.group] == ["db", "app", "report", "web"]
    assert set(order.probes) == {"port", "health"}
    below = World(shop(whole("web", "below")))
    below.report(fault("web"))
    assert [member.id for member in below.started[0].group] == ["db", "app", "web"]


def test_nothing_else_is_begun_on_a_member_meanwhile() -> None:
    world = World(shop())
    world.plan = lambda order: Plan(takes_s=5.0)
    world.report(fault("db"))
    web = world.report(fault("web"))
    world.run(4.0)
    assert world.on() == ["db"]
    assert world.engine.in_the_works() == 4
    assert world.state(web) is State.QUEUED
    world.run(5.0)
    assert world.on() == ["db"], "it was looked at afterwards, and had healed with the group"
    assert world.state(web) is State.WATCHING


def test_it_waits_for_all_its_members_and_then_runs() -> None:
    world = World(shop(), Policy(capacity=8))
    world.plan = lambda order: Plan(takes_s={"web": 2.0, "report": 4.0}.get(order.target.id, 0.1))
    world.report(fault("web"))
    world.report(fault("report"))
    db = world.report(fault("db"))
    view = world.view(db)
    assert (view.state, view.held_by) == (State.QUEUED, "target")
    assert "which" in view.reason
    world.run(3.9)
    assert world.on() == ["web", "report"]
    world.run(10.0)
    assert world.on() == ["web", "report", "db"]
    assert len(world.started[2].group) == 4
    world.quiet()


def test_the_tickets_of_its_members_look_first_afterwards() -> None:
    targets = (needs("a", "b"), needs("b"))
    world = World(house(whole("a", "below"), of("b"), strategies=(BELOW,), targets=targets))
    world.plan = lambda order: Plan(takes_s=0.2)
    world.report(fault("a"))
    world.run(0.1)
    b = world.report(fault("b"))
    assert world.view(b).held_by == "target"
    world.run(0.15)
    assert world.on() == ["a"]
    assert world.rounds[-1].target.id == "b", "its fault is from before the group was done"
    world.run(5.0)
    assert world.on() == ["a"]
    assert world.state(b) is State.WATCHING


def test_a_group_that_did_not_help_is_not_looked_at_twice_before_the_next_level() -> None:
    world = World(shop())
    world.plan = lambda order: Plan(OutcomeKind.FAILED, 0.1, cures=False)
    world.report(fault("db"))
    world.run(5.0)
    assert world.levels() == [3, 5]
    assert len(world.rounds) == 2, "the verdict on the group says how its target is"


def test_two_overlapping_groups_never_wait_for_each_other() -> None:
    targets = (needs("x", "a", "b"), needs("y", "a", "b"), needs("a"), needs("b"))
    definitions = house(whole("a"), whole("b"), of("x"), of("y"), strategies=(GROUP,), targets=targets)
    for first, second in (("a", "b"), ("b", "a")):
        world = World(definitions, Policy(capacity=8))
        world.plan = lambda order: Plan(takes_s=2.0)
        world.report(fault("x"))
        world.report(fault("y"))
        world.report(fault(first))
        world.report(fault(second))
        world.run(30.0)
        assert sorted(world.on()[2:]) == ["a", "b"]
        world.quiet()


def test_a_group_gives_back_what_it_has_while_a_member_is_paused() -> None:
    targets = (needs("z", "a", "b"), needs("c", "a"), needs("a"), needs("b"))
    definitions = house(whole("a"), of("c"), of("z"), whole("b"), strategies=(GROUP,), targets=targets)
    world = World(definitions, Policy(capacity=8))
    world.pause("z")
    a = world.report(fault("a"))
    view = world.view(a)
    assert (view.held_by, "z are paused" in view.reason) == ("pause", True)
    assert world.engine.in_the_works() == 0
    assert world.engine._dispatch.possession._taken == {}, "nobody else is kept from what it may not use"
    world.resume("z")
    world.run(10.0)
    assert world.on() == ["a"]


def test_a_lost_group_leaves_all_its_members_in_doubt() -> None:
    world = World(shop(), Policy(capacity=8))
    world.failing = dict.fromkeys(("db", "web", "app", "report"))
    db = world.report(fault("db"), breaks=False)
    world.run(0.05)
    world.lose_worker()
    world.run(10.0)
    assert world.state(db) is State.FAILED, "nothing could be seen"
    web = world.report(fault("web"))
    assert world.state(web) is State.PROBING, "who knows what the group has left behind there"


def test_a_group_that_is_reset_while_it_waits_lets_go_of_what_it_has() -> None:
    rules = (whole("db", ladder={1: ("fix1",), 3: ("group",)}),)
    world = World(shop(*rules), Policy(capacity=8))
    world.plan = lambda order: Plan(takes_s=9.0 if order.target.id == "web" else 0.1, cures=order.level != 1)
    world.report(fault("web"))
    db = world.report(fault("db"))
    world.run(1.0)
    assert world.view(db).held_by == "target"
    world.reset_ladder(db)
    assert world.engine.in_the_works() == 1
    world.run(20.0)
    world.quiet()


def test_a_group_that_no_bulkhead_has_room_for_is_not_said_to_be_unanswered() -> None:
    one = Bulkhead(
        "one", max_concurrency=1, queue_size=0, timeout_s=1.0, fallback="fail", rules=frozenset({"db", "other"})
    )
    definitions = shop(whole("db"), of("other"), bulkheads=(one,))
    world = World(definitions, Policy(capacity=8))
    world.plan = lambda order: Plan(takes_s=3.0)
    world.report(fault("web"))
    world.run(0.5)
    db = world.report(fault("db"))
    assert world.view(db).held_by == "target"
    world.run(1.0)
    world.report(fault("other"))
    world.run(3.0)
    assert world.state(db) is State.FAILED
    assert world.causes()[-1] == "full"


def test_a_group_restart_survives_a_crash() -> None:
    world = World(shop())
    world.report(fault("db"))
    world.run(0.05)
    world.report(fault("web"))
    world.crash()
    world.run(30.0)
    world.quiet()


def test_the_same_group_in_mode_approve_takes_nothing_before_it_is_approved() -> None:
    world = World(shop(whole("db", mode=Mode.APPROVE)))
    db = world.report(fault("db"))
    assert world.engine.in_the_works() == 0
    world.approve(db)
    assert [len(order.group) for order in world.started] == [4]
