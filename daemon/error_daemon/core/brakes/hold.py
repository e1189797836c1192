"""What a brake says to a ticket that it does not let through."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone


@dataclass(frozen=True, slots=True)
class Hold:
    """`by` names the brake, `reason` is a sentence for people. The ticket comes up again at `until`; 0: when what the reason names has
    happened.

    `gate`: what it waits for, together with others, of whom one comes up at a time; empty: it waits by itself, for the time alone.
    `is_own_time`: it comes up at `until` whatever the others at the gate do.
    `look_first`: by then it may have healed by itself."""

    by: str
    reason: str
    until: float = 0.0
    gate: str = ""
    is_own_time: bool = False
    look_first: bool = False


def utc(at: float) -> str:
    """A time of the day, as the reasons of brakes have it."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%S UTC")
