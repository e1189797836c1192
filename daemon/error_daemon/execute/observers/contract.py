"""The contract of an observer: look once at a part of a target's state, within `timeout_s`, and change nothing.

Unlike a probe it does not judge: it says what there is, as texts by name. `facts` must be the same after every recovery; what must
legitimately differ (a pid, the time of a start) belongs into `others`, which are shown and not compared. What cannot be looked at raises
PermanentError or InputError with the reason: a state that nobody saw is equal to none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from error_daemon.execute.probes.contract import Look
from error_daemon.model import Json

__all__ = ["Look", "Observer", "Seen", "without"]


@dataclass(frozen=True, slots=True)
class Seen:
    facts: Mapping[str, str]
    others: Mapping[str, str] = field(default_factory=dict)


class Observer(Protocol):
    async def observe(self, look: Look) -> Seen: ...


def without(text: str, patterns: Sequence[Json]) -> str:
    """`text` with what the regular expressions match taken out: times, counters, request ids."""
    for pattern in patterns:
        text = re.sub(pattern, "", text)
    return text
