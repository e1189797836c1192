"""One event of the daemon as one line for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from error_cli.lines import Styled, line
from error_cli.phrase import instant, until
from error_cli.words import STATUS_STYLES, STATUSES, VERDICT_STYLES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_KIND_WIDTH = len("escalation")
_WAITS_FOR_PEOPLE = ("asked", "reminded", "expired", "paused")
_BEGINNINGS = ("queued", "observed")  # where it is worth saying what it is about


def print_event(event: recovery_pb2.Event, with_error_id: bool) -> None:
    """When, (about which error,) what kind of event, and the daemon's own words for it."""
    about = f"{event.error.error_id or '-':<16}  " if with_error_id else ""
    text = event.text or event.error.reason or event.error.state
    if event.error.state in _BEGINNINGS and event.kind == "state":
        target = f" (target {event.error.target})" if event.error.target else ""
        text = f"{text} | {event.error.message}{target}"
    elif event.kind == "state":
        text += _wait(event.error)
    at = instant(event.at)
    about_and_kind = f"  {about}{event.kind.ljust(_KIND_WIDTH)}  "
    line(Styled(at, "dim"), about_and_kind, Styled(text, _style(event)), hang=len(at) + len(about_and_kind))


def _wait(error: recovery_pb2.Error) -> str:
    held = f" | held by {error.held_by}" if error.held_by else ""
    if not error.parked_until:
        return held
    return f"{held} until {until(error.parked_until)}" if held else f" | goes on {until(error.parked_until)}"


def _style(event: recovery_pb2.Event) -> str:
    if event.kind == "verdict":
        return VERDICT_STYLES.get(event.attempt.verdict, "")
    if event.kind == "state":
        return STATUS_STYLES.get(word(STATUSES, event.error.status), "")
    if event.kind == "escalation":
        return "red"
    if event.kind in ("approval", "pause"):
        return "yellow" if event.event in _WAITS_FOR_PEOPLE else ""
    return ""
