"""Hooks: who is told what, by an operator's definition; and what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from error_daemon.model.fault import ErrorType, Severity

HookKind = Literal["webhook", "slack", "pagerduty", "email", "plugin"]
EventType = Literal[
    "error.opened",
    "error.state",
    "error.escalated",
    "error.failed",
    "error.recovered",
    "error.resolved",
    "error.observed",
    "error.cleared",
    "decision.made",
    "attempt.ended",
    "approval.asked",
    "approval.reminded",
    "approval.approved",
    "approval.denied",
    "approval.expired",
    "approval.withdrawn",
    "pause.paused",
    "pause.resumed",
    "pause.ended",
    "workflow.asked",
    "workflow.changed",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)
DIGEST = "digest"
"""The type of an event that stands for several."""
TEST = "test"
"""The type of an event that a person sends to see that it arrives."""


@dataclass(frozen=True, slots=True)
class Retries:
    """When a delivery that failed is sent again: after base_s · factor^n, up to cap_s, until it was sent `attempts` times."""

    attempts: int = 8
    base_s: float = 5.0
    factor: float = 6.0
    cap_s: float = 43_200.0


@dataclass(frozen=True, slots=True)
class Hook:
    """`params` belong to the kind (hooks/senders/). Beyond `burst` at once, and one more `every_s`, what waits becomes one digest."""

    id: str
    kind: HookKind
    events: frozenset[str] = frozenset()  # empty: all
    types: frozenset[ErrorType] = frozenset()  # empty: any
    min_severity: Severity | None = None
    target: re.Pattern[str] | None = None  # None: any, and none
    params: Mapping[str, Any] = field(default_factory=dict)
    secret_file: str = ""
    timeout_s: float = 10.0
    retries: Retries = Retries()
    burst: int = 100
    every_s: float = 0.1


@dataclass(frozen=True, slots=True)
class HookEvent:
    """Something that a hook is told. `body` is JSON as it is sent, without secrets (docs/hooks.md), and `text` the same as text. `root`:
    the error behind it."""

    type: str
    at: float
    error_id: str
    body: Mapping[str, Any]
    text: str
    root: str = ""


DeliveryState = Literal["waiting", "sent", "dead"]
DELIVERY_STATES: tuple[DeliveryState, ...] = get_args(DeliveryState)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one hook. Its id is the same however often it is sent, so that who gets it twice can tell."""

    delivery_id: str
    hook: str
    event: HookEvent
    state: DeliveryState = "waiting"
    attempts: int = 0
    due_at: float = 0.0
    ended_at: float = 0.0  # when it was sent, or given up
    detail: str = ""  # of its last attempt: what was answered, or why there was no answer
    events: int = 1  # that it stands for


@dataclass(frozen=True, slots=True)
class HookView:
    """A hook as it is at one moment. `state`: ready, failing (the last attempt failed), held (asked to wait), disabled (until a person
    says otherwise)."""

    hook: Hook
    state: str
    waiting: int = 0
    sent: int = 0
    failed: int = 0  # attempts
    dead: int = 0
    folded: int = 0  # events that went in a digest
    detail: str = ""  # why it is not ready
    last_sent_at: float = 0.0
    until: float = 0.0  # when it is tried again, where it is held or failing
