"""What a host and the daemon on it say of themselves when asked how they are: one diagnostic for each thing looked at.

A diagnostic never raises an alarm by itself: it tells a person, who has asked, what stands well, what does not, and what
to do about it. What can't be seen on this host (no such hardware, no right to look) is `unavailable` with its reason, so
that silence is never taken for health.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Standing(str, Enum):
    """How the thing looked at stands."""

    GOOD = "good"
    NOTICE = "notice"  # works, and could be better
    BAD = "bad"  # harms recovery now
    UNAVAILABLE = "unavailable"  # can't be seen here


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One thing looked at, and how it stands."""

    area: str  # "sensors", "clock", "limits", ...
    name: str  # of the thing, in its area
    standing: Standing
    says: str  # one sentence, with the figures that matter
    mend: str = ""  # what a person does about it; empty where there is nothing to do
    figures: Mapping[str, float] = field(default_factory=dict)  # names with units: {"offset_s": 0.0003}
