"""The words of the wire's enumerations, in the order of their numbers, without importing the stubs.

A number that is newer than this error-cli is shown as the number.
"""

from __future__ import annotations

from collections.abc import Sequence

TYPES = (
    "unknown",
    "network",
    "resource",
    "hardware",
    "system",
    "database",
    "worker",
    "coordinator",
    "task",
    "configuration",
    "authentication",
    "security",
    "data",
    "timeout",
)
SEVERITIES = ("info", "low", "medium", "high", "critical")
STATES = (
    "queued",
    "parked",
    "probing",
    "attempting",
    "verifying",
    "watching",
    "resolved",
    "failed",
    "observed",
    "flushed",
)
STATUSES = ("open", "retrying", "resolved", "failed")

STATUS_STYLES = {"retrying": "yellow", "resolved": "green", "failed": "red"}
SEVERITY_STYLES = {"high": "yellow", "critical": "red"}
VERDICT_STYLES = {"recovered": "green", "persisting": "yellow", "worse": "red", "unknown": "yellow"}
BRAKE_STYLES = {
    "open": "red",
    "paused": "red",
    "full": "yellow",
    "half-open": "yellow",
    "slow start": "yellow",
    "closed": "green",
}
READING_STYLES = {"ok": "green", "not_ok": "red", "unknown": "yellow"}


def word(words: Sequence[str], number: int) -> str:
    """The word of an enum number; "" for 0 (unspecified)."""
    if number == 0:
        return ""
    return words[number - 1] if 0 < number <= len(words) else str(number)


def number(words: Sequence[str], chosen: str | None) -> int:
    """The enum number of a word; 0 where none was chosen."""
    return words.index(chosen) + 1 if chosen else 0
