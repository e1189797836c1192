"""From the floor's values to the messages of error_recovery.v1."""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.intervals import beta_interval
from error_daemon.model import (
    STATUS_OF,
    AttemptRecord,
    Candidate,
    Decision,
    ErrorType,
    ErrorView,
    Json,
    Notice,
    Reading,
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
    )


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
    )


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
    )


def event_message(notice: Notice) -> recovery_pb2.Event:
    return recovery_pb2.Event(
        at=notice.at,
        kind=notice.kind,
        error=error_message(notice.error),
        decision=decision_message(notice.decision) if notice.decision else None,
        attempt=attempt_message(notice.attempt) if notice.attempt else None,
        readings=[reading_message(reading) for reading in notice.readings],
        text=notice.text,
    )


def status_message(facts: Mapping[str, Json]) -> recovery_pb2.GetStatusResponse:
    """`facts` has the fields of GetStatusResponse; nested ones as mappings."""
    plain = {name: value for name, value in facts.items() if name not in ("rings", "store", "lag")}
    return recovery_pb2.GetStatusResponse(
        **plain,
        rings=[recovery_pb2.RingUse(**ring) for ring in facts["rings"]],
        store=recovery_pb2.StoreState(**facts["store"]),
        lag=recovery_pb2.LagFigures(**facts["lag"]),
    )


def metrics_message(facts: Mapping[str, Json]) -> recovery_pb2.GetMetricsResponse:
    plain = {name: value for name, value in facts.items() if name not in ("strategies", "lag")}
    return recovery_pb2.GetMetricsResponse(
        **plain,
        strategies=[recovery_pb2.StrategyMetrics(**strategy) for strategy in facts["strategies"]],
        lag=recovery_pb2.LagFigures(**facts["lag"]),
    )
