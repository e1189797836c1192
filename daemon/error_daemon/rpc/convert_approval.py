"""What people are asked and what they answer, as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from error_daemon.model import Alternative, Answer, Answered, Approval, ErrorView, Tried
from error_daemon.rpc import convert
from error_recovery.v1 import fault_pb2, recovery_pb2


def approval_message(approval: Approval) -> recovery_pb2.Approval:
    return recovery_pb2.Approval(
        decision_id=approval.decision_id,
        error_id=approval.error_id,
        message=approval.message,
        component=approval.component,
        type=approval.error_type.value,
        severity=fault_pb2.Severity.ValueType(int(approval.severity)),
        target=approval.target,
        rule=approval.rule,
        strategy_id=approval.strategy_id,
        kind=approval.kind,
        level=approval.level,
        does=approval.does,
        timeout_s=approval.timeout_s,
        why=approval.why,
        covers=approval.covers,
        asked_at=approval.asked_at,
        expires_at=approval.expires_at,
        unanswered=approval.unanswered.value,
        on_expiry=approval.on_expiry,
        times_asked=approval.times_asked,
        alternatives=map(_alternative, approval.alternatives),
        tried=map(_tried, approval.tried),
        group=approval.group,
        dependents=approval.dependents,
        state=approval.state.value,
        answer=answer_message(approval.answer) if approval.answer else None,
    )


def answer_message(answer: Answer) -> recovery_pb2.Answer:
    return recovery_pb2.Answer(
        decision_id=answer.decision_id,
        is_yes=answer.is_yes,
        by=answer.by,
        note=answer.note,
        at=answer.at,
        is_silence=answer.is_silence,
    )


def answered_fields(answered: Answered, view: ErrorView, *, is_kept: bool) -> Mapping[str, Any]:
    """Of ApproveResponse and of DenyResponse, which have the same."""
    return {
        "error": convert.error_message(view),
        "approval": approval_message(answered.approval) if answered.approval else None,
        "answer": answer_message(answered.answer),
        "is_repeated": answered.is_repeated,
        "is_kept": is_kept,
    }


def _alternative(one: Alternative) -> recovery_pb2.Alternative:
    return recovery_pb2.Alternative(strategy_id=one.strategy_id, level=one.level, does=one.does, says=one.says)


def _tried(one: Tried) -> recovery_pb2.Tried:
    return recovery_pb2.Tried(strategy_id=one.strategy_id, level=one.level, verdict=one.verdict, at=one.at)
