"""What people are promised of each response class (B3), and who is told when it is not kept.

    critical     something has been begun within 100 ms
    cascading    what spreads has been isolated within 1 s; without a strategy for that, the first attempt has begun
    permanent    recovered within 30 s, or a person has everything that is known of it
    any          a ticket that ends without a recovery is told at once

Time in which the daemon could not act (effects.StoodStill) does not count. An escalation tells people; it ends nothing: the ladder goes on.
There is at most one for each cause and ticket.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from error_daemon.core.board import Board
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.effects import Escalate
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import Escalation, Json, Reading, ResponseClass, Severity

CRITICAL_WITHIN_S = 0.1
CASCADING_WITHIN_S = 1.0
PERMANENT_WITHIN_S = 30.0


class Response:
    def __init__(self, board: Board) -> None:
        self._board = board
        self.hold_of: Callable[[Error], Hold | None]  # what its ticket waits for; the dispatch says it

    def promise(self, error: Error, ticket: Ticket) -> None:
        """A ticket is opened, or renewed (renewal.py): set its deadlines, but none twice."""
        response = error.classification.response_class
        if error.severity is Severity.CRITICAL:
            self.promise_start(error, ticket)
        if ticket.mandate.isolate or response is ResponseClass.CASCADING:
            self._by(CASCADING_WITHIN_S, error, ticket, "not_isolated")
        if response is ResponseClass.PERMANENT:
            self._by(PERMANENT_WITHIN_S, error, ticket, "unrecovered")

    def promise_start(self, error: Error, ticket: Ticket) -> None:
        """It is critical, or has become so."""
        self._by(CRITICAL_WITHIN_S, error, ticket, "not_started")

    def escalate(self, error: Error, ticket: Ticket, cause: str, text: str) -> None:
        board = self._board
        ticket.escalated_at = ticket.escalated_at or board.now
        board.notify("escalation", error, text)
        board.effects.append(
            Escalate(
                Escalation(
                    error_id=error.error_id,
                    ticket_id=ticket.ticket_id,
                    at=board.now,
                    response_class=error.classification.response_class,
                    cause=cause,
                    text=text,
                    diagnostics=diagnostics(error, ticket, self.hold_of(error)),
                )
            )
        )

    def _by(self, within_s: float, error: Error, ticket: Ticket, cause: str) -> None:
        if cause not in ticket.deadlines:
            self._set(error, ticket, cause, self._board.now + within_s)

    def _set(self, error: Error, ticket: Ticket, cause: str, at: float) -> None:
        due = partial(self._due, error, ticket, cause, at, self._board.stood_s)
        ticket.deadlines[cause] = self._board.timers.set(at, due)

    def _due(self, error: Error, ticket: Ticket, cause: str, at: float, stood_before_s: float) -> None:
        """A deadline has come. It is put off by the time in which nothing could be done since it was set: a host that gave no CPU must not
        make a failed recovery of one that goes its way."""
        put_off_to = at + self._board.stood_s - stood_before_s
        if put_off_to > self._board.now:
            self._set(error, ticket, cause, put_off_to)
        else:
            self._overdue(error, ticket, cause)

    def _overdue(self, error: Error, ticket: Ticket, cause: str) -> None:
        """A deadline has come, and the ticket is still open."""
        hold = self.hold_of(error)
        why = hold.reason if hold else error.reason
        if cause == "unrecovered":
            self.escalate(error, ticket, cause, f"not recovered after {PERMANENT_WITHIN_S:g} s: {why}")
        elif cause == "not_started" and not ticket.responded_at:
            self.escalate(error, ticket, cause, f"critical, and nothing begun after {CRITICAL_WITHIN_S:g} s: {why}")
        elif cause == "not_isolated" and not (ticket.is_isolated if ticket.mandate.isolate else ticket.responded_at):
            self.escalate(
                error, ticket, cause, f"may spread, and is not isolated after {CASCADING_WITHIN_S:g} s: {why}"
            )


def diagnostics(error: Error, ticket: Ticket, hold: Hold | None) -> dict[str, Json]:
    """Everything that the engine knows and that the error's own row does not say."""
    fault = error.fault
    return {
        "fault": {
            "type": fault.type.value,
            "message": fault.message or fault.exception_message,
            "component": fault.component,
            "operation": fault.operation,
            "node": fault.node,
            "environment": fault.environment,
            "hardware_id": fault.hardware_id,
            "exception": f"{fault.exception_type}: {fault.exception_message}" if fault.exception_type else "",
            "frames": list(fault.frames),
            "attributes": dict(fault.attributes),
            "source": fault.source,
        },
        "ticket": {
            "target": ticket.target.id,
            "opened_at": ticket.opened_at,
            "level": ticket.level,
            "levels": list(ticket.levels),
            "attempts": ticket.attempts,
            "history": list(ticket.history),
            "held_by": hold.by if hold else "",
            "why_now": ticket.why_now,
        },
        "readings": [_shown(reading) for reading in ticket.readings],
        "count": error.count,
        "relapses": error.relapses,
        "flapping": error.flapping,
        "root": error.root,
        "related": list(error.related),
        "brakes": list(ticket.brakes),
    }


def _shown(reading: Reading) -> dict[str, Json]:
    return {"probe": reading.probe, "value": reading.value.value, "detail": reading.detail, "at": reading.at}
