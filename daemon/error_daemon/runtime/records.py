"""From what the engine says to the rows of the record, and back.

The documents of errors and decisions hold only what their columns do not say. Earlier versions wrote everything into them: such rows
are read too.

Rows are made for every fault, so time matters here. `_value_` is the `value` of an enum's member without the descriptor in Python
around it; and the members themselves would take the store's serialiser 1 µs each.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import fields
from operator import attrgetter
from typing import Any

from pydantic import TypeAdapter

from error_daemon.core.effects import SaveFault, SaveLadder
from error_daemon.model import (
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
from error_daemon.store.schema import TABLES

Row = dict[str, Json]
_VIEW: TypeAdapter[ErrorView] = TypeAdapter(ErrorView)
_DECISION: TypeAdapter[Decision] = TypeAdapter(Decision)
_ATTEMPT: TypeAdapter[AttemptRecord] = TypeAdapter(AttemptRecord)
_TICKET: TypeAdapter[TicketRecord] = TypeAdapter(TicketRecord)


def _plain(kind: type[Any], *columns: str) -> Callable[[Any], Row]:
    """Gives the fields of a dataclass by name, but those that are `columns`."""
    names = tuple(each.name for each in fields(kind) if each.name not in columns)
    values = attrgetter(*names)
    return lambda one: dict(zip(names, values(one), strict=True))


_rest_of_view = _plain(ErrorView, *TABLES["errors"].columns)
_rest_of_decision = _plain(Decision, "decision_id", *TABLES["decisions"].columns)
_candidate = _plain(Candidate)
_evidence = _plain(Evidence)
_whole_attempt = _plain(AttemptRecord)
_whole_reading = _plain(Reading)
_usage = _plain(Usage)
_of_ticket = _plain(TicketRecord, "ticket_id")


def fault_row(effect: SaveFault, payload: bytes) -> Row:
    """`payload`: the fault as the ring keeps it, a serialised error_recovery.v1.Fault; nothing of it is lost to the record."""
    fault = effect.fault
    return {
        "id": f"{effect.error_id}-{effect.slot.sequence:x}-{int(fault.received_at * 1000):x}",
        "error_id": effect.error_id,
        "received_at": fault.received_at,
        "type": fault.type._value_,
        "severity": None if fault.severity is None else fault.severity._value_,
        "component": fault.component,
        "message": fault.message or fault.exception_message,
        "source": fault.source,
        "count": fault.count,
        "document": {"payload": b2a_base64(payload, newline=False).decode()},
    }


def error_row(view: ErrorView) -> Row:
    rest = _rest_of_view(view)
    rest["response_class"] = view.response_class._value_
    rest["recovery_class"] = view.recovery_class and view.recovery_class._value_
    return {
        "error_id": view.error_id,
        "fingerprint": view.fingerprint,
        "type": view.type._value_,
        "severity": view.severity._value_,
        "component": view.component,
        "message": view.message,
        "target": view.target,
        "rule": view.rule,
        "mode": view.mode,
        "state": view.state._value_,
        "reason": view.reason,
        "level": view.level,
        "count": view.count,
        "attempts": view.attempts,
        "first_at": view.first_at,
        "last_at": view.last_at,
        "opened_at": view.opened_at,
        "recovered_at": view.recovered_at,
        "flapping": view.flapping,
        "document": rest,
    }


def decision_row(decision: Decision) -> Row:
    rest = _rest_of_decision(decision)
    rest["error_type"] = decision.error_type._value_
    rest["severity"] = decision.severity._value_
    candidates = rest["candidates"] = [_candidate(one) for one in decision.candidates]
    for candidate in candidates:
        candidate["evidence"] = [_evidence(one) for one in candidate["evidence"]]
    return {
        "id": decision.decision_id,
        "error_id": decision.error_id,
        "at": decision.at,
        "level": decision.level,
        "strategy_id": decision.strategy_id,
        "target": decision.target,
        "mode": decision.mode,
        "reason": decision.reason,
        "attempt_id": decision.attempt_id,
        "document": rest,
    }


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
