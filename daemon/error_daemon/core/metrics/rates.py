"""How often it went well: success, at the first attempt, without escalation, and not for nothing (C14).

    success          recovered                        of tickets that ended recovered or failed
    first time       recovered with one attempt       of those of them that had an attempt
    escalation       last level above entry level     of tickets that had an attempt
    false positives  recovered with no attempt        of tickets whose target was looked at before anything was done

A ticket that a person resolved or flushed is neither a success nor a failure of the daemon: it is in `ended_by_people`, and in no success
or first-time rate. A ticket that was healed with another's attempt is a success without an attempt of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from error_daemon.core.metrics.figures import FAILED, RECOVERED, Rate
from error_daemon.model import TicketRecord


@dataclass(frozen=True, slots=True)
class RateFigures:
    success: Rate
    first_time: Rate
    escalation: Rate
    false_positives: Rate
    ended_by_people: Rate  # of all tickets, those that were resolved or flushed


def rate_figures(tickets: Iterable[TicketRecord]) -> RateFigures:
    count = recovered = failed = tried = first_time = decided_tried = escalated = looked = well = 0
    for ticket in tickets:
        count += 1
        is_recovered = ticket.ended_as == RECOVERED
        is_failed = ticket.ended_as == FAILED
        recovered += is_recovered
        failed += is_failed
        if ticket.attempts:
            tried += 1
            escalated += ticket.last_level > ticket.entry_level
            decided_tried += is_recovered or is_failed
            first_time += is_recovered and ticket.attempts == 1
        if ticket.looked_first:
            looked += 1
            well += is_recovered and not ticket.attempts
    decided = recovered + failed
    return RateFigures(
        Rate(recovered, decided),
        Rate(first_time, decided_tried),
        Rate(escalated, tried),
        Rate(well, looked),
        Rate(count - decided, count),
    )
