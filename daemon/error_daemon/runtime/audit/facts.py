"""How something was before an act, and is after it, in the words that the audit keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import Any

from error_daemon import __version__
from error_daemon.core.brakes.global_breaker import NAME as GLOBAL_BREAKER
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.brakes.target_breaker import NAME as TARGET_BREAKER
from error_daemon.model import Approval, BrakeView, ErrorView, Json
from error_daemon.settings import Settings

ALL_TARGETS = "all"  # Act.subject
GLOBAL = "global"  # Act.subject: its breaker
MOST = 100  # of what an act was done to: how many there were is said beside them


def of_error(view: ErrorView) -> Json:
    return {
        "state": view.state.value,
        "reason": view.reason,
        "held_by": view.held_by,
        "target": view.target,
        "level": view.level,
        "attempts": view.attempts,
        "count": view.count,
    }


def of_approval(approval: Approval | None) -> Mapping[str, Json]:
    """What was answered: it is in the audit as the person saw it."""
    if approval is None:
        return {}
    names = ("decision_id", "strategy_id", "level", "target", "does", "asked_at")
    return {name: getattr(approval, name) for name in names}


def of_pause(pauses: Iterable[Pause], target: str) -> Json:
    """The one of that target; None: there is none."""
    return next((asdict(pause) for pause in pauses if pause.target == target), None)


def of_breaker(brakes: Iterable[BrakeView], target: str) -> Json:
    """Of a target, or with "" the global one; None where nothing is known of it."""
    one = (TARGET_BREAKER if target else GLOBAL_BREAKER, target)
    found = (view for view in brakes if (view.brake, view.subject) == one)
    return next(({"state": view.state, "reason": view.reason} for view in found), None)


def of_scores(rows: Sequence[Mapping[str, Any]]) -> Json:
    names = ("error_type", "strategy_id", "score", "samples")
    return {"scores": [{name: row[name] for name in names} for row in rows[:MOST]], "total": len(rows)}


def of_daemon(settings: Settings, definitions: str, address: str) -> Json:
    """What it serves with. `definitions`: their digest. That of the settings is of all their values, those that nobody has set too."""
    digest = sha256(settings.model_dump_json().encode()).hexdigest()
    return {"version": __version__, "address": address, "definitions": definitions, "settings": digest[:16]}
