"""What is told of an event: JSON of the same shape for every kind of hook (docs/hooks.md, docs/hook-event.schema.json).

    {"type": "error.escalated", "version": 1, "timestamp": "2026-01-31T03:00:00.250Z", "host": "web-1", "data": {...}}

`data` has a sentence for people (`text`), the error as it was at that moment, and, where the event has them, the decision, the attempt and
what the probes saw. Texts are cut, lists are short: a body is never larger than some 16 KiB. A digest has groups instead (digest.py).

`version` grows when a key changes its meaning or goes; new keys may come at any time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from error_daemon.model import STATUS_OF, AttemptRecord, BrakeView, Decision, ErrorView, Notice, Reading
from error_daemon.model.approval import Approval, ApprovalState
from error_daemon.model.hook import HookEvent
from error_daemon.redact import HINTS, redacted

VERSION = 1
_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
LONGEST_TEXT = 1000
_MOST_READINGS = 10
_MOST_SENTENCES = 8
_MOST_TARGETS = 20
_CUT = "…"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who tells. `public_url`: where people find the daemon's pages; empty: nowhere."""

    host: str
    public_url: str = ""


def made_event(
    kind: str, at: float, origin: Origin, data: Mapping[str, Any], *, error_id: str = "", root: str = ""
) -> HookEvent:
    """An event with its body, in which there is no secret. Looking for one takes far longer than seeing that there can be none."""
    body = {"type": kind, "version": VERSION, "timestamp": written_time(at), "host": origin.host, "data": dict(data)}
    text = _text(body)
    lowered = text.lower()
    if any(hint in lowered for hint in HINTS):
        body = redacted(body)
        text = _text(body)
    return HookEvent(kind, at, error_id, body, text, root)


def event_of(notice: Notice, kind: str, origin: Origin) -> HookEvent:
    root = notice.error.root if notice.error else ""
    return made_event(kind, notice.at, origin, data_of(notice, origin), error_id=notice.error_id, root=root)


def data_of(notice: Notice, origin: Origin) -> dict[str, Any]:
    parts = {
        "error": _error(notice.error) if notice.error else None,
        "decision": _decision(notice.decision) if notice.decision else None,
        "attempt": _attempt(notice.attempt) if notice.attempt else None,
        "readings": [_reading(one) for one in notice.readings[:_MOST_READINGS]] or None,
        "approval": _approval(notice.approval) if notice.approval else None,
        "pause": _pause(notice.brake) if notice.brake else None,
    }
    there = {name: part for name, part in parts.items() if part is not None}
    return {"text": cut(notice.text), **there, "links": _links(notice, origin)}


def _links(notice: Notice, origin: Origin) -> dict[str, str]:
    found = links(notice.error_id, origin)
    if notice.approval is None or notice.approval.state is not ApprovalState.WAITS:
        return found
    asked = f"{notice.error_id} --decision {notice.approval.decision_id}"
    return {**found, "approve": f"error-cli approve {asked}", "deny": f"error-cli deny {asked}"}


def links(error_id: str, origin: Origin) -> dict[str, str]:
    command = {"command": f"error-cli errors show {error_id}"} if error_id else {}
    if not origin.public_url:
        return command
    base = origin.public_url.rstrip("/")
    return {**command, "page": f"{base}/#/errors/{error_id}" if error_id else f"{base}/"}


def _error(error: ErrorView) -> dict[str, Any]:
    return {
        "error_id": error.error_id,
        "type": error.type.value,
        "severity": error.severity.name.lower(),
        "response_class": error.response_class.value,
        "state": error.state.value,
        "status": STATUS_OF[error.state],
        "reason": cut(error.reason),
        "message": cut(error.message),
        "component": cut(error.component),
        "node": cut(error.node),
        "target": error.target,
        "rule": error.rule,
        "mode": error.mode,
        "level": error.level,
        "count": error.count,
        "attempts": error.attempts,
        "relapses": error.relapses,
        "flapping": error.flapping,
        "first_at": written_time(error.first_at),
        "last_at": written_time(error.last_at),
        "opened_at": written_time(error.opened_at),
        "held_by": error.held_by,
        "until": written_time(error.parked_until),
        "root": error.root,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "decision_id": decision.decision_id,
        "strategy": decision.strategy_id,
        "target": decision.target,
        "level": decision.level,
        "mode": decision.mode,
        "reason": cut(decision.reason),
        "why_now": cut(decision.why_now),
        "timeout_s": decision.timeout_s,
    }


def _attempt(attempt: AttemptRecord) -> dict[str, Any]:
    return {
        "attempt_id": attempt.attempt_id,
        "strategy": attempt.strategy_id,
        "target": attempt.target,
        "level": attempt.level,
        "outcome": attempt.outcome.value,
        "detail": cut(attempt.detail),
        "verdict": attempt.verdict.value,
        "started_at": written_time(attempt.started_at),
        "execution_time_s": round(attempt.execution_time_s, 6),
    }


def _approval(approval: Approval) -> dict[str, Any]:
    answer = approval.answer
    return {
        "decision_id": approval.decision_id,
        "strategy": approval.strategy_id,
        "kind": approval.kind,
        "target": approval.target,
        "level": approval.level,
        "does": cut(approval.does),
        "why": [cut(sentence) for sentence in approval.why[:_MOST_SENTENCES]],
        "covers": cut(approval.covers),
        "asked_at": written_time(approval.asked_at),
        "expires_at": written_time(approval.expires_at),
        "on_expiry": cut(approval.on_expiry),
        "times_asked": approval.times_asked,
        "touches": [*approval.group[:_MOST_TARGETS]],
        "dependents": [*approval.dependents[:_MOST_TARGETS]],
        "state": approval.state.value,
        "answered_by": cut(answer.by) if answer else "",
        "note": cut(answer.note) if answer else "",
    }


def _pause(brake: BrakeView) -> dict[str, Any]:
    return {"target": brake.subject, "reason": cut(brake.reason), "until": written_time(brake.until)}


def _reading(reading: Reading) -> dict[str, Any]:
    return {"probe": reading.probe, "value": reading.value.value, "detail": cut(reading.detail, 200)}


def written_time(at: float) -> str:
    """RFC 3339 in UTC, to the millisecond; empty for no time."""
    if not at:
        return ""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def cut(text: str, longest: int = LONGEST_TEXT) -> str:
    return text if len(text) <= longest else text[: longest - len(_CUT)] + _CUT
