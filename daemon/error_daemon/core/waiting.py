"""Who waits where, and who comes up next.

A ticket that is queued has one valid place (queue.py). It is ready, in the lane of the critical ones or that of all others; or it
waits for something at a gate, with all others that wait for it. A parked one has no place: it waits for its time alone.

**The lanes.** What holds the whole queue is asked for once a lane, the lane with the older front first. Where a lane is held, that is
what its tickets wait for, and the time at which it may be otherwise is noted, so that somebody drains then.

**The gates.** However many wait at a gate, one event (`call`) brings up only the first. No wake-up is lost with the others, because
the event travels with the place that was called up, and is passed on when that place has come out of its lane:

    it waits at the same gate again      the event is spent: what they wait for is taken again, and its end is the next event
    it went on, or was held elsewhere    the next one at the gate is called
    its ticket ended, or moved on        the next one at the gate is called: the place is not valid any more, but carries the event

So where somebody waits at a gate, what they wait for has not happened yet, or the gate's timer is set, or a place that the gate
has called is in a lane (tests/core/world.py checks this after every event). A gate at which nobody waits is forgotten.
Whoever changes the time that a hold has named (another pause in the place of one) calls the gate, or when the new time has come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial

from error_daemon.core.board import Board
from error_daemon.core.brakes.chain import is_critical
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.life import Step
from error_daemon.core.queue import Gate, Lane, Place, place_of, ticket_of
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import State


class Waiting:
    """`hold_of_all` says what holds the whole queue, for critical tickets (True) or for the others (False)."""

    def __init__(self, board: Board, hold_of_all: Callable[[bool], Hold | None]) -> None:
        self._board = board
        self._hold_of_all = hold_of_all
        self.lanes = (Lane(is_critical=True), Lane(is_critical=False))
        self.gates: dict[str, Gate] = {}
        self._lane_holds: dict[bool, Hold] = {}  # by is_critical: what held the lane when it was last asked for
        self._wake = 0  # the timer of those

    # --- ready

    def push(self, error: Error, why_now: str) -> None:
        """The error is queued and ready to come up."""
        ticket = ticket_of(error)
        ticket.due_at = self._board.now
        ticket.why_now = why_now
        self._enqueue(error, ticket)

    def rank_anew(self, error: Error) -> None:
        """Its severity has changed."""
        if error.state is State.QUEUED:
            self._enqueue(error, ticket_of(error))

    def _enqueue(self, error: Error, ticket: Ticket, called_by: str = "") -> None:
        ticket.queued = self._board.number()
        ticket.hold = None
        self._board.cancel_timer(error)
        self.lanes[not is_critical(error)].push(place_of(error, ticket, called_by))

    def next(self) -> Place | None:
        """The place that comes up next, valid or not; `pass_on` after it. None: nobody is ready, or all of them are held."""
        critical, ordinary = self.lanes
        if not critical.heap and not ordinary.heap:
            return None  # and none is held: who holds a lane leaves somebody in it
        fronts = [(place, lane) for lane in self.lanes if (place := lane.front()) is not None]
        self._forget_lane_holds()
        for _, lane in sorted(fronts):
            hold = self._hold_of_all(lane.is_critical)
            if hold is None:
                return lane.pop()
            self._lane_holds[lane.is_critical] = hold
        until = min((hold.until for hold in self._lane_holds.values() if hold.until), default=0.0)
        if until:
            self._wake = self._board.timers.set(until, _nothing)
        return None

    def _forget_lane_holds(self) -> None:
        self._board.timers.cancel(self._wake)
        self._wake = 0
        self._lane_holds.clear()

    def pass_on(self, place: Place) -> None:
        """Where a gate has called it up, and it does not wait there again: the next one at that gate is called."""
        if place.called_by and not _waits_at(place.error, place.called_by):
            self.call(place.called_by)

    # --- at a gate

    def wait(self, error: Error, hold: Hold) -> None:
        """It came up, and is held: it waits at the gate of the hold, or by itself."""
        ticket = ticket_of(error)
        if not hold.gate:
            ticket.look_at_wake = ticket.look_at_wake or hold.look_first
            self.park(error, hold)
            return
        ticket.hold = hold
        gate = self.gates.setdefault(hold.gate, Gate())
        gate.wait(place_of(error, ticket))
        if hold.is_own_time:
            self._board.set_timer(error, hold.until)
        elif hold.until and hold.until != gate.until:
            self._board.timers.cancel(gate.timer)
            gate.until = hold.until
            gate.timer = self._board.timers.set(hold.until, partial(self._open_gate, gate, hold.gate))

    def _open_gate(self, gate: Gate, key: str) -> None:
        gate.until = 0.0
        self.call(key)

    def call(self, key: str) -> None:
        """What those at the gate wait for has happened: the first of them comes up."""
        gate = self.gates.get(key)
        if gate is None:
            return
        place = gate.call()
        if place is None:
            self._board.timers.cancel(gate.timer)
            del self.gates[key]
            return
        ticket = ticket_of(place.error)
        _stir(ticket)
        self._enqueue(place.error, ticket, key)

    # --- alone

    def park(self, error: Error, hold: Hold) -> None:
        """It waits by itself until the time of the hold."""
        ticket = ticket_of(error)
        ticket.hold = hold
        error.parked_until = hold.until
        self._board.move(error, Step.PARK, hold.reason)
        self._board.set_timer(error, hold.until)

    def wake(self, error: Error) -> None:
        """The time of a ticket has come."""
        ticket = ticket_of(error)
        _stir(ticket)
        if error.state is State.PARKED:
            why = f"its time has come ({ticket.hold.by if ticket.hold else 'parked'})"
            error.parked_until = 0.0
            self._board.move(error, Step.WAKE, why)
            self.push(error, why)
        else:
            self._enqueue(error, ticket)

    # --- what is seen

    def hold_of(self, error: Error) -> Hold | None:
        """What its ticket waits for; None: nothing, or it is about to come up."""
        ticket = error.ticket
        if ticket is None or ticket.hold is not None or error.state is not State.QUEUED:
            return ticket.hold if ticket else None
        return self._lane_holds.get(is_critical(error))

    def counts(self) -> Counter[tuple[str, str]]:
        """How many tickets wait for each brake, by its name and subject."""
        found: Counter[tuple[str, str]] = Counter()
        for lane in self.lanes:
            hold = self._lane_holds.get(lane.is_critical)
            if hold is not None:
                found[hold.by, ""] += sum(1 for _ in lane.places())
        for key, gate in self.gates.items():
            for place in gate.places():
                hold = ticket_of(place.error).hold
                assert hold is not None, "who waits at a gate waits for something"
                found[hold.by, key.partition(":")[2]] += 1
        return found


def _waits_at(error: Error, key: str) -> bool:
    return error.ticket is not None and error.ticket.hold is not None and error.ticket.hold.gate == key


def _stir(ticket: Ticket) -> None:
    ticket.look_first = ticket.look_first or ticket.look_at_wake
    ticket.look_at_wake = False


def _nothing() -> None:
    """A timer that only makes somebody drain."""
