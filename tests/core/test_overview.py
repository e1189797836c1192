"""What is open, understood by its root causes."""

from __future__ import annotations

from typing import Any

from error_daemon.core.overview.places import MOST_COMPONENTS, OTHERS
from error_daemon.core.policy import Policy
from error_daemon.model import (
    Backoff,
    Bulkhead,
    ErrorType,
    Mode,
    OutcomeKind,
    ResponseClass,
    Severity,
    Strategy,
    Target,
)
from error_daemon.model.views import ErrorGroup, Need, Situation, TargetState, Trying
from tests.core.world import Plan, World, fault, house, needs, rule


def look(world: World, limit: int = 100) -> Situation:
    overview = world.engine.overview(world.now)
    errors = overview.errors()
    overview.add(errors[:1])  # in two parts
    overview.add(errors[1:])
    return overview.situation(limit)


def targets(world: World) -> dict[str, TargetState]:
    overview = world.engine.overview(world.now)
    overview.add(overview.errors())
    return {target.name: target for target in overview.targets()}


def named(situation: Situation) -> list[tuple[str, str, int]]:
    return [(group.kind, group.name, group.errors) for group in situation.groups]


def only_group(world: World) -> ErrorGroup:
    [group] = look(world).groups
    return group


def only_need(world: World) -> Need:
    [need] = look(world).needs
    return need


def only_trying(world: World) -> Trying:
    [trying] = look(world).trying
    return trying


def shop_on_db() -> World:
    """The shop needs the database, and that its disk."""
    rules = (rule("disk"), rule("db"), rule("shop"))
    return World(house(*rules, targets=(needs("disk"), needs("db", "disk"), needs("shop", "db"))))


# --- root causes


def test_nothing_is_open_where_nothing_was_reported() -> None:
    assert look(World(house(rule()))) == Situation((), (), 0, 0, (), 0, (), 0, {})


def test_many_errors_of_few_targets_are_as_many_groups() -> None:
    world = World(house(rule("web.*", target="web"), rule("mail.*", target="mail")))
    for number in range(30):
        world.report(fault(f"web{number}", severity=Severity.HIGH))
        world.report(fault(f"mail{number}"))
    situation = look(world)
    assert named(situation) == [("target", "web", 30), ("target", "mail", 30)]
    assert sum(one.errors for one in situation.open) == 60
    assert situation.open[0].severity is Severity.HIGH


def test_what_depends_on_a_failing_target_belongs_to_the_furthest_root() -> None:
    world = shop_on_db()
    for name in ("disk", "db", "shop"):
        world.report(fault(name))
    group = only_group(world)
    assert (group.name, group.targets, group.errors) == ("disk", ("disk", "db", "shop"), 3)
    assert group.errors_by_state == {"attempting": 1, "queued": 2}


def test_a_target_whose_root_is_well_is_its_own_cause() -> None:
    world = shop_on_db()
    world.report(fault("shop"))
    assert named(look(world)) == [("target", "shop", 1)]


def test_an_old_report_about_a_root_that_nothing_may_be_done_about_explains_nothing() -> None:
    world = World(house(rule("db", mode=Mode.OBSERVE), rule("shop"), targets=(needs("db"), needs("shop", "db"))))
    world.report(fault("db"))
    world.run(61.0)
    world.report(fault("shop"))
    assert {group.name for group in look(world).groups} == {"db", "shop"}
    world.report(fault("db", "again"))
    assert only_group(world).name == "db"


def test_the_cause_of_a_cause_is_the_cause_of_all() -> None:
    """The old report about the disk explains the database, which is failing for as long, but not the shop."""
    observed: dict[str, Any] = {"mode": Mode.OBSERVE}
    rules = (rule("disk", **observed), rule("db", **observed), rule("shop"))
    world = World(house(*rules, targets=(needs("disk"), needs("db", "disk"), needs("shop", "db"))))
    for name in ("disk", "db"):
        world.report(fault(name))
    world.run(90.0)
    world.report(fault("db", "again"))
    world.report(fault("shop"))
    assert named(look(world)) == [("target", "disk", 4)]


def test_errors_of_no_target_are_grouped_by_component_and_type() -> None:
    world = World(house())
    world.report(fault("web", "one"))
    world.report(fault("web", "two"))
    world.report(fault("web", "three", ErrorType.DATA))
    assert named(look(world)) == [("component", "web", 2), ("component", "web", 1)]


def test_components_beyond_a_thousand_are_one_place_with_the_worst_of_them_in_front() -> None:
    world = World(house())
    for number in range(MOST_COMPONENTS + 20):
        world.report(fault(f"c{number:05}", "one"))
    world.report(fault("worst", "one", severity=Severity.CRITICAL))
    situation = look(world)
    assert named(situation)[0] == ("component", OTHERS, 21)
    assert situation.groups[0].severity is Severity.CRITICAL
    assert situation.groups_more == MOST_COMPONENTS + 1 - 100


def test_what_was_observed_an_hour_ago_is_open_no_more() -> None:
    world = World(house(rule(mode=Mode.OBSERVE)))
    world.report(fault())
    world.run(3599.0)
    assert only_group(world).standing == "observed"
    world.run(2.0)
    assert look(world).groups == ()


def test_what_recovered_is_open_no_more() -> None:
    world = World(house(rule()))
    world.report(fault())
    world.run(1.0)
    world.report(fault("elsewhere"))  # observed, so that all that is known is walked through
    assert named(look(world)) == [("component", "elsewhere", 1)]


def test_no_list_is_longer_than_wanted_and_says_how_much_more_there_is() -> None:
    names = [f"t{number:02}" for number in range(12)]
    world = World(house(*(rule(name) for name in names)), Policy(capacity=6))
    for name in names:
        world.report(fault(name))
    situation = look(world, 2)
    assert (len(situation.groups), situation.groups_more, situation.errors_in_more) == (2, 10, 10)
    assert (len(situation.trying), situation.trying_more) == (
        2,
        4,
    )


def test_a_group_names_ten_of_its_targets() -> None:
    names = [f"t{number:02}" for number in range(12)]
    rules = (rule("db"), *(rule(name) for name in names))
    world = World(house(*rules, targets=(needs("db"), *(needs(name, "db") for name in names))))
    for name in ("db", *names):
        world.report(fault(name))
    group = only_group(world)
    assert (group.targets[0], len(group.targets), group.targets_more) == ("db", 10, 3)


# --- what is done, and what comes next


def test_an_attempt_says_since_when_and_until_when_it_runs() -> None:
    world = World(house(rule()))
    error_id = world.report(fault())
    began_at = world.now
    world.now += 0.05
    trying = only_trying(world)
    assert (trying.error_id, trying.strategy_id, trying.level, trying.number) == (error_id, "fix1", 1, 1)
    assert (trying.since, trying.deadline_at) == (began_at, began_at + 30.0)
    group = only_group(world)
    assert (group.standing, group.trying) == ("trying", trying)
    assert group.next.text == "if that does not help: fix2 at level 2"


def test_above_the_last_level_a_person_is_told() -> None:
    world = World(house(rule(levels=(1,))))
    world.report(fault())
    assert only_group(world).next.text == "if that does not help: a person is told; nothing is left to try"


def test_a_transient_fault_is_tried_again_first() -> None:
    patient = Strategy("again", "exec", max_attempts=3, backoff=Backoff(base_s=1.0))
    rules = (rule(ladder={1: ("again",)}, response_class=ResponseClass.TRANSIENT),)
    world = World(house(*rules, strategies=(patient,)))
    world.plan = lambda order: Plan(cures=False)
    world.report(fault())
    assert only_group(world).next.text == "if that does not help: again after a backoff, 2 more times at most"
    world.run(5.4)
    group = only_group(world)
    assert (group.standing, group.held_by) == ("held", "backoff")
    assert group.next.text == "again at level 1, after its backoff"
    assert group.next.at > world.now


def test_a_verification_says_what_it_waits_for() -> None:
    world = World(house(rule()))
    world.plan = lambda order: Plan(cures=False)
    world.report(fault())
    world.run(1.0)
    trying = only_trying(world)
    assert trying.text == "looks whether fix1 at level 1 on web helped"
    assert trying.deadline_at == trying.since + 5.0


def test_a_look_before_anything_is_done_is_shown_as_one() -> None:
    world = World(house(rule()))
    world.claim(fault(), breaks=True)
    trying = only_trying(world)
    assert (trying.text, trying.strategy_id) == ("looks at web before anything is done to it", "")
    assert only_group(world).next.text == "unless it is found well: fix1 at level 1"


def test_an_isolation_comes_before_the_ladder() -> None:
    wall = Strategy("wall", "exec")
    spreads: dict[str, Any] = {"isolate": "wall", "response_class": ResponseClass.CASCADING}
    world = World(house(rule("web", **spreads), strategies=(wall,)))
    world.plan = lambda order: Plan(cures=False)
    world.pause("web")
    world.report(fault())
    assert only_group(world).next.text == "wall, to isolate it, when pause lets go"
    world.resume("web")
    world.run(0.2)
    assert only_group(world).next.text == "if that does not help: fix1 at level 1"
    world.run(7.0)
    assert targets(world)["web"].is_isolated


def test_a_group_restart_that_was_proposed_is_what_comes_next() -> None:
    both = Strategy("both", "group_restart")
    rules = (rule("db", ladder={3: ("both",)}), rule("shop"))
    world = World(house(*rules, targets=(needs("db"), needs("shop", "db")), strategies=(both,)))
    world.report(fault("shop"))
    world.report(fault("db"))
    group = only_group(world)
    assert (group.name, group.root_error.component) == ("db", "db")
    assert group.next.text == "both at level 3, when its target is free"


def test_who_waits_for_its_turn_says_what_it_will_do() -> None:
    world = World(house(rule()))
    world.engine.finish()  # nothing is let through
    world.report(fault())
    group = only_group(world)
    assert (group.standing, group.next.text) == ("waiting", "fix1 at level 1, as soon as it is its turn")


def test_what_was_purged_waits_for_its_next_fault() -> None:
    world = World(house(rule()))
    world.pause("web")
    world.flush(world.report(fault()))
    assert only_group(world).next.text == "its next fault opens a new ticket"


def test_what_is_observed_says_why_nothing_is_done() -> None:
    world = World(house())
    world.report(fault())
    assert only_group(world).next.text == "nothing is done about it: no rule matches it"


# --- what a person is needed for


def test_an_approval_says_what_would_be_done_and_what_happens_otherwise() -> None:
    world = World(house(rule(mode=Mode.APPROVE)))
    error_id = world.report(fault())
    need, group = only_need(world), only_group(world)
    assert (need.kind, need.error_id, need.action, need.level) == ("approval", error_id, "fix1 at level 1 on web", 1)
    assert need.until == need.since + 3600.0
    assert need.otherwise == "nothing is done: the error has failed, and a person is told"
    assert need.decision_id == world.decisions[-1].decision_id
    assert (group.standing, group.held_by, group.next.at) == ("approval", "approval", need.until)
    assert group.next.text == "fix1 at level 1, if a person says yes"


def test_the_approval_of_a_group_restart_names_all_that_it_touches() -> None:
    both = Strategy("both", "group_restart")
    rules = (rule("db", ladder={3: ("both",)}, mode=Mode.APPROVE),)
    world = World(house(*rules, targets=(needs("db"), needs("shop", "db")), strategies=(both,)))
    world.report(fault("db"))
    assert only_need(world).action == "both at level 3 on db, and with it shop"


def test_of_those_that_ask_for_the_same_the_first_stands_for_all() -> None:
    world = World(house(rule("web.*", target="web", mode=Mode.APPROVE)))
    first = world.report(fault("web1"))
    world.run(1.0)
    world.report(fault("web2"))
    world.report(fault("web3"))
    need = only_need(world)
    assert (need.error_id, need.errors) == (first, 3)


def test_of_those_that_failed_one_stands_for_its_target() -> None:
    world = World(house(rule("web.*", levels=(1,), target="web")))
    world.plan = lambda order: Plan(OutcomeKind.FAILED, cures=False)
    for number in range(3):
        world.report(fault(f"web{number}", severity=Severity(3 + (number == 1))))
    world.run(2.0)
    world.report(fault("web1", severity=Severity.HIGH))  # a failed error that is reported again is tried again in time
    need, group = only_need(world), only_group(world)
    assert (need.kind, need.errors, need.component, need.severity) == ("failed", 3, "web1", Severity.HIGH)
    assert need.otherwise == "it is tried again then, and looked at first"
    assert (group.standing, group.next.text) == ("failed", "it is tried again, and looked at first")
    assert group.next.at == need.until > world.now


def test_what_failed_and_is_not_tried_again_needs_a_person() -> None:
    world = World(house(rule(levels=(1,))))
    world.plan = lambda order: Plan(OutcomeKind.FAILED, cures=False)
    error_id = world.report(fault())
    world.run(2.0)
    world.reset_ladder(error_id)
    assert only_need(world).otherwise == "it stays as it is, until it is reported again"
    assert only_group(world).next.text == "nothing by itself: a person is needed"


def test_what_can_be_answered_comes_before_what_has_failed() -> None:
    world = World(house(rule("web", levels=(1,)), rule("db", mode=Mode.APPROVE)))
    world.plan = lambda order: Plan(OutcomeKind.FAILED, cures=False)
    world.report(fault("web", severity=Severity.CRITICAL))
    world.run(2.0)
    world.report(fault("db"))
    assert [need.kind for need in look(world).needs] == ["approval", "failed"]


def test_how_many_wait_for_each_brake_is_as_the_brakes_say() -> None:
    world = World(house(rule("web"), rule("db", mode=Mode.APPROVE)))
    world.pause("web")
    world.report(fault("web"))
    world.report(fault("web", "again"))
    world.report(fault("db"))
    waiting = look(world).waiting
    assert waiting == {("pause", "web"): 2, ("approval", ""): 1}
    assert world.engine.brakes(world.now, waiting) == world.engine.brakes(world.now)


# --- targets


def test_a_target_that_nobody_has_looked_at_is_unknown() -> None:
    web = targets(World(house(rule())))["web"]
    assert (web.health, web.health_text) == ("unknown", "nobody has looked at it since the daemon was started")


def test_a_target_is_recovering_and_then_well() -> None:
    world = World(house(rule()))
    world.report(fault())
    assert targets(world)["web"].health == "recovering"
    world.run(1.0)
    web = targets(world)["web"]
    assert (web.health, web.open_errors, web.root_error_id) == ("well", 0, "")
    assert {reading.probe for reading in web.readings} == {"port", "health"}
    assert 1000.0 < web.health_since < world.now


def test_a_target_that_was_last_seen_unwell_or_not_at_all_is_unknown() -> None:
    world = World(house(rule("web", levels=(1,)), rule("db", levels=(1,))))
    world.plan = lambda order: Plan(OutcomeKind.FAILED, cures=False)
    ids = [world.report(fault("web")), world.report(fault("db"))]
    world.failing["db"] = None
    world.run(60.0)
    assert {name: one.health for name, one in targets(world).items()} == {"web": "failing", "db": "failing"}
    for error_id in ids:
        world.resolve(error_id)
    texts = {name: one.health_text for name, one in targets(world).items()}
    assert {one.health for one in targets(world).values()} == {"unknown"}
    assert texts["web"].startswith("its probes last saw it unwell")
    assert texts["db"].startswith("its probes could see nothing")


def test_a_target_of_which_nobody_may_do_anything_is_reported() -> None:
    world = World(house(rule(mode=Mode.OBSERVE)))
    world.report(fault())
    world.report(fault("web", "again"))
    web = targets(world)["web"]
    assert (web.health, web.open_errors) == ("reported", 2)
    assert "(1 more)" in web.health_text


def test_a_target_says_what_holds_it_and_what_it_is_worth() -> None:
    narrow = Bulkhead("narrow", 1)
    rules = (rule("db"), rule("shop"))
    given = house(*rules, targets=(needs("db"), needs("shop", "db", weight=4.0)), bulkheads=(narrow,))
    world = World(given)
    world.pause("db")
    world.report(fault("db"))
    world.report(fault("shop"))
    seen = targets(world)
    assert (seen["db"].pause is not None, seen["db"].waiting, seen["db"].dependents) == (True, 1, ("shop",))
    assert (seen["db"].impact, seen["shop"].weight) == (3.0, 4.0)
    assert [view.subject for view in seen["shop"].bulkheads] == ["narrow"]
    assert seen["shop"].root_error_id == seen["db"].root_error_id


def test_what_is_defined_no_more_is_forgotten() -> None:
    world = World(house(rule("web"), rule("db")))
    world.report(fault("web"))
    world.run(1.0)
    world.redefine(house(rule("db")))
    world.redefine(house(rule("web"), rule("db")))
    assert targets(world)["web"].health == "unknown"
    assert world.engine.overview(world.now).targets()[0].dependents == ()


def test_who_depends_on_nobody_known_has_no_dependents() -> None:
    world = World(house(rule("web"), targets=(Target("alone", "host", depends_on=("web",)),)))
    assert targets(world)["web"].dependents == ("alone",)
    assert world.engine._board.graph.dependents_of("moon") == ()


def test_what_was_answered_while_it_was_looked_at_is_no_need() -> None:
    world = World(house(rule("web", (1,), mode=Mode.APPROVE), rule("db", (1,), mode=Mode.APPROVE)))
    approved, denied = world.report(fault("web")), world.report(fault("db"))
    overview = world.engine.overview(world.now)
    overview.add(overview.errors())
    world.approve(approved)
    world.deny(denied)
    assert [need for need in overview.situation(10).needs if need.kind == "approval"] == []
