"""Records for the tests of the metrics: ordinary ones, of which a test says what matters to it."""

from __future__ import annotations

from itertools import count
from typing import Any

from hypothesis import strategies as st

from error_daemon.model import (
    AttemptRecord,
    ErrorType,
    OutcomeKind,
    RecoveryClass,
    ResponseClass,
    Severity,
    TicketRecord,
    Usage,
    Verdict,
)

_numbers = count()


def ticket(
    opened_at: float = 100.0, ended_at: float = 101.0, ended_as: str = "recovered", **values: Any
) -> TicketRecord:
    """Recovered at the first attempt, a second after it was opened."""
    number = next(_numbers)
    ordinary: dict[str, Any] = {
        "ticket_id": f"t{number:09}",
        "error_id": f"e{number}",
        "error_type": ErrorType.SYSTEM,
        "severity": Severity.HIGH,
        "response_class": ResponseClass.TRANSIENT,
        "recovery_class": RecoveryClass.GRADUAL,
        "target": "web",
        "component": "shop",
        "rule": "web-died",
        "mode": "auto",
        "occurred_at": 0.0,
        "responded_at": opened_at,
        "reason": "",
        "attempts": 1,
        "entry_level": 1,
        "last_level": 1,
        "looked_first": False,
        "planned": False,
        "relapses": 0,
    }
    return TicketRecord(opened_at=opened_at, ended_at=ended_at, ended_as=ended_as, **(ordinary | values))


def attempt(ended_at: float = 101.0, success: bool = True, **values: Any) -> AttemptRecord:
    """Completed, and seen to have helped or not."""
    number = next(_numbers)
    ordinary: dict[str, Any] = {
        "attempt_id": f"a{number}",
        "error_id": f"e{number}",
        "decision_id": f"d{number}",
        "strategy_id": "restart-web",
        "strategy_name": "restart-web",
        "target": "web",
        "level": 3,
        "error_type": ErrorType.SYSTEM,
        "hardware_id": "",
        "component": "shop",
        "started_at": ended_at - 1.0,
        "execution_time_s": 1.0,
        "outcome": OutcomeKind.COMPLETED,
        "detail": "",
        "verdict": Verdict.RECOVERED if success else Verdict.PERSISTING,
        "impact_score": 0.1,
        "stability_score": -1.0,
        "lag_s": 0.0,
        "affected_tasks": 0,
        "recovered_tasks": 0,
        "before": Usage(),
        "after": Usage(),
    }
    return AttemptRecord(ended_at=ended_at, success=success, **(ordinary | values))


moments = st.floats(0.0, 1000.0)


@st.composite
def any_tickets(draw: st.DrawFn) -> TicketRecord:
    """Any mixture of ends, times, targets and kinds, impossible ones too."""
    return ticket(
        draw(moments),
        draw(moments),
        draw(st.sampled_from(["recovered", "failed", "resolved", "flushed"])),
        occurred_at=draw(st.just(0.0) | moments),
        responded_at=draw(st.just(0.0) | moments),
        escalated_at=draw(st.just(0.0) | moments),
        target=draw(st.sampled_from(["web", "db", "queue"])),
        component=draw(st.sampled_from(["", "shop", "bank"])),
        error_type=draw(st.sampled_from(ErrorType)),
        response_class=draw(st.sampled_from(ResponseClass)),
        recovery_class=draw(st.sampled_from(RecoveryClass)),
        mode=draw(st.sampled_from(["auto", "approve"])),
        attempts=draw(st.integers(0, 3)),
        last_level=draw(st.integers(1, 5)),
        looked_first=draw(st.booleans()),
        planned=draw(st.booleans()),
    )


@st.composite
def any_attempts(draw: st.DrawFn) -> AttemptRecord:
    return attempt(
        draw(moments),
        draw(st.booleans()),
        outcome=draw(st.sampled_from(OutcomeKind)),
        verdict=draw(st.sampled_from(Verdict)),
        strategy_id=draw(st.sampled_from(["a", "b"])),
        level=draw(st.integers(1, 5)),
        impact_score=draw(st.floats(0.0, 1.0)),
        stability_score=draw(st.just(-1.0) | st.floats(0.0, 1.0)),
    )
