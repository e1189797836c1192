"""Brakes delay a ticket, with a reason that everybody can see. They never lose one.

A ticket that is ready passes the brakes from the outermost in, each time it comes up. The first that holds it says until when; then the
ticket is parked and comes up again. The order:

    pause switch · global breaker · throttle · bulkhead · breaker per target    (to come; each is one more entry in `Brakes`)
    flap suppression
    one attempt per target at a time                                            (dispatch.py: it waits for an event, not for a time)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from error_daemon.core.board import Error, Ticket


@dataclass(frozen=True, slots=True)
class Hold:
    """`reason` is for people; the ticket comes up again at `until`. `look_first`: by then it may have healed by itself."""

    by: str
    reason: str
    until: float
    look_first: bool = False


class Brake(Protocol):
    name: str

    def hold(self, error: Error, ticket: Ticket, now: float) -> Hold | None: ...


class FlapSuppression:
    """An error that comes back within `threshold_s` of its recovery is flapping (A12): it waits until that time has passed.

    What it reported last is not lost: it is looked at when the time is up, and recovered then if it has not healed by itself."""

    name = "flap suppression"

    def __init__(self, threshold_s: float) -> None:
        self._threshold_s = threshold_s

    def hold(self, error: Error, ticket: Ticket, now: float) -> Hold | None:
        calm_at = error.recovered_at + self._threshold_s
        if not error.flapping or now >= calm_at:
            return None
        reason = f"flapping: came back {now - error.recovered_at:.1f} s after its recovery (threshold {self._threshold_s:g} s)"
        return Hold(self.name, reason, calm_at, look_first=True)


@dataclass(frozen=True, slots=True)
class Passage:
    """What the brakes said to one ticket, outermost first."""

    hold: Hold | None
    said: tuple[str, ...]


class Brakes:
    def __init__(self, brakes: Sequence[Brake]) -> None:
        self._brakes = tuple(brakes)

    def ask(self, error: Error, ticket: Ticket, now: float) -> Passage:
        said: list[str] = []
        for brake in self._brakes:
            hold = brake.hold(error, ticket, now)
            said.append(f"{brake.name}: {hold.reason if hold else 'lets it through'}")
            if hold:
                return Passage(hold, tuple(said))
        return Passage(None, tuple(said))
