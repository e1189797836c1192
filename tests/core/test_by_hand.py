"""What a person does, led by a workflow: it takes hours, and so no place, no target, and no brake's notice."""

from __future__ import annotations

import pytest

from error_daemon.core.policy import Policy
from error_daemon.errors import Refused
from error_daemon.model import (
    GUIDED,
    AttemptOrder,
    Bulkhead,
    OutcomeKind,
    Rule,
    State,
    Strategy,
)
from tests.core.world import Plan, World, fault, house, needs, rule

BY_HAND = Strategy("by-hand", GUIDED, params={"workflow": "w", "exclusive": False}, timeout_s=7200.0)
ALONE = Strategy("alone", GUIDED, params={"workflow": "w", "exclusive": True}, timeout_s=7200.0)
LONG_S = 1000.0  # less than the world waits until it is quiet


def guided(component: str = "web", strategy: str = "by-hand", target: str = "web") -> Rule:
    return rule(component, ladder={3: (strategy,)}, target=target)


def world(*rules: Rule, bulkheads: tuple[Bulkhead, ...] = (), capacity: int = 1) -> World:
    definitions = house(*rules, strategies=(BY_HAND, ALONE), bulkheads=bulkheads)
    one = World(definitions, Policy(capacity=capacity))
    one.plan = lambda order: Plan(takes_s=LONG_S) if order.strategy.is_by_hand else Plan()
    return one


def ids(orders: list[AttemptOrder]) -> list[str]:
    return [order.strategy.id for order in orders]


def test_it_has_its_own_time_and_is_verified_like_any_other() -> None:
    one = world(guided())
    error_id = one.report(fault())
    one.run(LONG_S - 10)
    assert one.state(error_id) is State.ATTEMPTING
    one.run(60)
    assert one.state(error_id) is State.WATCHING
    (record,) = one.records.values()
    assert (record.is_by_hand, record.success, record.execution_time_s) == (True, True, LONG_S)
    assert one.engine._board.timeouts.given(record.error_type, BY_HAND) == (7200.0, None), "a person teaches no timeout"
    one.quiet()


def test_others_go_on_meanwhile_and_nothing_is_taken_from_them() -> None:
    """One place, one target, one place in the bulkhead: they all stay free."""
    one = world(guided(), rule("other", (1,), target="web"), bulkheads=(Bulkhead("all", 1),))
    by_hand = one.report(fault())
    one.run(1)
    other = one.report(fault("other"))
    one.run(10)
    assert ids(one.started) == ["by-hand", "fix1"]
    assert (one.state(by_hand), one.state(other)) == (State.ATTEMPTING, State.WATCHING)
    assert one.engine.attempts_running() == 1
    one.quiet()


def test_one_that_is_exclusive_keeps_its_target_from_others() -> None:
    one = world(guided(strategy="alone"), rule("other", (1,), target="web"))
    one.report(fault())
    one.run(1)
    other = one.report(fault("other"))
    one.run(LONG_S - 10)
    assert ids(one.started) == ["alone"]
    assert one.view(other).held_by == "target"
    one.run(60)
    assert one.state(other) in (State.WATCHING, State.RESOLVED), "it was found well"
    one.quiet()


@pytest.mark.parametrize("strategy", ["by-hand", "alone"])
def test_a_daemon_that_stops_waits_for_nobody(strategy: str) -> None:
    one = world(guided(strategy=strategy))
    one.report(fault())
    one.run(1)
    assert one.engine.in_the_works() == 0
    one.quiet()


def test_after_a_restart_it_goes_on_at_its_level_however_the_error_is_classed() -> None:
    one = world(guided())
    error_id = one.report(fault())
    one.run(10)
    one.crash()
    one.run(10)
    assert one.levels() == [3, 3]
    assert one.state(error_id) is State.ATTEMPTING
    assert one.causes() == ["unrecovered"] * len(one.causes())
    one.quiet()


def test_when_it_ends_and_another_is_at_its_target_it_is_looked_at_all_the_same() -> None:
    one = world(guided(), rule("other", (1,), target="web"), capacity=4)
    one.plan = lambda order: Plan(takes_s=100.0 if order.strategy.is_by_hand else 50.0)
    by_hand = one.report(fault())
    one.run(80)
    one.report(fault("other"))
    one.run(40)
    assert ids(one.started) == ["by-hand", "fix1"]
    assert one.state(by_hand) is State.WATCHING
    one.quiet()


def test_symptoms_do_not_wait_for_people() -> None:
    """One that came before the person was asked, and one after."""
    db, web = guided("db", target="db"), rule("web", (1,))
    one = World(house(db, web, strategies=(BY_HAND,), targets=(needs("web", "db"),)), Policy(capacity=4))
    one.plan = lambda order: Plan(takes_s=LONG_S) if order.strategy.is_by_hand else Plan()
    one.pause("db", 5.0)
    one.report(fault("db"))
    before = one.report(fault("web"))
    one.run(1)
    assert one.view(before).held_by == "root"
    one.run(30)
    assert ids(one.started) == ["by-hand", "fix1"]
    assert one.state(before) is State.WATCHING
    one.report(fault("web", message="down again"))
    one.run(30)
    assert ids(one.started) == ["by-hand", "fix1", "fix1"]
    one.quiet()


def test_a_symptom_does_not_wait_for_people_once_what_it_waited_for_has_ended() -> None:
    rules = guided("db", target="db"), rule("other", (1,), target="db"), rule("web", (1,))
    one = World(house(*rules, strategies=(BY_HAND,), targets=(needs("web", "db"),)), Policy(capacity=4))
    one.plan = lambda order: Plan(takes_s=LONG_S if order.strategy.is_by_hand else 20.0)
    one.report(fault("db"))
    one.run(1)
    one.report(fault("other"))
    one.run(1)
    symptom = one.report(fault("web"))
    assert one.view(symptom).held_by == "root"
    one.run(60)
    assert one.state(symptom) is State.WATCHING
    one.quiet()


def test_after_a_restart_what_the_host_could_do_at_that_level_does_not_climb_past_a_person() -> None:
    both = rule("web", ladder={3: ("by-hand", "fix1"), 4: ("fix4",)}, target="web")
    one = world(both)
    one.report(fault())
    one.run(0.05)
    one.crash()
    one.run(0.5)
    assert 4 not in one.levels()


def test_who_resolves_what_a_person_is_led_through_is_told_how_to_end_it() -> None:
    one = world(guided())
    error_id = one.report(fault())
    with pytest.raises(Refused, match="error-cli workflows abort"):
        one.resolve(error_id)
    one.quiet()


def test_symptoms_wait_for_one_that_is_exclusive() -> None:
    db, web = guided("db", "alone", target="db"), rule("web", (1,))
    one = World(house(db, web, strategies=(ALONE,), targets=(needs("web", "db"),)), Policy(capacity=4))
    one.plan = lambda order: Plan(takes_s=LONG_S) if order.strategy.is_by_hand else Plan()
    one.report(fault("db"))
    one.run(1)
    error_id = one.report(fault("web"))
    one.run(30)
    assert one.view(error_id).held_by == "root"
    one.quiet()


def test_no_breaker_counts_it() -> None:
    one = world(*(guided(f"c{number}", target="web") for number in range(10)))
    one.plan = lambda order: Plan(OutcomeKind.FAILED, cures=False)
    for number in range(10):
        one.report(fault(f"c{number}"))
        one.run(1)
    assert len(one.started) == 10
    assert {record.verdict.value for record in one.records.values()} == {"persisting"}
    assert {view.state for view in one.engine.brakes(one.now) if "breaker" in view.brake} == {"closed"}
    one.quiet()


def test_one_that_is_lost_leaves_its_target_in_doubt() -> None:
    one = world(guided())
    error_id = one.report(fault())
    one.run(1)
    one.failing["web"] = None
    one.lose_worker()
    assert one.state(error_id) is State.VERIFYING
    assert one.engine._dispatch.possession.is_in_doubt("web")
    one.quiet()
