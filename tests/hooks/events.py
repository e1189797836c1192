"""Events and notices as hooks are told them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from error_daemon.hooks.payload import Origin, event_of
from error_daemon.model import ErrorType, ErrorView, Notice, ResponseClass, Severity, State
from error_daemon.model.hook import HookEvent

ORIGIN = Origin("web-1", "https://recovery.example")
VIEW = ErrorView(
    error_id="b3896dcf1661a517",
    fingerprint="b3896dcf1661a517" * 2,
    type=ErrorType.SYSTEM,
    severity=Severity.HIGH,
    response_class=ResponseClass.PERMANENT,
    state=State.VERIFYING,
    reason="restart-shop completed",
    message="the process of shop died",
    component="shop",
    target="shop",
    rule="shop-died",
    mode="auto",
    level=3,
    count=1,
    attempts=2,
    first_at=1_700_000_000.0,
    last_at=1_700_000_001.0,
    opened_at=1_700_000_000.5,
)


def a_view(**fields: Any) -> ErrorView:
    return replace(VIEW, **fields)


def a_notice(kind: str = "escalation", text: str = "nothing is left above level 3", **fields: Any) -> Notice:
    return Notice(fields.pop("at", 1_700_000_002.0), kind, text, a_view(**fields))


def an_event(error_id: str = "e1", kind: str = "error.escalated", at: float = 1.0, root: str = "") -> HookEvent:
    notice = Notice(at, "escalation", "it did not help", a_view(error_id=error_id, root=root))
    return event_of(notice, kind, ORIGIN)
