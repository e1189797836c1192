"""Where tickets wait: in one of two lanes while they are ready, at a gate while they wait for something that others wait for, too.

The order is the same everywhere: by age, where a critical ticket counts as older by an hour than it is, and so on down. So what
matters more goes first, and since the order of any two never changes, whatever waits long enough comes before all that is
newer: nothing starves.

    critical   counts as 3,600 s older
    high       3,000 s
    normal     2,700 s
    low        0 s
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import NamedTuple

from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import PRIORITY_OF, Priority, State

OLDER_S = {Priority.CRITICAL: 3600.0, Priority.HIGH: 3000.0, Priority.NORMAL: 2700.0, Priority.LOW: 0.0}


class Place(NamedTuple):
    """A place in a queue. It is valid as long as its ticket is queued and has no newer one."""

    rank: float
    born: int  # of the ticket: those of one moment keep their order, however often they are put back
    number: int
    error: Error
    called_by: str  # the gate that called it up; empty: it came by itself

    def is_valid(self) -> bool:
        ticket = self.error.ticket
        return self.error.state is State.QUEUED and ticket is not None and ticket.queued == self.number


def rank(priority: Priority, opened_at: float) -> float:
    """The lower goes first."""
    return opened_at - OLDER_S[priority]


def place_of(error: Error, ticket: Ticket, called_by: str = "") -> Place:
    """Its valid place, in a lane or at a gate."""
    return Place(rank(PRIORITY_OF[error.severity], ticket.opened_at), ticket.born, ticket.queued, error, called_by)


def ticket_of(error: Error) -> Ticket:
    assert error.ticket is not None, "only errors with a ticket are queued, parked or woken"
    return error.ticket


class Lane:
    """Tickets that are ready."""

    __slots__ = ("heap", "is_critical")

    def __init__(self, is_critical: bool) -> None:
        self.is_critical = is_critical
        self.heap: list[Place] = []  # valid or not, the first that comes up at its front

    def push(self, place: Place) -> None:
        heappush(self.heap, place)

    def pop(self) -> Place:
        return heappop(self.heap)

    def front(self) -> Place | None:
        return self.heap[0] if self.heap else None

    def places(self) -> Iterator[Place]:
        return (place for place in self.heap if place.is_valid())


class Gate:
    """Tickets that wait for one thing. `timer`: when it opens by itself."""

    __slots__ = ("_places", "timer", "until")

    def __init__(self) -> None:
        self._places: list[Place] = []
        self.timer = 0
        self.until = 0.0

    def wait(self, place: Place) -> None:
        heappush(self._places, place)

    def call(self) -> Place | None:
        """The first that still waits; it waits no more."""
        while self._places:
            place = heappop(self._places)
            if place.is_valid():
                return place
        return None

    def places(self) -> Iterator[Place]:
        return (place for place in self._places if place.is_valid())
