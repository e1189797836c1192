"""Which ticket goes next, and what is done for it.

Tickets that are ready wait in one queue, by priority and then by the age of the ticket. One comes up when fewer than `capacity` attempts
are running. It passes the brakes (brakes.py); then it takes its target, which it keeps until its verdict: one attempt per target at
a time. A ticket whose target is taken waits at the target; when the target is let go, the first of those that wait comes up, and
the next one when that has not taken it: however many wait, a verdict moves one. When a target is verified well, the tickets that are
queued for it and whose last fault is older than that look are healed with it (verification.py): many triggers, one recovery.

A ticket that is let through is decided (select.py) and started, or, where the target's condition is in doubt, looked at first. A target
is in doubt from the loss of an attempt until probes have seen it well or failing, whichever ticket asks.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import NamedTuple

from error_daemon.core.board import Board, Error, Ticket
from error_daemon.core.brakes import Brakes, FlapSuppression, Hold
from error_daemon.core.effects import SaveDecision, StartAttempt
from error_daemon.core.life import Step
from error_daemon.core.select import select
from error_daemon.model import PRIORITY_OF, AttemptOrder, Decision, Severity, SlotState, State, Strategy


class _Place(NamedTuple):
    """A place in the queue. It is valid as long as its ticket is queued and has no newer one."""

    priority: int
    opened_at: float
    number: int
    error: Error
    target: str

    def is_valid(self) -> bool:
        ticket = self.error.ticket
        return self.error.state is State.QUEUED and ticket is not None and ticket.queued == self.number


class Dispatch:
    def __init__(self, board: Board) -> None:
        self._board = board
        self._brakes = Brakes([FlapSuppression(board.policy.flap_threshold_s)])
        self.is_draining = False  # nothing more is let through; what is in the works comes to its end
        self._ready: list[_Place] = []
        self._owner: dict[str, Error] = {}  # target → the error that has it
        self._waiting: dict[str, list[_Place]] = {}  # target → the places of those that wait for it, a heap
        self.running: dict[str, Error] = {}  # attempt → its error
        self.doubtful: set[str] = set()  # targets on which an attempt was lost, not seen since
        self.to_look: list[tuple[Error, Ticket]] = []  # let through, to be looked at first; the verification takes them

    # --- the queue

    def push(self, error: Error) -> None:
        """The error is queued and ready to come up."""
        ticket = _ticket_of(error)
        ticket.queued = self._board.number()
        ticket.due_at = self._board.now
        heappush(
            self._ready, _Place(PRIORITY_OF[error.severity], ticket.opened_at, ticket.queued, error, ticket.target.id)
        )

    def pump(self) -> None:
        """Let through what may go."""
        while self._ready and not self.is_draining and len(self.running) < self._board.policy.capacity:
            place = heappop(self._ready)
            if place.is_valid():
                self._come_up(place)
            if place.target not in self._owner:
                self._call_next(place.target)

    def _come_up(self, place: _Place) -> None:
        error, ticket = place.error, _ticket_of(place.error)
        passage = self._brakes.ask(error, ticket, self._board.now)
        ticket.brakes = passage.said
        if passage.hold:
            self._park(error, ticket, passage.hold)
        elif (owner := self._owner.get(ticket.target.id)) is not None:
            error.reason = f"waits for {ticket.target.id}, which {owner.error_id} has"
            heappush(self._waiting.setdefault(ticket.target.id, []), place)
        else:
            self._owner[ticket.target.id] = error
            ticket.brakes += (f"one attempt per target: {ticket.target.id} is free",)
            if ticket.look_first or ticket.target.id in self.doubtful:
                ticket.look_first = False
                self._board.move(error, Step.DOUBT, f"looks at {ticket.target.id} before anything is done to it")
                self.to_look.append((error, ticket))
            else:
                self._start(error, ticket)

    # --- waiting

    def _park(self, error: Error, ticket: Ticket, hold: Hold) -> None:
        ticket.look_at_wake = hold.look_first
        self.park_until(error, hold.until, hold.reason)

    def park_until(self, error: Error, until: float, reason: str) -> None:
        error.parked_until = until
        self._board.move(error, Step.PARK, reason)
        self._board.set_timer(error, until)

    def wake(self, error: Error) -> None:
        """The time of a parked ticket has come."""
        ticket = _ticket_of(error)
        ticket.look_first = ticket.look_first or ticket.look_at_wake
        ticket.look_at_wake = False
        error.parked_until = 0.0
        self._board.move(error, Step.WAKE, "its time has come")
        self.push(error)

    # --- targets

    def targets_taken(self) -> int:
        """How many targets are being attempted, verified or looked at."""
        return len(self._owner)

    def free(self, error: Error, target: str) -> None:
        """`error` lets go of the target, if it has it."""
        if self._owner.get(target) is error:
            del self._owner[target]
            self._call_next(target)

    def _call_next(self, target: str) -> None:
        """Nobody has the target: the first that waits for it, and still does, comes up."""
        waiting = self._waiting.get(target, [])
        while waiting:
            place = heappop(waiting)
            if place.is_valid():
                _ticket_of(place.error).due_at = self._board.now
                heappush(self._ready, place)
                return
        self._waiting.pop(target, None)

    # --- deciding and starting

    def decide(self, error: Error, ticket: Ticket, attempt_id: str = "") -> tuple[Decision, Strategy]:
        """What to do at the ticket's level, with its reasons."""
        board = self._board
        strategies = board.ladders.offer(ticket.rule, ticket.error_type, ticket.target)[ticket.level]
        choice = select(
            strategies,
            lambda strategy_id: board.learning.known((ticket.error_type, strategy_id), board.now),
            error.severity is not Severity.CRITICAL,
            board.rng,
        )
        decision = Decision(
            decision_id=f"{ticket.ticket_id}-d{board.number():x}" if not attempt_id else f"{attempt_id}-d",
            error_id=error.error_id,
            at=board.now,
            level=ticket.level,
            strategy_id=choice.strategy.id,
            target=ticket.target.id,
            mode=ticket.rule.mode.value,
            reason=choice.reason,
            explored=choice.explored,
            timeout_s=board.timeouts.timeout_s(ticket.error_type, choice.strategy),
            candidates=choice.candidates,
            brakes=ticket.brakes,
            attempt_id=attempt_id,
        )
        return decision, choice.strategy

    def _start(self, error: Error, ticket: Ticket) -> None:
        board = self._board
        ticket.attempts += 1
        ticket.attempts_at_level += 1
        error.attempts = ticket.attempts
        error.level = ticket.level
        attempt_id = f"{ticket.ticket_id}-{ticket.attempts}"
        decision, strategy = self.decide(error, ticket, attempt_id)
        ticket.decision, ticket.strategy, ticket.outcome = decision, strategy, None
        self.running[attempt_id] = error
        board.notify("decision", error, f"level {ticket.level}: {strategy.id}, {decision.reason}", decision=decision)
        board.move(error, Step.START, f"{strategy.id} at level {ticket.level}")
        board.mark(error, SlotState.RUNNING)
        board.effects.append(StartAttempt(_order(error, ticket, attempt_id, strategy, decision.timeout_s)))
        board.effects.append(SaveDecision(decision))


def _ticket_of(error: Error) -> Ticket:
    assert error.ticket is not None, "only errors with a ticket are queued, parked or woken"
    return error.ticket


def _order(error: Error, ticket: Ticket, attempt_id: str, strategy: Strategy, timeout_s: float) -> AttemptOrder:
    fault = error.fault
    environment = {
        "ER_ERROR_ID": error.error_id,
        "ER_ATTEMPT_ID": attempt_id,
        "ER_TYPE": fault.type.value,
        "ER_SEVERITY": error.severity.name.lower(),
        "ER_MESSAGE": fault.message or fault.exception_message,
        "ER_COMPONENT": fault.component,
        "ER_OPERATION": fault.operation,
        "ER_NODE": fault.node,
        "ER_ENVIRONMENT": fault.environment,
        "ER_EXCEPTION_TYPE": fault.exception_type,
        "ER_TARGET": ticket.target.id,
        "ER_LEVEL": str(ticket.level),
        "ER_COUNT": str(error.count),
    }
    return AttemptOrder(attempt_id, error.error_id, strategy, ticket.target, ticket.level, timeout_s, environment)
