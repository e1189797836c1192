"""What people would expect of the engine, as sentences, in the simulated world."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from error_daemon.core import effects as fx
from error_daemon.core.policy import Policy
from error_daemon.errors import Refused
from error_daemon.model import (
    AttemptOrder,
    Backoff,
    ErrorType,
    Mode,
    Outcome,
    OutcomeKind,
    ResponseClass,
    Severity,
    State,
    Strategy,
    Target,
    Verdict,
    Verification,
)
from tests.core.world import Plan, World, fault, house, rule

QUICK = Verification(hold_s=0.0, within_s=0.5, patience_s=2.0)
RETRY = Strategy("retry", "call", max_attempts=9, backoff=Backoff(1.0, 2.0, 60.0))


def world_of(*levels: int, **more: object) -> World:
    """One rule for component `web` with one strategy at each of these levels."""
    return World(house(rule("web", levels, **({"verification": QUICK} | more))))


def cures_at(level: int) -> object:
    return lambda order: Plan(cures=order.level >= level)


def never(_: AttemptOrder) -> Plan:
    return Plan(cures=False)


# --- from fault to verdict


def test_cpu_time_that_the_host_withheld_is_recorded_with_the_attempt() -> None:
    world = world_of(1)
    world.plan = lambda order: Plan(takes_s=3.0, withheld_s=2.5)
    world.report(fault())
    world.run(10.0)
    [record] = world.records.values()
    assert (record.execution_time_s, record.withheld_s) == (3.0, 2.5)


def test_a_storm_of_equal_faults_gives_one_recovery() -> None:
    world = world_of(1, 2)
    for _ in range(1000):
        error_id = world.report(fault(message="down"))
    effects = len(world.log)
    world.run(10.0)
    assert len(world.started) == 1
    assert world.view(error_id).count == 1000
    assert effects < 10, "a fault that is folded has no effects"
    assert world.state(error_id) is State.WATCHING
    world.quiet()


def test_a_storm_on_an_error_that_is_done_with_is_recorded_in_batches() -> None:
    world = world_of(1, mode=Mode.OBSERVE)
    for _ in range(1000):
        error_id = world.report(fault())
    assert sum(isinstance(effect, fx.SaveError) for effect in world.log) == 1
    world.run(1.0)
    assert world.committed[error_id].count == 1000
    assert not world.ring


def test_levels_are_escalated_one_by_one_until_one_helps() -> None:
    world = world_of(1, 2, 4, 5)
    world.plan = cures_at(4)  # type: ignore[assignment]
    error_id = world.report(fault())
    world.run(20.0)
    assert world.levels() == [1, 2, 4]
    assert [record.verdict for record in world.records.values()] == [
        Verdict.PERSISTING,
        Verdict.PERSISTING,
        Verdict.RECOVERED,
    ]
    assert world.state(error_id) is State.WATCHING
    ladder = next(effect for effect in reversed(world.log) if isinstance(effect, fx.SaveLadder))
    assert [step["level"] for step in ladder.history] == [1, 2, 4]


def test_an_exhausted_ladder_needs_a_person_and_frees_the_target() -> None:
    world = world_of(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.run(20.0)
    assert world.levels() == [1, 2]
    assert world.state(error_id) is State.FAILED
    assert "exhausted" in world.view(error_id).reason
    assert world.engine.in_the_works() == 0


def test_a_transient_fault_is_retried_at_most_five_times_with_growing_delays() -> None:
    definitions = house(
        rule(ladder={1: ("retry",), 3: ("fix3",)}, response_class=ResponseClass.TRANSIENT, verification=QUICK),
        strategies=(RETRY,),
    )
    spans = []
    for seed in range(30):
        world = World(definitions, Policy(capacity=4, seed=seed))
        world.plan = never
        world.report(fault())
        world.run(200.0)
        assert world.levels() == [1, 1, 1, 1, 1, 3]
        times = world.started_at[:5]
        spans.append([later - earlier for earlier, later in pairwise(times)])
    means = [sum(column) / len(spans) for column in zip(*spans, strict=True)]
    assert means == sorted(means)


def test_a_permanent_fault_is_tried_once_a_level() -> None:
    world = World(house(rule(ladder={1: ("retry",), 3: ("fix3",)}, verification=QUICK), strategies=(RETRY,)))
    world.plan = never
    world.report(fault())
    world.run(50.0)
    assert world.levels() == [1, 3]


def test_a_worse_target_goes_up_at_once_even_for_a_transient_fault() -> None:
    definitions = house(
        rule(ladder={1: ("retry",), 3: ("fix3",)}, response_class=ResponseClass.TRANSIENT, verification=QUICK),
        strategies=(RETRY,),
    )
    world = World(definitions)

    def breaks_more(order: AttemptOrder) -> Plan:
        world.failing["web"] = frozenset({"port"} if len(world.started) == 1 else {"port", "health"})
        return Plan(cures=False)

    world.plan = breaks_more
    world.report(fault())
    world.run(100.0)
    assert world.levels() == [1, 1, 3]
    assert [record.verdict.value for record in world.records.values()] == ["persisting", "worse", "persisting"]


def test_a_critical_error_enters_where_its_rule_says() -> None:
    world = world_of(1, 3, 5, entry_level=3)
    world.report(fault(severity=Severity.CRITICAL))
    assert world.levels() == [3]


@pytest.mark.parametrize("kind", [OutcomeKind.FAILED, OutcomeKind.TIMED_OUT])
def test_a_failed_attempt_whose_target_is_seen_well_recovers_but_earns_nothing(kind: OutcomeKind) -> None:
    world = world_of(1)
    world.plan = lambda order: Plan(kind, cures=True)
    error_id = world.report(fault())
    world.run(1.0)
    assert world.state(error_id) is State.WATCHING
    (record,) = world.records.values()
    assert (record.verdict, record.success) == (Verdict.RECOVERED, False)


def test_a_refused_attempt_goes_up_without_a_look_and_is_not_tried_again() -> None:
    definitions = house(
        rule(ladder={1: ("retry",), 2: ("fix2",)}, response_class=ResponseClass.TRANSIENT), strategies=(RETRY,)
    )
    world = World(definitions)
    world.plan = lambda order: Plan(OutcomeKind.REFUSED, 0.0, False) if order.level == 1 else Plan()
    world.report(fault())
    world.run(0.001)
    assert world.levels() == [1, 2]
    assert world.rounds == []
    assert not any(isinstance(effect, fx.SaveScore) for effect in world.log), "nothing was run, nothing is learned"


def test_nothing_seen_is_never_success_and_ends_with_a_person() -> None:
    world = world_of(1, 2)
    world.plan = never
    error_id = world.report(fault())
    world.failing["web"] = None
    world.run(30.0)
    assert world.levels() == [1]
    assert world.state(error_id) is State.FAILED
    assert "nothing can be seen" in world.view(error_id).reason
    assert not any(isinstance(effect, fx.SaveScore) for effect in world.log)


def test_a_lost_worker_is_looked_at_and_teaches_nothing() -> None:
    world = world_of(1, 2)
    error_id = world.report(fault())
    world.run(0.05)
    world.lose_worker()
    assert len(world.rounds) == 1
    world.run(5.0)
    assert world.levels() == [1, 2]
    assert world.state(error_id) is State.WATCHING
    scores = [effect.score for effect in world.log if isinstance(effect, fx.SaveScore)]
    assert [score.strategy_id for score in scores] == ["fix2"]


def test_after_a_lost_attempt_of_which_nothing_was_seen_the_next_ticket_looks_first() -> None:
    world = world_of(1, 2)
    first, second = world.report(fault(message="a")), world.report(fault(message="b"))
    world.failing["web"] = None
    world.lose_worker()
    world.run(1.9)
    assert world.state(second) is State.QUEUED
    world.run(1.0)
    assert world.state(first) is State.FAILED
    assert world.state(second) is State.PROBING
    world.failing["web"] = frozenset({"port"})
    world.run(5.0)
    assert world.levels() == [1, 1]


def test_an_outcome_of_an_unknown_attempt_changes_nothing() -> None:
    world = world_of(1)
    world.feed(fx.AttemptEnded(Outcome("nobody-1", OutcomeKind.COMPLETED)))
    world.feed(fx.ProbesEnded("nobody-r1", ()))
    assert world.log == []


def test_timeouts_are_learned_from_completed_attempts_and_doubled_by_time_outs() -> None:
    world = world_of(1, 2)
    kinds = {1: OutcomeKind.TIMED_OUT, 2: OutcomeKind.COMPLETED}
    world.plan = lambda order: Plan(kinds[order.level], 0.2, order.level == 2)
    world.report(fault())
    world.run(5.0)
    learned = [effect.timeout for effect in world.log if isinstance(effect, fx.SaveTimeout)]
    assert [(one.strategy_id, one.timeout_s) for one in learned] == [("fix1", 60.0), ("fix2", pytest.approx(0.6))]


# --- relapses and flapping


def test_an_error_that_comes_back_enters_above_the_level_that_did_not_hold() -> None:
    world = world_of(1, 2, 3)
    error_id = world.report(fault())
    world.run(10.0)
    world.report(fault())
    world.run(10.0)
    assert world.levels() == [1, 2]
    assert world.view(error_id).relapses == 1
    final = [record for record in world.records.values() if record.stability_score >= 0.0]
    assert [record.level for record in final] == [1]
    assert final[0].stability_score == pytest.approx(9.9 / 300.0, abs=0.01)


def test_a_recovery_that_held_resets_the_ladder() -> None:
    world = world_of(1, 2, 3)
    error_id = world.report(fault())
    world.run(400.0)
    assert world.state(error_id) is State.RESOLVED
    assert [record.stability_score for record in world.records.values()] == [1.0]
    world.report(fault())
    world.run(1.0)
    assert world.levels() == [1, 1]


def test_relapses_at_the_top_stay_there_and_the_fifth_needs_a_person() -> None:
    world = world_of(1, 2)
    for _ in range(6):
        error_id = world.report(fault())
        world.run(10.0)
    assert world.levels() == [1, 2, 2, 2, 2]
    assert world.state(error_id) is State.FAILED
    assert "came back 5 times" in world.view(error_id).reason
    world.resolve(error_id)
    world.report(fault())
    world.run(10.0)
    assert world.levels()[-1] == 1, "a person has seen to it: from the beginning"
    world.quiet()


def test_a_critical_relapse_never_enters_below_its_entry_level() -> None:
    world = world_of(1, 3, entry_level=3)
    first = world.report(fault(message="a"))
    world.run(0.01)
    second = world.report(fault(message="b", severity=Severity.CRITICAL))
    world.run(0.001)
    assert world.state(second) is State.QUEUED
    world.run(5.0)
    assert {world.state(first), world.state(second)} == {State.WATCHING}, "healed with the first"
    world.run(6.0)
    world.report(fault(message="b", severity=Severity.CRITICAL))
    assert world.levels() == [1, 3]


def test_a_late_report_of_what_was_recovered_is_only_counted() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    world.run(3.0)
    world.report(fault(occurred_at=world.now - 2.99), breaks=False)
    assert world.state(error_id) is State.WATCHING
    assert world.view(error_id).count == 2
    world.run(1.0)
    assert not world.ring
    assert world.levels() == [1]


def test_a_report_without_a_time_is_taken_to_mean_now() -> None:
    world = world_of(1, 2)
    world.report(fault())
    world.run(10.0)
    world.report(fault(occurred_at=0.0))
    assert world.levels() == [1, 2]


def test_a_report_from_before_a_recovery_long_ago_looks_first() -> None:
    world = world_of(1, 2)
    error_id = world.report(fault())
    world.run(400.0)
    world.report(fault(occurred_at=1000.01), breaks=False)
    assert world.state(error_id) is State.PROBING
    world.run(1.0)
    assert world.levels() == [1], "it was found well: nothing was done"


def flapping(message: str = "down") -> tuple[World, str]:
    """A world with an error that came back half a second after its recovery."""
    world = world_of(1, 2, 3)
    error_id = world.report(fault(message=message))
    world.run(0.6)
    assert world.state(error_id) is State.WATCHING
    world.report(fault(message=message))
    return world, error_id


def test_a_flapping_error_waits_out_the_threshold_and_is_shown_as_such() -> None:
    world, error_id = flapping()
    view = world.view(error_id)
    assert view.state is State.PARKED
    assert view.flapping
    assert "flapping" in view.reason
    assert view.parked_until == pytest.approx(view.recovered_at + 5.0)
    world.run(4.0)
    assert world.levels() == [1]


def test_a_flapping_error_that_has_healed_by_itself_is_only_looked_at() -> None:
    world, error_id = flapping()
    world.failing["web"] = frozenset()
    world.run(6.0)
    assert world.levels() == [1]
    assert world.state(error_id) is State.WATCHING


def test_a_flapping_error_that_is_found_failing_is_recovered() -> None:
    world, _ = flapping()
    rounds = len(world.rounds)
    world.run(6.0)
    assert world.levels() == [1, 2]
    assert len(world.rounds) == rounds + 2, "one look before, one after"


def test_a_flapping_error_whose_faults_kept_coming_is_looked_at_and_then_recovered() -> None:
    world, error_id = flapping()
    rounds = len(world.rounds)
    world.run(1.0)
    world.report(fault())
    world.run(world.view(error_id).parked_until - world.now)
    assert len(world.rounds) == rounds + 1
    assert world.levels() == [1]
    world.run(1.0)
    assert world.levels() == [1, 2]


def test_a_report_from_before_the_recovery_that_comes_long_after_it_is_looked_at_and_nothing_is_done() -> None:
    world = world_of(1, 2)
    error_id = world.report(fault())
    world.run(60.0)
    world.report(fault(occurred_at=world.now - 59.9), breaks=False)
    assert world.state(error_id) is State.PROBING
    world.run(1.0)
    assert world.state(error_id) is State.WATCHING
    assert world.levels() == [1]


def test_a_storm_that_goes_on_about_a_target_that_is_well_gives_one_recovery() -> None:
    world = world_of(1, 2, 3)
    error_id = world.report(fault())
    for _ in range(200):
        world.run(0.1)
        world.report(fault(), breaks=False)
    assert world.levels() == [1]
    assert world.view(error_id).flapping
    world.run(60.0)
    assert world.state(error_id) is State.WATCHING
    world.run(300.0)
    world.report(fault())
    world.run(1.0)
    assert world.levels() == [1, 1], "what needed no attempt has nothing to go above"


def test_a_fault_that_comes_while_its_target_is_being_seen_well_is_looked_at_once_more() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    while world.state(error_id) is not State.VERIFYING:
        world.run(0.0005)
    rounds = len(world.rounds)
    world.run(0.001)
    world.report(fault(), breaks=False)
    world.run(1.0)
    assert len(world.rounds) == rounds + 1
    assert world.state(error_id) is State.WATCHING
    assert world.levels() == [1]


def test_an_error_flaps_though_its_stability_window_is_shorter_than_the_threshold() -> None:
    world = world_of(1, 2, stability_window_s=1.0)
    error_id = world.report(fault())
    world.run(3.0)
    assert world.state(error_id) is State.RESOLVED
    world.report(fault())
    assert world.state(error_id) is State.PARKED
    world.run(5.0)
    assert world.levels() == [1, 1]


# --- several errors


def test_a_second_error_on_a_target_heals_with_the_first() -> None:
    world = world_of(1)
    first, second = world.report(fault(message="a")), world.report(fault(message="b"))
    assert "waits for web" in world.view(second).reason
    assert world.view(second).related == (first,)
    world.run(1.0)
    assert len(world.started) == 1
    assert world.state(first) is world.state(second) is State.WATCHING
    assert "verified well" in world.view(second).reason


def test_a_second_error_that_came_after_the_look_began_goes_on() -> None:
    world = world_of(1, verification=Verification(hold_s=1.0, within_s=5.0))
    world.report(fault(message="a"))
    world.run(0.5)
    world.report(fault(message="b"), breaks=False)
    world.run(5.0)
    assert [order.environment["ER_MESSAGE"] for order in world.started] == ["a", "b"]


def test_an_error_in_backoff_looks_first_when_its_target_was_seen_well_meanwhile() -> None:
    definitions = house(
        rule(ladder={1: ("retry",)}, response_class=ResponseClass.TRANSIENT, verification=QUICK),
        strategies=(replace(RETRY, backoff=Backoff(50.0, 1.0, 50.0)),),
    )
    world = World(definitions)
    world.plan = lambda order: Plan(cures=order.environment["ER_MESSAGE"] == "b")
    first = world.report(fault(message="a"))
    world.run(0.7)
    assert world.state(first) is State.PARKED
    second = world.report(fault(message="b"))
    world.run(60.0)
    assert len(world.started) == 2
    assert world.state(first) is world.state(second) is State.WATCHING
    assert "nothing was done" in world.view(first).reason


def test_priority_goes_before_age_and_age_before_the_rest() -> None:
    names = ("a", "b", "c", "d", "e")
    world = World(house(*(rule(name, (1,)) for name in names)), Policy(capacity=1))
    severities = (Severity.LOW, Severity.LOW, Severity.HIGH, Severity.CRITICAL, Severity.LOW)
    for name, severity in zip(names, severities, strict=True):
        world.report(fault(name, severity=severity))
        world.run(0.01)
    world.report(fault("e", severity=Severity.CRITICAL))  # more severe than before: it moves forward
    world.run(5.0)
    assert [order.target.id for order in world.started] == ["a", "d", "e", "c", "b"]


def test_no_more_attempts_run_than_there_is_capacity() -> None:
    names = [f"c{number}" for number in range(9)]
    world = World(house(*(rule(name, (1,)) for name in names)), Policy(capacity=3))
    for name in names:
        world.report(fault(name))
    assert world.engine.attempts_running() == 3
    assert world.engine.tickets_open() == 9
    world.run(10.0)
    assert len(world.started) == 9


def test_a_fault_of_another_type_under_one_explicit_fingerprint_does_not_change_the_ticket() -> None:
    only_network = Strategy("net", "exec", error_types=frozenset({ErrorType.NETWORK}))
    world = World(house(rule(ladder={1: ("net",), 2: ("net",)}, verification=QUICK), strategies=(only_network,)))
    world.plan = cures_at(2)  # type: ignore[assignment]
    world.report(fault(explicit_fingerprint="mine"))
    world.report(fault(explicit_fingerprint="mine", error_type=ErrorType.DATA))
    world.run(5.0)
    assert world.levels() == [1, 2]
    assert {record.error_type for record in world.records.values()} == {ErrorType.NETWORK}


# --- where nothing may be done


def test_mode_observe_decides_and_records_and_acts_on_nothing() -> None:
    world = world_of(1, 2, mode=Mode.OBSERVE)
    world.engine.listen(on=True)
    error_id = world.report(fault())
    world.run(100.0)
    assert world.started == []
    assert world.rounds == []
    assert [decision.strategy_id for decision in world.decisions] == ["fix1"]
    assert world.state(error_id) is State.OBSERVED
    assert "would run fix1" in world.view(error_id).reason
    world.report(fault())
    assert len(world.decisions) == 1, "one decision until retry_failed_after_s has passed"
    world.run(600.0)
    world.report(fault())
    assert len(world.decisions) == 2
    world.run(1.0)
    assert not world.ring


@pytest.mark.parametrize(
    ("component", "target", "reason"),
    [
        ("nobody", "", "no rule matches it"),
        ("app", "", "rule app: neither it nor the fault names a target"),
        ("app", "x", "rule app: target 'x' is not defined"),
        ("app", "host", "rule app: no strategy of its ladder fits a network error of host"),
    ],
)
def test_an_error_without_rule_target_or_strategy_is_observed_with_the_reason(
    component: str, target: str, reason: str
) -> None:
    for_services = Strategy("s", "exec", target_kinds=frozenset({"service"}))
    definitions = house(
        rule("app", target=None, ladder={1: ("s",)}), strategies=(for_services,), targets=(Target("host", "host"),)
    )
    world = World(definitions)
    error_id = world.report(fault(component, target=target))
    assert world.state(error_id) is State.OBSERVED
    assert world.view(error_id).reason == reason
    world.quiet()


def test_a_watched_error_that_falls_under_no_rule_any_more_is_observed() -> None:
    world = world_of(1)
    error_id = world.report(fault(explicit_fingerprint="mine"))
    world.run(10.0)
    world.report(fault("elsewhere", explicit_fingerprint="mine"))
    assert world.state(error_id) is State.OBSERVED
    assert [round(record.stability_score, 2) for record in world.records.values()] == [0.03]
    assert world.engine.next_wake() is None
    world.quiet()


def test_a_retry_of_the_sender_that_helped_is_recorded() -> None:
    world = world_of(1)
    error_id = world.report(fault(retry_success=True), breaks=False)
    assert world.state(error_id) is State.OBSERVED
    assert "own retry" in world.view(error_id).reason
    world.report(fault())
    assert world.levels() == [1], "the next one is not held up by it"


def failed() -> tuple[World, str]:
    world = world_of(1)
    world.plan = never
    error_id = world.report(fault())
    world.run(10.0)
    assert world.state(error_id) is State.FAILED
    return world, error_id


def test_a_failed_error_is_tried_again_when_it_is_reported_after_the_time() -> None:
    world, _ = failed()
    world.run(600.0)
    world.report(fault())
    assert world.levels() == [1, 1]


def test_a_failed_error_that_is_reported_before_the_time_is_tried_again_when_it_has_come() -> None:
    world, error_id = failed()
    world.report(fault())
    world.report(fault())
    world.run(580.0)
    assert world.levels() == [1]
    world.run(20.0)
    assert world.levels() == [1, 1]
    assert world.state(error_id) is State.FAILED
    world.run(2000.0)
    assert world.levels() == [1, 1], "once for what was reported"
    world.quiet()


def test_a_failed_error_that_a_person_has_mended_meanwhile_is_found_well() -> None:
    world, error_id = failed()
    world.report(fault())
    world.failing.clear()
    world.run(600.0)
    assert world.levels() == [1]
    assert world.state(error_id) is State.WATCHING


def test_a_failed_error_is_tried_again_in_time_though_the_daemon_was_killed_meanwhile() -> None:
    world, error_id = failed()
    world.report(fault())
    world.run(10.0)
    world.crash()
    assert world.state(error_id) is State.FAILED
    world.run(600.0)
    assert world.levels() == [1, 1]
    world.quiet()


# --- people


def test_resolving() -> None:
    world = world_of(1)
    error_id = world.report(fault())
    with pytest.raises(Refused, match="attempting"):
        world.resolve(error_id)
    world.run(1.0)
    world.engine.resolve(error_id[:5], "seen to", world.now)
    assert world.state(error_id) is State.RESOLVED
    assert world.view(error_id).reason == "resolved by a person: seen to"
    world.resolve(error_id)
    assert world.engine.next_wake() is None
    world.quiet()


def test_flushing_purges_what_waits_and_leaves_what_runs() -> None:
    world = World(house(rule("web"), rule("db")))
    running, waiting = world.report(fault(message="a")), world.report(fault(message="b"))
    assert world.flush() == (1, 1)
    assert world.state(waiting) is State.FLUSHED
    assert world.state(running) is State.ATTEMPTING
    assert world.flush(running) == (0, 1)
    world.run(1.0)
    assert len(world.started) == 1
    world.report(fault(message="b"))
    world.run(1.0)
    assert len(world.started) == 2, "the next fault opens a new ticket"
    world.quiet()


def test_a_flushed_ticket_that_is_opened_again_at_once_has_names_of_its_own() -> None:
    world, error_id = flapping()
    world.flush(error_id)
    world.report(fault())
    assert world.state(error_id) is State.PARKED, "it flaps all the same"
    world.run(10.0)
    assert len({order.attempt_id for order in world.started}) == len(world.started) == 2


def test_a_look_whose_ticket_was_flushed_answers_nobody() -> None:
    world, error_id = flapping()
    world.run(world.view(error_id).parked_until - world.now)
    assert world.state(error_id) is State.PROBING
    world.flush(error_id)
    world.run(1.0)
    assert world.state(error_id) is State.FLUSHED
    assert world.engine.in_the_works() == 0


def test_resetting_the_ladder_goes_on_from_the_first_level() -> None:
    world = world_of(1, 2, 3)
    world.plan = never
    error_id = world.report(fault())
    world.run(0.9)
    assert world.levels() == [1, 2]
    world.reset_ladder(error_id)
    world.run(20.0)
    assert world.levels() == [1, 2, 1, 2, 3]
    assert [record.level for record in world.records.values()] == [1, 2, 1, 2, 3], "recorded as they were run"


def test_resetting_a_ticket_that_waits_and_an_error_without_one() -> None:
    world, error_id = flapping()
    world.reset_ladder(error_id)
    world.run(10.0)
    assert world.levels() == [1, 1]
    world.reset_ladder(error_id)
    world.run(10.0)
    world.report(fault())
    assert world.levels() == [1, 1, 1], "from the first level, though it came back"


def test_a_retry_that_is_reset_has_all_its_tries_again_but_the_running_one() -> None:
    definitions = house(
        rule(ladder={1: ("retry",)}, response_class=ResponseClass.TRANSIENT, verification=QUICK), strategies=(RETRY,)
    )
    world = World(definitions)
    world.plan = never
    error_id = world.report(fault())
    world.run(0.05)
    world.reset_ladder(error_id)
    world.run(300.0)
    assert world.levels() == [1] * 5


def test_finishing_begins_nothing_more() -> None:
    world = world_of(1, 2, 3)
    world.plan = never
    first = world.report(fault(message="a"))
    world.engine.finish()
    second = world.report(fault(message="b"))
    world.run(30.0)
    assert world.levels() == [1]
    assert world.engine.in_the_works() == 0
    assert {world.state(first), world.state(second)} == {State.QUEUED}
