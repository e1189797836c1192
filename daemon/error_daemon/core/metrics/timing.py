"""How long it took: to detect, to recover, and from the fault's coming to be to the verified recovery (C14).

    time to detect    opened_at - occurred_at      of tickets whose sender says when the fault came to be
    time to recover   ended_at - opened_at         of recovered tickets
    handling lag      ended_at - occurred_at       of recovered tickets; from opened_at where the sender does not say

`occurred_at` is the sender's clock and `opened_at` ours. A fault that came to be after we opened its ticket shows that the two differ:
its time to detect counts as 0, and `clock_ahead` says for how many it was so.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from error_daemon.core.metrics.figures import RECOVERED, Rate, Times, times_of
from error_daemon.model import TicketRecord


@dataclass(frozen=True, slots=True)
class TimeFigures:
    detect: Times
    recover: Times
    handling_lag: Times
    occurrence_told: Rate  # of all tickets, those whose sender said when the fault came to be
    clock_ahead: Rate  # of those whose sender said, those whose fault came to be after its ticket was opened


def times_to_detect_s(tickets: Iterable[TicketRecord]) -> list[float]:
    """Of the tickets whose sender says when the fault came to be."""
    return [max(0.0, ticket.opened_at - ticket.occurred_at) for ticket in tickets if ticket.occurred_at > 0.0]


def times_to_recover_s(tickets: Iterable[TicketRecord]) -> list[float]:
    """Of the recovered tickets."""
    return [max(0.0, ticket.ended_at - ticket.opened_at) for ticket in tickets if ticket.ended_as == RECOVERED]


def time_figures(tickets: Collection[TicketRecord]) -> TimeFigures:
    detect_s = times_to_detect_s(tickets)
    lag_s = []
    ahead = 0
    for ticket in tickets:
        is_ahead = ticket.occurred_at > ticket.opened_at
        ahead += is_ahead
        if ticket.ended_as == RECOVERED:
            since = ticket.opened_at if is_ahead or ticket.occurred_at <= 0.0 else ticket.occurred_at
            lag_s.append(max(0.0, ticket.ended_at - since))
    return TimeFigures(
        times_of(detect_s),
        times_of(times_to_recover_s(tickets)),
        times_of(lag_s),
        Rate(len(detect_s), len(tickets)),
        Rate(ahead, len(detect_s)),
    )
