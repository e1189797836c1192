from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.metrics import LAYERS, Rate, class_figures, layer_figures, response_figures
from error_daemon.model import ErrorType, RecoveryClass, ResponseClass, TicketRecord
from tests.core.metric_records import any_tickets, ticket

PERMANENT, CASCADING, CRITICAL = ResponseClass.PERMANENT, ResponseClass.CASCADING, ResponseClass.CRITICAL


def immediate(took_s: float, ended_as: str = "recovered") -> TicketRecord:
    return ticket(100.0, 100.0 + took_s, ended_as, recovery_class=RecoveryClass.IMMEDIATE)


def kept(response_class: ResponseClass, *tickets: TicketRecord) -> Rate:
    return response_figures(tickets)[response_class].kept


# --- recovery classes


def test_a_recovery_class_that_does_not_occur_is_not_known() -> None:
    figures = class_figures([ticket(ended_as="flushed")])
    assert list(figures) == list(RecoveryClass)
    assert all(item.is_met is None and item.success.ratio is None for item in figures.values())


def test_a_late_recovery_is_a_success_but_not_in_time() -> None:
    figures = class_figures([immediate(0.5), immediate(1.0), immediate(0.1, "failed")])[RecoveryClass.IMMEDIATE]
    assert figures.success == Rate(2, 3)
    assert figures.in_time == Rate(1, 3)
    assert figures.is_met is False


def test_a_class_is_met_when_more_than_its_share_was_in_time() -> None:
    late = [immediate(2.0)]
    assert class_figures([immediate(0.5)] * 19 + late)[RecoveryClass.IMMEDIATE].is_met is False  # 95 % exactly
    assert class_figures([immediate(0.5)] * 20 + late)[RecoveryClass.IMMEDIATE].is_met is True


# --- response classes


def test_transient_faults_promise_no_time() -> None:
    figures = response_figures([ticket(response_class=ResponseClass.TRANSIENT)])
    assert set(figures) == {PERMANENT, CASCADING, CRITICAL}
    assert all(item.kept.ratio is None and item.is_met is None for item in figures.values())


@pytest.mark.parametrize(
    ("told_after_s", "took_s", "ended_as", "expected"),
    [
        (30.0, 100.0, "failed", Rate(1, 1)),
        (30.5, 100.0, "failed", Rate(0, 1)),
        (None, 1.0, "failed", Rate(0, 1)),
        (None, 31.0, "recovered", Rate(0, 1)),
        (None, 29.0, "recovered", Rate(0, 0)),
        (None, 29.0, "resolved", Rate(0, 0)),
    ],
)
def test_people_are_told_of_a_permanent_fault_within_30_s_unless_it_ended_before(
    told_after_s: float | None, took_s: float, ended_as: str, expected: Rate
) -> None:
    told_at = 0.0 if told_after_s is None else 100.0 + told_after_s
    item = ticket(100.0, 100.0 + took_s, ended_as, response_class=PERMANENT, escalated_at=told_at)
    assert kept(PERMANENT, item) == expected


@pytest.mark.parametrize(("response_class", "limit_s"), [(CRITICAL, 0.1), (CASCADING, 1.0)])
def test_the_first_attempt_is_handed_out_within_the_limit(response_class: ResponseClass, limit_s: float) -> None:
    in_time = ticket(0.0, 9.0, responded_at=limit_s, response_class=response_class)
    late = ticket(0.0, 9.0, responded_at=limit_s + 0.001, response_class=response_class)
    assert kept(response_class, in_time, late) == Rate(1, 2)
    assert response_figures([in_time])[response_class].is_met is True
    assert response_figures([in_time, late])[response_class].is_met is False


@pytest.mark.parametrize(
    ("took_s", "ended_as", "expected"),
    [
        (9.0, "recovered", Rate(0, 0)),
        (9.0, "flushed", Rate(0, 1)),
        (0.05, "flushed", Rate(0, 0)),
        (0.05, "failed", Rate(0, 1)),
    ],
)
def test_a_critical_fault_without_an_attempt(took_s: float, ended_as: str, expected: Rate) -> None:
    item = ticket(100.0, 100.0 + took_s, ended_as, response_class=CRITICAL, responded_at=0.0, attempts=0)
    assert kept(CRITICAL, item) == expected


def test_an_answer_that_a_person_held_up_is_not_judged() -> None:
    paused = ticket(100.0, 900.0, response_class=CRITICAL, responded_at=800.0, planned=True)
    approved = ticket(100.0, 900.0, response_class=CRITICAL, responded_at=800.0, mode="approve")
    assert kept(CRITICAL, paused, approved) == Rate(0, 0)


# --- layers


def test_every_error_type_but_unknown_belongs_to_one_layer() -> None:
    types = [error_type for layer in LAYERS for error_type in layer.types]
    assert len(types) == len(set(types))
    assert set(types) == set(ErrorType) - {ErrorType.UNKNOWN}


def test_a_layer_keeps_its_bounds_when_its_95th_percentile_does() -> None:
    quick = ticket(100.0, 100.05, error_type=ErrorType.HARDWARE, occurred_at=99.9995)
    slow = ticket(100.0, 105.0, error_type=ErrorType.HARDWARE, occurred_at=99.0)
    kept_bounds = layer_figures([quick] * 19 + [slow])["hardware"]
    assert (kept_bounds.is_detect_met, kept_bounds.is_recover_met) == (True, True)
    broken = layer_figures([quick] * 18 + [slow] * 2)["hardware"]
    assert (broken.is_detect_met, broken.is_recover_met) == (False, False)
    assert (broken.detect.samples, broken.recover.samples) == (20, 20)


def test_a_layer_without_samples_is_not_known() -> None:
    figures = layer_figures([ticket(error_type=ErrorType.UNKNOWN)])
    assert list(figures) == ["hardware", "system", "application", "workflow"]
    assert all(item.is_detect_met is None and item.is_recover_met is None for item in figures.values())


@given(st.lists(any_tickets()))
def test_shares_of_classes_are_within_0_and_1(tickets: list[TicketRecord]) -> None:
    for by_class in class_figures(tickets).values():
        assert 0 <= by_class.in_time.count <= by_class.success.count <= by_class.success.samples
    for by_response in response_figures(tickets).values():
        assert 0 <= by_response.kept.count <= by_response.kept.samples
