"""From what the engine says to the rows of the record, and back.

The documents of errors and decisions hold only what their columns do not say. Earlier versions wrote everything into them: such rows
are read too.

Rows of faults, errors and decisions are made for every fault, so time matters there: they are the values alone, in the order of
store/schema.py and store/documents.py, and the store's own process gives them their names. `_value_` is the `value` of an enum's member
without the descriptor in Python around it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from pydantic import TypeAdapter

from error_daemon.core.effects import SaveFault, SaveLadder
from error_daemon.model import (
    ApprovalRecord,
    AttemptRecord,
    Candidate,
    Decision,
    ErrorType,
    ErrorView,
    Escalation,
    Evidence,
    Json,
    LearnedTimeout,
    Reading,
    Score,
    TicketRecord,
    Usage,
)

Row = dict[str, Json]
Values = tuple[Json, ...]
_VIEW: TypeAdapter[ErrorView] = TypeAdapter(ErrorView)
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
_APPROVAL: TypeAdapter[ApprovalRecord] = TypeAdapter(ApprovalRecord)
_ATTEMPT: TypeAdapter[AttemptRecord] = TypeAdapter(AttemptRecord)
_TICKET: TypeAdapter[TicketRecord] = TypeAdapter(TicketRecord)


def _plain(kind: type[Any], *columns: str) -> Callable[[Any], Row]:
    """Gives the fields of a dataclass by name, but those that are `columns`."""
    names = tuple(each.name for each in fields(kind) if each.name not in columns)
    values = attrgetter(*names)
    return lambda one: dict(zip(names, values(one), strict=True))


_whole_attempt = _plain(AttemptRecord)
_whole_reading = _plain(Reading)
_usage = _plain(Usage)
_of_ticket = _plain(TicketRecord, "ticket_id")


def fault_row(effect: SaveFault, payload: bytes) -> Values:
    """`payload`: the fault as the ring keeps it, a serialised error_recovery.v1.Fault; nothing of it is lost to the record."""
    fault, error_id = effect.fault, effect.error_id
    severity = fault.severity
    return (
        f"{error_id}-{effect.slot.sequence:x}-{int(fault.received_at * 1000):x}",
        error_id,
        fault.received_at,
        fault.type._value_,
        None if severity is None else severity._value_,
        fault.component,
        fault.message or fault.exception_message,
        fault.source,
        fault.count,
        (payload,),
    )


def error_row(view: ErrorView) -> Values:
    recovery_class = view.recovery_class
    return (
        view.error_id,
        view.fingerprint,
        view.type._value_,
        view.severity._value_,
        view.component,
        view.message,
        view.target,
        view.rule,
        view.mode,
        view.state._value_,
        view.reason,
        view.level,
        view.count,
        view.attempts,
        view.first_at,
        view.last_at,
        view.opened_at,
        view.recovered_at,
        view.flapping,
        (
            view.response_class._value_,
            view.node,
            view.hardware_id,
            view.relapses,
            view.ended_at,
            view.parked_until,
            view.because,
            view.related,
            view.slot_sequence,
            view.slot_count,
            None if recovery_class is None else recovery_class._value_,
            view.severity_because,
            view.held_by,
            view.root,
        ),
    )


def decision_row(decision: Decision) -> Values:
    return (
        decision.decision_id,
        decision.error_id,
        decision.at,
        decision.level,
        decision.strategy_id,
        decision.target,
        decision.mode,
        decision.reason,
        decision.attempt_id,
        (
            decision.explored,
            decision.timeout_s,
            tuple([_candidate(one) for one in decision.candidates]),
            decision.brakes,
            decision.error_type._value_,
            decision.severity._value_,
            decision.rule,
            decision.levels,
            decision.may_explore,
            decision.rng_state,
            decision.timeout_basis,
            decision.timeout_bounds_s,
            decision.why_now,
            decision.sharpness,
        ),
    )


def _candidate(one: Candidate) -> Values:
    return (
        one.strategy_id,
        one.samples,
        one.alpha,
        one.beta,
        one.draw,
        one.time_score,
        one.mean_impact,
        one.mean_stability,
        one.task_rate,
        one.score,
        tuple([_evidence(each) for each in one.evidence]),
        one.local_strength,
    )


def _evidence(one: Evidence) -> Values:
    return one.scope, one.attempts, one.helped, one.weight, one.successes, one.recent


def attempt_row(record: AttemptRecord) -> Row:
    document = _whole_attempt(record)
    document["error_type"] = record.error_type._value_
    document["outcome"] = record.outcome._value_
    document["verdict"] = record.verdict._value_
    document["before"], document["after"] = _usage(record.before), _usage(record.after)
    readings = document["readings"] = [_whole_reading(reading) for reading in record.readings]
    for reading in readings:
        reading["value"] = reading["value"]._value_
    return {
        "id": record.attempt_id,
        "error_id": record.error_id,
        "decision_id": record.decision_id,
        "strategy_id": record.strategy_id,
        "target": record.target,
        "level": record.level,
        "error_type": record.error_type._value_,
        "started_at": record.started_at,
        "execution_time_s": record.execution_time_s,
        "outcome": record.outcome._value_,
        "verdict": record.verdict._value_,
        "success": record.success,
        "impact_score": record.impact_score,
        "stability_score": record.stability_score,
        "lag_s": record.lag_s,
        "document": document,
    }


def performance_row(record: AttemptRecord) -> Row:
    """The row of requirement B12. The stability is null while its window is open."""
    return {
        "id": record.attempt_id,
        "strategy_id": record.strategy_id,
        "strategy_name": record.strategy_name,
        "error_type": record.error_type._value_,
        "execution_time": record.execution_time_s,
        "success": record.success,
        "timestamp": record.ended_at,
        "hardware_id": record.hardware_id,
        "affected_tasks": record.affected_tasks,
        "recovered_tasks": record.recovered_tasks,
        "resource_usage": {"before": _usage(record.before), "after": _usage(record.after)},
        "impact_score": record.impact_score,
        "stability_score": record.stability_score if record.stability_score >= 0 else None,
        "context": {
            "error_id": record.error_id,
            "component": record.component,
            "target": record.target,
            "level": record.level,
            "outcome": record.outcome._value_,
            "verdict": record.verdict._value_,
        },
    }


def reading_rows(record: AttemptRecord) -> list[Row]:
    return [_reading_row(record, number, reading) for number, reading in enumerate(record.readings)]


def _reading_row(record: AttemptRecord, number: int, reading: Reading) -> Row:
    return {
        "id": f"{record.attempt_id}-{number}",
        "error_id": record.error_id,
        "attempt_id": record.attempt_id,
        "probe": reading.probe,
        "value": reading.value._value_,
        "detail": reading.detail,
        "at": reading.at,
        "duration_s": reading.duration_s,
    }


def ticket_row(record: TicketRecord) -> Row:
    row = {"id": record.ticket_id, **_of_ticket(record)}
    row["error_type"] = record.error_type._value_
    row["severity"] = record.severity._value_
    row["response_class"] = record.response_class._value_
    row["recovery_class"] = record.recovery_class._value_
    return row


def escalation_row(escalation: Escalation) -> Row:
    return {
        "id": f"{escalation.ticket_id}-{escalation.cause}",
        "error_id": escalation.error_id,
        "ticket_id": escalation.ticket_id,
        "at": escalation.at,
        "response_class": escalation.response_class._value_,
        "cause": escalation.cause,
        "text": escalation.text,
        "diagnostics": escalation.diagnostics,
    }


def approval_row(record: ApprovalRecord) -> Row:
    """The document has the decision, and what a restart needs besides."""
    decision = record.decision
    return {
        "id": decision.decision_id,
        "error_id": decision.error_id,
        "ticket_id": record.ticket_id,
        "target": decision.target,
        "rule": decision.rule,
        "strategy_id": decision.strategy_id,
        "level": decision.level,
        "does": record.does,
        "asked_at": decision.at,
        "expires_at": record.expires_at,
        "state": record.state._value_,
        "answered_by": record.answered_by,
        "answered_at": record.answered_at,
        "note": record.note,
        "document": {
            "decision": _DECISION.dump_python(decision, mode="json"),
            "digest": record.digest,
            "attempts": record.attempts,
            "slot_sequence": record.slot_sequence,
            "times_asked": record.times_asked,
        },
    }


def score_row(score: Score) -> Row:
    return {
        "error_type": score.error_type._value_,
        "strategy_id": score.strategy_id,
        "score": score.score,
        "last_updated": score.last_at,
        "samples": score.samples,
        "metrics": dict(score.metrics),
    }


def timeout_row(timeout: LearnedTimeout) -> Row:
    return {
        "error_type": timeout.error_type._value_,
        "strategy_id": timeout.strategy_id,
        "timeout": timeout.timeout_s,
        "last_updated": timeout.last_at,
    }


def ladder_row(effect: SaveLadder) -> Row:
    return {
        "error_id": effect.error_id,
        "current_level": effect.level,
        "last_updated": effect.at,
        "history": list(effect.history),
    }


# --- back


def payload_of(row: Mapping[str, Any]) -> bytes:
    return b64decode(row["document"]["payload"])


def view_of(row: Mapping[str, Any]) -> ErrorView:
    return _VIEW.validate_python({**row, **row["document"]})


def decision_of(row: Mapping[str, Any]) -> Decision:
    return _DECISION.validate_python({"decision_id": row["id"], **row, **row["document"]})


def attempt_of(row: Mapping[str, Any]) -> AttemptRecord:
    return _ATTEMPT.validate_python(row["document"])


def ticket_of(row: Mapping[str, Any]) -> TicketRecord:
    return _TICKET.validate_python({"ticket_id": row["id"], **row})


def approval_of(row: Mapping[str, Any]) -> ApprovalRecord:
    return _APPROVAL.validate_python({**row, **row["document"]})


def score_of(row: Mapping[str, Any]) -> Score:
    return Score(
        error_type=ErrorType(row["error_type"]),
        strategy_id=row["strategy_id"],
        score=row["score"],
        samples=int(row["samples"]),
        last_at=row["last_updated"],
        metrics=row["metrics"],
    )


def timeout_of(row: Mapping[str, Any]) -> LearnedTimeout:
    return LearnedTimeout(ErrorType(row["error_type"]), row["strategy_id"], row["timeout"], row["last_updated"])
