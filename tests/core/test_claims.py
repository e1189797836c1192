"""What somebody claims who may be wrong, or lie: the target is looked at first, and left alone where it is well."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.model import Since, State, Verification
from tests.core.world import World, fault, house, rule

WEB = rule("web", (1, 2), verification=Verification(hold_s=0.0, within_s=0.5, patience_s=2.0))


def world() -> World:
    return World(house(WEB))


def test_a_false_claim_has_the_target_looked_at_and_nothing_done() -> None:
    here = world()
    error_id = here.claim(fault())
    assert here.state(error_id) is State.PROBING
    here.run(5.0)
    assert here.started == []
    assert here.state(error_id) is State.WATCHING
    here.quiet()


def test_a_true_claim_is_acted_on_once_it_was_seen() -> None:
    here = world()
    here.claim(fault(), breaks=True)
    assert here.started == []
    here.run(2.0)
    assert [order.strategy.id for order in here.started][:1] == ["fix1"]
    here.quiet()


def test_claims_about_what_is_watched_do_not_climb_the_ladder() -> None:
    here = world()
    error_id = here.report(fault())
    here.failing["web"] = frozenset()
    here.run(6.0)
    begun = len(here.started)
    for _ in range(20):
        here.claim(fault())
        here.run(6.0)
    assert len(here.started) == begun
    view = here.view(error_id)
    assert (view.state, view.relapses) == (State.WATCHING, 0)
    here.quiet()


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0.0, 3.0)), max_size=60))
def test_no_number_of_claims_under_any_names_has_a_healthy_target_acted_on(claims: list[tuple[int, float]]) -> None:
    here = world()
    for name, wait_s in claims:
        here.claim(fault(explicit_fingerprint=f"name {name}"))
        here.run(wait_s)
    here.run(30.0)
    assert here.started == []
    here.quiet()


@pytest.mark.parametrize("is_a_claim", [True, False])
def test_a_claim_that_folds_into_an_open_ticket_changes_nothing_of_it(is_a_claim: bool) -> None:
    here = world()
    here.report(fault())
    begun = len(here.started)
    assert begun == 1
    (here.claim if is_a_claim else here.report)(fault())
    assert len(here.started) == begun


@pytest.mark.parametrize(("claims", "gap_s"), [(1, 0.1), (5, 1.0), (60, 1.0), (20, 4.0)])
def test_lies_do_not_hold_back_the_recovery_of_what_then_fails(claims: int, gap_s: float) -> None:
    here = world()
    for _ in range(claims):
        here.claim(fault())
        here.run(gap_s)
    here.report(fault())
    assert [order.strategy.id for order in here.started] == ["fix1"]
    here.run(10.0)
    here.quiet()


def test_what_flaps_in_truth_is_held_back_as_before_whatever_is_claimed_meanwhile() -> None:
    here = world()
    here.report(fault())
    here.failing["web"] = frozenset()
    here.run(1.0)
    here.claim(fault())
    here.run(1.0)
    error_id = here.report(fault(), breaks=False)
    assert here.state(error_id) is State.PARKED
    assert here.view(error_id).flapping
    here.run(30.0)
    here.quiet()


def test_a_look_says_when_the_fault_came_and_when_its_target_was_acted_on() -> None:
    here = world()
    here.claim(fault(), breaks=True)
    assert here.rounds[0].since == Since(opened_at=here.now, acted_at=0.0)
    opened_at = here.now
    here.run(2.0)
    began = here.started_at[0]
    after = next(order.since for order in here.rounds if order.since.acted_at)
    assert after.opened_at == opened_at
    assert after.acted_at == pytest.approx(began, abs=0.1)
    here.failing["web"] = frozenset()
    here.run(10.0)
    here.claim(fault())
    assert here.rounds[-1].since == Since(here.now, 0.0)
