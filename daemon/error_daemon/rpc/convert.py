"""From the floor's values to the messages of error_recovery.v1: errors, decisions and attempts.

Events, approvals, figures, brakes and replays are in the files beside this one.
"""

from __future__ import annotations

from datetime import datetime, timezone

from error_daemon.intervals import beta_interval
from error_daemon.model import (
    STATUS_OF,
    AttemptRecord,
    Candidate,
    Decision,
    ErrorType,
    ErrorView,
    Evidence,
    Reading,
    State,
)
from error_recovery.v1 import fault_pb2, recovery_pb2

_TYPE_NUMBERS = {kind: number for number, kind in enumerate(ErrorType, start=1)}
_STATUS_NUMBERS = {
    "open": recovery_pb2.STATUS_OPEN,
    "retrying": recovery_pb2.STATUS_RETRYING,
    "resolved": recovery_pb2.STATUS_RESOLVED,
    "failed": recovery_pb2.STATUS_FAILED,
}
STATUS_NAMES = {number: name for name, number in _STATUS_NUMBERS.items()}
_IN_WORDS = {  # as docs/flow.md has them; what is not here says it by its name
    State.QUEUED: "ready: about to come up",
    State.PARKED: "waits",
    State.PROBING: "its target is looked at before anything is done",
    State.ATTEMPTING: "a strategy is running",
    State.VERIFYING: "the attempt has ended, and the probes are asked",
    State.WATCHING: "recovered, and watched until its stability window closes",
    State.FAILED: "failed: a person is needed",
    State.OBSERVED: "only recorded: nothing was done",
    State.FLUSHED: "its ticket was purged by a person",
}


def error_message(view: ErrorView) -> recovery_pb2.Error:
    return recovery_pb2.Error(
        error_id=view.error_id,
        type=fault_pb2.ErrorType.ValueType(_TYPE_NUMBERS[view.type]),
        severity=fault_pb2.Severity.ValueType(int(view.severity)),
        message=view.message,
        component=view.component,
        target=view.target,
        rule=view.rule,
        mode=view.mode,
        status=_STATUS_NUMBERS[STATUS_OF[view.state]],
        state=view.state.value,
        reason=view.reason,
        level=view.level,
        count=view.count,
        attempts=view.attempts,
        first_at=view.first_at,
        last_at=view.last_at,
        opened_at=view.opened_at,
        recovered_at=view.recovered_at,
        parked_until=view.parked_until,
        flapping=view.flapping,
        grouped_because=view.because,
        related_error_ids=view.related,
        response_class=view.response_class.value,
        recovery_class=view.recovery_class.value if view.recovery_class else "",
        severity_because=view.severity_because,
        held_by=view.held_by,
        root=view.root,
        state_text=state_text(view),
    )


def state_text(view: ErrorView) -> str:
    """The state in one sentence. Of one that waits: for what, until when, and why."""
    said = f"waits for {view.held_by}" if view.held_by else _IN_WORDS.get(view.state, view.state.value)
    if view.parked_until:
        said += f" until {datetime.fromtimestamp(view.parked_until, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    return f"{said}; {view.reason}" if view.reason else said


def reading_message(reading: Reading) -> recovery_pb2.Reading:
    return recovery_pb2.Reading(
        probe=reading.probe,
        value=reading.value.value,
        detail=reading.detail,
        at=reading.at,
        duration_s=reading.duration_s,
    )


def candidate_message(candidate: Candidate) -> recovery_pb2.Candidate:
    low, high = beta_interval(candidate.alpha, candidate.beta)
    return recovery_pb2.Candidate(
        strategy_id=candidate.strategy_id,
        samples=candidate.samples,
        success_alpha=candidate.alpha,
        success_beta=candidate.beta,
        success_mean=candidate.alpha / (candidate.alpha + candidate.beta),
        success_low=low,
        success_high=high,
        draw=candidate.draw,
        time_score=candidate.time_score,
        mean_impact=candidate.mean_impact,
        mean_stability=candidate.mean_stability,
        task_recovery_rate=candidate.task_rate,
        score=candidate.score,
        evidence=[evidence_message(evidence) for evidence in candidate.evidence],
        local_strength=candidate.local_strength,
    )


def evidence_message(evidence: Evidence) -> recovery_pb2.Evidence:
    return recovery_pb2.Evidence(
        scope=evidence.scope,
        attempts=evidence.attempts,
        helped=evidence.helped,
        weight=evidence.weight,
        successes=evidence.successes,
        recent=evidence.recent,
    )


def decision_message(decision: Decision) -> recovery_pb2.Decision:
    return recovery_pb2.Decision(
        decision_id=decision.decision_id,
        error_id=decision.error_id,
        at=decision.at,
        level=decision.level,
        strategy_id=decision.strategy_id,
        target=decision.target,
        mode=decision.mode,
        reason=decision.reason,
        explored=decision.explored,
        timeout_s=decision.timeout_s,
        candidates=[candidate_message(candidate) for candidate in decision.candidates],
        brakes=decision.brakes,
        attempt_id=decision.attempt_id,
        error_type=decision.error_type.value,
        severity=fault_pb2.Severity.ValueType(int(decision.severity)),
        rule=decision.rule,
        levels=decision.levels,
        may_explore=decision.may_explore,
        rng_state=decision.rng_state,
        timeout_basis=_basis(decision.timeout_basis),
        timeout_bounds=_bounds(decision.timeout_bounds_s),
        why_now=decision.why_now,
        sharpness=decision.sharpness,
    )


def _basis(basis: tuple[float, float] | None) -> recovery_pb2.TimeoutBasis | None:
    return recovery_pb2.TimeoutBasis(mean_s=basis[0], deviation_s=basis[1]) if basis else None


def _bounds(bounds_s: tuple[float, float] | None) -> recovery_pb2.TimeoutBounds | None:
    return recovery_pb2.TimeoutBounds(shortest_s=bounds_s[0], longest_s=bounds_s[1]) if bounds_s else None


def attempt_message(record: AttemptRecord) -> recovery_pb2.Attempt:
    return recovery_pb2.Attempt(
        attempt_id=record.attempt_id,
        error_id=record.error_id,
        decision_id=record.decision_id,
        strategy_id=record.strategy_id,
        target=record.target,
        level=record.level,
        error_type=record.error_type.value,
        started_at=record.started_at,
        execution_time_s=record.execution_time_s,
        outcome=record.outcome.value,
        detail=record.detail,
        verdict=record.verdict.value,
        success=record.success,
        impact_score=record.impact_score,
        stability_score=record.stability_score,
        lag_s=record.lag_s,
        readings=[reading_message(reading) for reading in record.readings],
        number=record.number,
        withheld_s=record.withheld_s,
    )
