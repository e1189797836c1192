"""How a target is, as far as it is known without looking:

    failing      an error of it has failed, or its ticket waits
    recovering   something is being done about it
    reported     errors of it were reported for which nothing may be done, and nobody has looked
    well         none of these, and its probes last saw it well
    unknown      nobody has looked since the daemon was started, or nothing could be seen

What its probes saw is never newer than the last look at it: the daemon looks at a target when a fault says that it may be unwell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from error_daemon.core.board import Board
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.overview.places import Place, Places
from error_daemon.core.verify import sight
from error_daemon.model import BrakeView, Reading, State, Target, Verdict
from error_daemon.model.views import TargetState

_MOST_ASKED = 64  # tickets of one target, for the bulkheads that they are in


@dataclass(frozen=True, slots=True)
class TargetLook:
    """`pauses`, `breakers`: of those targets that have one, by name."""

    board: Board
    dispatch: Dispatch
    places: Places
    pauses: Mapping[str, BrakeView]
    breakers: Mapping[str, BrakeView]

    def at(self, target: Target) -> TargetState:
        graph, place, name = self.board.graph, self.places.of_target(target.id), target.id
        readings, seen_at = self.board.seen.get(name, ((), 0.0))
        health, text, since = _of_place(place) if place else _of_readings(readings, seen_at)
        cause = self.places.cause(place) if place else None
        return TargetState(
            name=name,
            kind=target.kind,
            depends_on=target.depends_on,
            dependents=graph.dependents_of(name),
            weight=target.weight,
            impact=graph.impact(name),
            probes=target.probes,
            health=health,
            health_text=text,
            health_since=since,
            is_isolated=place.is_isolated if place else False,
            readings=readings,
            breaker=self.breakers.get(name),
            pause=self.pauses.get(name),
            bulkheads=tuple(self._bulkheads(name)),
            open_errors=place.errors if place else 0,
            failed_errors=place.by_state[State.FAILED] if place else 0,
            waiting=place.waiting if place else 0,
            root_error_id=cause.lead.error_id if cause else "",
        )

    def _bulkheads(self, target: str) -> Iterator[BrakeView]:
        bulkheads = self.dispatch.brakes.bulkheads
        holders = islice(self.board.with_ticket_on(target).values(), _MOST_ASKED)
        shares = (bulkheads.share_of(error, error.ticket) for error in holders if error.ticket)
        keys = {share.key for share in shares if share}
        return (view for view in bulkheads.views() if view.subject in keys) if keys else iter(())


def _of_place(place: Place) -> tuple[str, str, float]:
    lead = place.lead
    others = f" ({place.errors - 1:,} more)" if place.errors > 1 else ""
    said = f"{lead.error_id}{others} is {lead.state.value}: {lead.reason}"
    if lead.state in (State.ATTEMPTING, State.VERIFYING, State.PROBING):
        return "recovering", said, place.since
    return ("failing" if place.may_be_acted_on else "reported"), said, place.since


def _of_readings(readings: tuple[Reading, ...], seen_at: float) -> tuple[str, str, float]:
    if not readings:
        return "unknown", "nobody has looked at it since the daemon was started", 0.0
    seen = sight(readings)
    said = ", ".join(f"{reading.probe}: {reading.value.value}" for reading in readings)
    if seen is Verdict.RECOVERED:
        return "well", f"its probes last saw it well ({said})", seen_at
    if seen is Verdict.UNKNOWN:
        return "unknown", f"its probes could see nothing ({said})", seen_at
    return "unknown", f"its probes last saw it unwell ({said}); nothing of it is open any more", seen_at
