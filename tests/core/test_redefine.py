"""The definitions are replaced while things are under way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from error_daemon.core.brakes.pause import ALL
from error_daemon.core.policy import Policy
from error_daemon.core.renewal import Redefined
from error_daemon.model import (
    Backoff,
    Bulkhead,
    Definitions,
    ErrorType,
    Mode,
    OutcomeKind,
    Probe,
    ResponseClass,
    Severity,
    State,
    Strategy,
    Target,
    Verification,
)
from tests.core.world import Plan, World, fault, house, needs, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
RETRY = Strategy("retry", "call", max_attempts=4, backoff=Backoff(5.0, 2.0, 5.0))


def web(levels: tuple[int, ...] = (1, 2, 3), **more: object) -> Definitions:
    return house(rule("web", levels, **({"verification": QUICK} | more)))


def slow_and_useless(world: World, takes_s: float = 10.0) -> None:
    world.plan = lambda order: Plan(takes_s=takes_s, cures=False)


def held(*components: str, definitions: Definitions | None = None) -> tuple[World, list[str]]:
    """A world in which everything is paused, and a ticket of each component waits."""
    world = World(definitions or web())
    world.pause()
    return world, [world.report(fault(component)) for component in components or ("web",)]


# --- the same again


def test_the_same_definitions_again_change_nothing() -> None:
    world, [error_id] = held()
    effects, before = len(world.log), world.view(error_id)
    assert world.redefine(web()) == Redefined()
    assert world.engine.definitions == web()
    assert world.view(error_id) == before
    assert len(world.log) == effects
    world.quiet()


def test_what_does_not_concern_a_ticket_leaves_it_as_it_is() -> None:
    definitions = web(mode=Mode.APPROVE)
    world = World(definitions)
    error_id = world.report(fault())
    world.run(1.0)
    before, effects = world.view(error_id), len(world.log)
    assert before.held_by == "approval"
    other = rule("db")
    more = house(*definitions.rules, other)
    assert world.redefine(more) == Redefined()
    assert world.view(error_id) == before
    assert len(world.log) == effects, "nobody is asked twice"
    world.approve(error_id)
    world.run(1.0)
    assert world.levels() == [1]


# --- a ticket that waits


@pytest.mark.parametrize(
    ("definitions", "reason"),
    [
        (house(rule("db")), "no rule matches it"),
        (replace(web(), targets={}), "target 'web' is not defined"),
        (web(()), "no strategy of its ladder fits"),
        (web(mode=Mode.OBSERVE), "rule web only observes"),
    ],
)
@pytest.mark.parametrize("state", [State.QUEUED, State.PARKED, State.PROBING, State.VERIFYING])
def test_one_for_which_nothing_is_left_ends_as_observed_with_that_reason(
    state: State, definitions: Definitions, reason: str
) -> None:
    world = World(_transient())
    error_id = _brought_to(world, state)
    done = world.redefine(definitions)
    if state is State.VERIFYING:
        assert (done.running, done.ended) == (1, 0)
        assert world.state(error_id) is State.VERIFYING, "what runs is seen to its end"
        world.run(1.0)
    else:
        assert (done.running, done.ended, done.changed) == (0, 1, 0)
    view = world.view(error_id)
    assert view.state is State.OBSERVED
    assert reason in view.reason
    assert "the definitions were replaced" in view.reason
    assert [ticket.ended_as for ticket in world.tickets] == ["observed"]
    assert not world.escalations, "who has changed the definitions knows"
    world.quiet()


def _transient() -> Definitions:
    one = rule("web", ladder={1: ("retry",)}, verification=QUICK, response_class=ResponseClass.TRANSIENT)
    return house(one, strategies=(RETRY,))


def _brought_to(world: World, state: State) -> str:
    """A ticket for `web` in that state."""
    slow_and_useless(world, takes_s=0.1)
    if state is State.QUEUED:
        world.pause()
    if state is State.PROBING:
        world.failing["web"] = None
    error_id = world.report(fault(occurred_at=world.now - 1.0), breaks=state is not State.PROBING)
    if state is State.PROBING:
        world.run(0.3)
        world.crash()
    world.run({State.QUEUED: 0.0, State.VERIFYING: 0.101, State.PARKED: 1.0, State.PROBING: 0.01}[state])
    assert world.state(error_id) is state, world.view(error_id)
    return error_id


def test_one_whose_level_is_gone_goes_on_at_the_next_above() -> None:
    world = World(web((1, 2, 3)))
    world.plan = lambda order: Plan(cures=False)
    error_id = world.report(fault())
    world.run(0.7)
    world.pause()
    world.run(5.0)
    assert (world.levels(), world.view(error_id).level) == ([1, 2], 2)
    assert world.state(error_id) is State.QUEUED
    assert world.redefine(web((1, 5))).changed == 1
    world.resume()
    world.run(5.0)
    assert world.levels() == [1, 2, 5]
    world.quiet()


def test_one_that_has_climbed_above_all_that_is_left_has_failed_and_a_person_is_told() -> None:
    world = World(web((1, 2, 3)))
    world.plan = lambda order: Plan(cures=False)
    error_id = world.report(fault())
    world.run(0.7)
    world.pause()
    world.run(5.0)
    assert world.redefine(web((1, 2))).ended == 1
    assert world.state(error_id) is State.FAILED
    assert "level 3 is no longer on its ladder" in world.view(error_id).reason
    assert world.causes() == ["exhausted"]
    world.quiet()


def test_one_to_which_nothing_was_done_yet_begins_at_the_highest_level_that_is_left() -> None:
    world, [error_id] = held(definitions=web((4, 5)))
    world.redefine(web((1, 2)))
    world.resume()
    world.run(5.0)
    assert world.levels() == [2]
    assert world.state(error_id) is State.WATCHING


def test_one_that_leads_to_another_target_begins_there_and_looks_first() -> None:
    definitions = house(rule("web", (1, 2), verification=QUICK), targets=(needs("other"),))
    world, [error_id] = held(definitions=definitions)
    world.failing["other"] = frozenset({"port"})
    assert world.redefine(replace(definitions, rules=(rule("web", (2, 3), target="other"),))).changed == 1
    assert world.view(error_id).target == "other"
    world.resume()
    world.run(5.0)
    assert world.rounds[0].target.id == "other"
    assert (world.on(), world.levels()) == (["other"], [2])
    world.quiet()


def test_who_depends_on_the_target_that_it_leaves_is_let_through() -> None:
    definitions = house(rule("web"), rule("app"), targets=(needs("app", "web"), needs("other")))
    world, [root, symptom] = held("web", "app", definitions=definitions)
    slow_and_useless(world)
    world.resume()
    world.run(1.0)
    assert world.view(symptom).held_by == "root"
    world.redefine(replace(definitions, rules=(rule("web", target="other"), rule("app"))))
    assert world.state(root) is State.ATTEMPTING
    world.run(30.0)
    assert "app" in world.on()
    world.quiet()


def test_one_that_waits_for_a_root_that_it_needs_no_more_comes_up() -> None:
    definitions = house(rule("web"), rule("mid"), rule("app"), targets=(needs("mid", "web"), needs("app", "mid")))
    world, [_, symptom] = held("web", "app", definitions=definitions)
    slow_and_useless(world, takes_s=100.0)
    world.resume()
    world.run(1.0)
    assert world.view(symptom).held_by == "root"
    without = {**definitions.targets, "mid": needs("mid")}
    assert world.redefine(replace(definitions, targets=without)) == Redefined(running=1)
    assert world.on() == ["web"]
    world.run(1.0)
    assert world.on() == ["web", "app"]
    world.quiet()


def test_one_that_still_waits_for_its_root_waits_on() -> None:
    definitions = house(rule("web"), rule("app"), targets=(needs("app", "web"),))
    world, [_, symptom] = held("web", "app", definitions=definitions)
    slow_and_useless(world, takes_s=100.0)
    world.resume()
    world.run(1.0)
    world.redefine(
        replace(
            definitions,
            rules=(*definitions.rules, rule("more")),
            targets={**definitions.targets, "more": needs("more")},
        )
    )
    assert world.view(symptom).held_by == "root"
    world.quiet()


def test_what_was_proposed_for_one_is_proposed_anew_and_a_yes_to_the_old_is_no_yes_to_the_new() -> None:
    world = World(web(mode=Mode.APPROVE))
    error_id = world.report(fault())
    world.run(0.1)
    proposed = world.decisions[-1].decision_id
    fixes = {f"fix{level}": Strategy(f"fix{level}", "exec", params={"command": ["other"]}) for level in range(1, 6)}
    other = replace(web(mode=Mode.APPROVE), strategies=fixes)
    assert world.redefine(other).changed == 1
    assert world.decisions[-1].decision_id != proposed
    assert world.view(error_id).held_by == "approval"
    assert not world.started
    world.approve(error_id)
    world.run(1.0)
    assert [order.strategy.params for order in world.started] == [{"command": ["other"]}]


def test_one_that_waits_for_a_person_acts_at_once_where_nobody_need_be_asked_any_more() -> None:
    world = World(web(mode=Mode.APPROVE))
    world.report(fault())
    world.run(0.1)
    world.redefine(web(mode=Mode.AUTO))
    assert world.levels() == [1]


def test_a_group_that_is_another_one_now_is_proposed_anew() -> None:
    group = Strategy("group", "group_restart", params={"include": "dependents"})
    rules = (rule("web", ladder={1: ("group",)}, mode=Mode.APPROVE), rule("app"))
    small = house(*rules, strategies=(group,))
    world = World(small)
    error_id = world.report(fault())
    world.run(0.1)
    assert world.redefine(house(*rules, strategies=(group,), targets=(needs("app", "web"),))).changed == 1
    world.approve(error_id)
    world.run(0.5)
    assert [member.id for member in world.started[0].group] == ["web", "app"]
    world.quiet()


def test_a_look_that_was_begun_by_other_probes_is_begun_anew() -> None:
    world = World(_transient())
    error_id = _brought_to(world, State.PROBING)
    mended = replace(_transient(), probes={name: Probe(name, "http") for name in ("port", "health")})
    world.failing["web"] = frozenset({"port"})
    assert world.redefine(mended).changed == 1
    world.run(0.05)
    assert {probe.kind for probe in world.rounds[-1].probes} == {"http"}
    assert world.state(error_id) is not State.FAILED
    world.quiet()


def test_a_backoff_goes_on_and_then_the_new_strategy_is_tried() -> None:
    world = World(_transient())
    error_id = _brought_to(world, State.PARKED)
    until = world.view(error_id).parked_until
    other = house(rule("web", (1,), response_class=ResponseClass.TRANSIENT))
    assert world.redefine(other).changed == 1
    assert (world.state(error_id), world.view(error_id).parked_until) == (State.PARKED, until)
    world.run(6.0)
    assert [order.strategy.id for order in world.started] == ["retry", "fix1"]


def test_one_that_has_become_critical_goes_ahead_and_is_promised_a_start() -> None:
    world, [error_id] = held()
    world.redefine(web(severity=Severity.CRITICAL))
    assert world.view(error_id).severity is Severity.CRITICAL
    world.run(1.0)
    assert world.causes() == ["not_started"]
    world.redefine(web(severity=Severity.LOW))
    assert world.view(error_id).severity is Severity.LOW
    world.redefine(web(severity=Severity.CRITICAL))
    world.run(1.0)
    assert world.causes() == ["not_started"], "it is told once"
    world.quiet()


def test_a_root_keeps_what_its_symptoms_have_raised_it_to() -> None:
    definitions = house(
        rule("web", severity=Severity.LOW), rule("app", severity=Severity.HIGH), targets=(needs("app", "web"),)
    )
    world, [root, _] = held("web", "app", definitions=definitions)
    slow_and_useless(world, takes_s=2.0)
    world.resume()
    world.run(0.5)
    world.pause()
    world.run(3.0)
    assert world.view(root).severity is Severity.HIGH
    world.redefine(replace(definitions, rules=(rule("web", severity=Severity.MEDIUM), definitions.rules[1])))
    assert world.view(root).severity is Severity.HIGH
    world.quiet()


# --- an attempt that runs


def test_an_attempt_that_runs_is_seen_to_its_end_by_what_it_was_begun_with() -> None:
    world = World(web((1,), stability_window_s=7.0))
    world.plan = lambda order: Plan(takes_s=5.0)
    error_id = world.report(fault())
    world.run(1.0)
    assert world.redefine(Definitions()) == Redefined(running=1)
    world.run(4.5)
    assert [probe.id for probe in world.rounds[-1].probes] == ["port", "health"]
    assert world.state(error_id) is State.WATCHING
    assert world.records[world.started[0].attempt_id].success
    world.run(10.0)
    assert world.state(error_id) is State.RESOLVED
    world.quiet()


def test_one_that_did_not_help_goes_on_by_the_new_definitions() -> None:
    world = World(web((1, 2)))
    slow_and_useless(world, takes_s=1.0)
    world.report(fault())
    world.run(0.5)
    world.redefine(web((1, 4)))
    world.run(5.0)
    assert world.levels() == [1, 4]
    assert world.causes()[-1] == "exhausted"
    world.quiet()


def test_one_that_did_not_help_and_whose_level_is_gone_goes_up() -> None:
    world = World(_transient())
    slow_and_useless(world, takes_s=1.0)
    world.report(fault())
    world.run(0.5)
    world.redefine(web((3,), response_class=ResponseClass.TRANSIENT))
    world.run(5.0)
    assert [order.strategy.id for order in world.started] == ["retry", "fix3"]
    assert world.records[world.started[0].attempt_id].is_last
    world.quiet()


def test_one_that_did_not_help_and_leads_elsewhere_now_goes_on_there() -> None:
    definitions = house(rule("web", (3,), verification=QUICK), targets=(needs("other"),))
    world = World(definitions)
    slow_and_useless(world, takes_s=1.0)
    world.failing["other"] = frozenset({"port"})
    error_id = world.report(fault())
    world.run(0.5)
    world.redefine(replace(definitions, rules=(rule("web", (1,), target="other", verification=QUICK),)))
    assert world.view(error_id).target == "web"
    world.run(5.0)
    assert (world.on(), world.levels()) == (["web", "other"], [3, 1])
    world.quiet()


def test_an_isolation_that_ran_is_not_repeated_and_the_new_ladder_is_climbed() -> None:
    fence = Strategy("fence", "exec")
    world = World(house(rule("web", (1, 2), isolate="fence", verification=QUICK), strategies=(fence,)))
    slow_and_useless(world, takes_s=1.0)
    world.report(fault())
    world.run(0.5)
    world.redefine(house(rule("web", (3,), isolate="fence", verification=QUICK), strategies=(fence,)))
    world.run(5.0)
    assert world.levels() == [0, 3]
    world.quiet()


def test_nothing_can_be_seen_by_the_probes_that_it_was_begun_with_so_a_person_is_needed() -> None:
    world = World(web((1, 2)))
    slow_and_useless(world, takes_s=1.0)
    error_id = world.report(fault())
    world.failing["web"] = None
    world.run(0.5)
    world.redefine(web((3,)))
    world.run(5.0)
    assert world.state(error_id) is State.FAILED
    assert world.causes() == ["blind"]
    world.quiet()


def test_a_group_that_runs_keeps_its_targets_although_they_are_gone() -> None:
    group = Strategy("group", "group_restart")
    definitions = house(
        rule("web", ladder={1: ("group",)}), rule("app"), strategies=(group,), targets=(needs("app", "web"),)
    )
    world = World(definitions)
    world.plan = lambda order: Plan(OutcomeKind.LOST, takes_s=1.0)
    world.report(fault())
    world.run(0.5)
    world.redefine(house(rule("web", ladder={1: ("group",)}), strategies=(group,)))
    world.report(fault("app"))
    world.run(5.0)
    world.quiet()


# --- what has no ticket


def test_what_was_observed_is_decided_anew_with_its_next_fault() -> None:
    world = World(web(mode=Mode.OBSERVE))
    error_id = world.report(fault())
    world.run(1.0)
    world.redefine(web())
    assert world.state(error_id) is State.OBSERVED
    world.report(fault())
    world.run(1.0)
    assert world.levels() == [1]


def test_what_was_observed_by_these_definitions_is_left_alone_for_a_while() -> None:
    world = World(web(mode=Mode.OBSERVE))
    world.redefine(web((1,), mode=Mode.OBSERVE))
    world.run(1.0)
    for _ in range(3):
        world.report(fault())
    assert len(world.decisions) == 1


def test_what_has_failed_is_tried_again_by_the_definitions_of_then() -> None:
    world = World(web((1,)))
    slow_and_useless(world, takes_s=0.1)
    error_id = world.report(fault())
    world.run(5.0)
    world.report(fault())
    assert world.state(error_id) is State.FAILED
    world.redefine(web((2,), severity=Severity.HIGH))
    world.run(700.0)
    assert world.levels() == [1, 2]
    assert world.view(error_id).severity is Severity.HIGH


# --- brakes


def test_pauses_of_targets_that_are_gone_are_dropped_and_the_others_stay() -> None:
    world = World(house(rule("web"), rule("db")))
    for target in ("web", "db", ALL):
        world.pause(target)
    done = world.redefine(web())
    assert [pause.target for pause in done.pauses] == ["db"]
    assert {pause.target for pause in world.engine.pauses()} == {"web", ALL}


def test_a_verdict_on_a_target_that_is_gone_makes_no_breaker_anew() -> None:
    world = World(web())
    slow_and_useless(world, takes_s=1.0)
    world.report(fault())
    world.redefine(house(rule("db", verification=QUICK)))
    world.run(10.0)
    assert len(world.records) == 1
    again = World(world.definitions)
    again.engine.restore_attempts(world.records.values(), world.now)
    for engine in (world.engine, again.engine):
        assert "target breaker" not in {view.brake for view in engine.brakes(world.now)}


def test_the_breaker_of_a_target_that_is_gone_is_forgotten_and_that_of_another_is_not() -> None:
    world = World(house(rule("web"), rule("db")))
    for target in ("web", "db"):
        world.foresee(target, 20.0)
    world.redefine(web())
    assert [view.subject for view in world.engine.brakes(world.now) if view.brake == "target breaker"] == ["web"]


def test_a_bulkhead_keeps_what_runs_in_it_and_lets_in_who_waits_as_soon_as_it_is_larger() -> None:
    one = Bulkhead("one", 1)
    definitions = house(*(rule(name) for name in "abc"), bulkheads=(one,))
    world = World(definitions, Policy(capacity=8))
    world.plan = lambda order: Plan(takes_s=60.0)
    for name in "abc":
        world.report(fault(name))
    world.run(1.0)
    assert world.on() == ["a"]
    world.redefine(replace(definitions, bulkheads=(replace(one, max_concurrency=2),)))
    world.run(0.1)
    assert world.on() == ["a", "b"]
    world.redefine(replace(definitions, bulkheads=()))
    world.run(0.1)
    assert world.on() == ["a", "b", "c"]
    assert not [view for view in world.engine.brakes(world.now) if view.brake == "bulkhead"]
    world.redefine(definitions)
    [view] = [view for view in world.engine.brakes(world.now) if view.brake == "bulkhead"]
    assert (view.figures["taken"], view.state) == (2.0, "full"), "who had a place has it"
    world.quiet()


# --- a restart


def test_after_a_restart_the_target_of_an_attempt_that_ran_is_looked_at_although_its_rule_leads_elsewhere() -> None:
    definitions = house(rule("web"), rule("also", target="web"), targets=(needs("other"),))
    world = World(definitions)
    slow_and_useless(world)
    world.report(fault())
    world.run(1.0)
    world.redefine(replace(definitions, rules=(rule("web", target="other"), rule("also", target="web"))))
    world.run(0.2)
    world.crash()
    world.report(fault("also"))
    world.run(0.001)
    assert world.on() == ["web"], "not before it was looked at"
    assert {order.target.id for order in world.rounds} >= {"web", "other"}
    world.quiet()


def test_a_fault_of_a_type_that_its_fingerprint_had_not_before_does_not_change_by_what_its_ticket_is_classified() -> (
    None
):
    network, data = (
        rule(kind.value, when=replace(rule().when, types=frozenset({kind})))
        for kind in (ErrorType.NETWORK, ErrorType.DATA)
    )
    definitions = house(replace(network, target="web"), replace(data, target="db"), targets=(needs("web"), needs("db")))
    world, [error_id] = World(definitions), [""]
    world.pause()
    for kind in (ErrorType.NETWORK, ErrorType.DATA):
        error_id = world.report(fault(error_type=kind, explicit_fingerprint="one"))
    world.redefine(replace(definitions, targets={**definitions.targets, "more": Target("more", "service")}))
    assert world.view(error_id).target == "web"
