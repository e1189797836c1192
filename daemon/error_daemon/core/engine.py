"""The engine: faults, outcomes, readings and the time go in as values; decisions come out as values.

    engine.feed(event, now)      takes one event; then call
    engine.drain()               for the effects, to be carried out in their order; and
    engine.next_wake()           for when to feed TimePassed, if nothing else comes before.

It has no clock, socket, log or random source of its own but a seeded generator: the same events give the same effects, byte for byte.
The people's acts (resolve, flush, reset, forget) are calls that answer at once; drain after them too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from heapq import nlargest

from error_daemon.core.board import Board, Error, Policy
from error_daemon.core.classify import Classification, classify
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.effects import (
    AttemptEnded,
    Effect,
    ErrorRecorded,
    ErrorRestored,
    Event,
    FaultArrived,
    FaultRestored,
    ProbesEnded,
    ReleaseSlot,
    SaveLadder,
)
from error_daemon.core.fingerprint import Fingerprinter
from error_daemon.core.ladder import entry
from error_daemon.core.life import PENDING, WITH_TICKET, Step
from error_daemon.core.opening import Opening
from error_daemon.core.verification import Verification
from error_daemon.errors import NotFound, Refused
from error_daemon.model import (
    Definitions,
    ErrorView,
    Fault,
    Fingerprint,
    LearnedTimeout,
    Score,
    SlotRef,
    SlotState,
    State,
)

_AMBIGUOUS = 5  # how many ids an ambiguous prefix is answered with


class Engine:
    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        self._board = Board(definitions, policy)
        self._dispatch = Dispatch(self._board)
        self._verification = Verification(self._board, self._dispatch)
        self._opening = Opening(self._board, self._dispatch, self._verification)
        self._fingerprinter = Fingerprinter()

    # --- before a fault is fed

    def fingerprint(self, fault: Fault) -> Fingerprint:
        return self._fingerprinter(fault)

    def classify(self, fault: Fault) -> Classification:
        return classify(self._board.definitions.rules, fault)

    def slot_of(self, fingerprint: Fingerprint) -> SlotRef | None:
        """The slot to count an equal fault on, if its error has one."""
        error = self._board.errors.get(fingerprint.digest)
        return error.slot if error else None

    def has_ticket(self, fingerprint: Fingerprint) -> bool:
        error = self._board.errors.get(fingerprint.digest)
        return error is not None and error.ticket is not None

    def must_be_classified(self, fingerprint: Fingerprint, now: float) -> bool:
        """Whether a fault may open a ticket: not where its error has one, or is left as it is for now."""
        error = self._board.errors.get(fingerprint.digest)
        return error is None or (error.ticket is None and not self._opening.is_left_alone(error, now))

    # --- feed, drain, next_wake

    def feed(self, event: Event, now: float) -> None:
        """Take one event. Then `drain`."""
        board = self._board
        board.now = now
        if not isinstance(event, (ErrorRestored, FaultRestored)):  # nothing is due before everything is restored
            for error in board.due():  # what was due before the event comes before it
                self._timer(error)
        if isinstance(event, FaultArrived):
            self._opening.arrived(event)
        elif isinstance(event, AttemptEnded):
            self._verification.ended(event.outcome)
        elif isinstance(event, ProbesEnded):
            self._verification.seen(event.round_id, event.readings)
        elif isinstance(event, ErrorRecorded):
            self._recorded(event.view)
        elif isinstance(event, ErrorRestored):
            self._opening.restored(event)
        elif isinstance(event, FaultRestored):
            self._opening.kept(event)

    def drain(self) -> list[Effect]:
        """What follows from everything fed so far, to be carried out in this order. Each effect is given once."""
        while True:
            self._dispatch.pump()
            if not self._dispatch.to_look:
                break
            looks, self._dispatch.to_look = self._dispatch.to_look, []
            for error, ticket in looks:
                self._verification.look(error, ticket)
        effects, self._board.effects = self._board.effects, []
        return effects

    def next_wake(self) -> float | None:
        """When to feed TimePassed at the latest; None: only when something happens."""
        return self._board.next_timer()

    def _timer(self, error: Error) -> None:
        if error.state is State.PARKED:
            self._dispatch.wake(error)
        elif error.state is State.WATCHING:
            self._verification.held(error)
        elif error.state is State.FAILED:
            self._opening.try_again(error)
        else:
            self._verification.look_again(error)

    def _recorded(self, view: ErrorView) -> None:
        """The record accounts for the error up to `view`: its slot may go, unless more faults came since."""
        error = self._board.by_id(view.error_id)
        if error is None or error.ticket is not None or error.slot is None or error.slot.sequence != view.slot_sequence:
            return
        if error.slot_count != view.slot_count:
            self._board.save(error)
            return
        if error.state is State.FAILED and error.parked_until:
            return  # it is tried again in time, and needs the slot for that
        self._board.effects += map(ReleaseSlot, (*error.other_slots, error.slot))
        error.slot, error.slot_count, error.other_slots = None, 0, ()
        self._board.settle(error)

    # --- at start

    def restore_learned(self, scores: Iterable[Score], timeouts: Iterable[LearnedTimeout]) -> None:
        self._board.learning.restore(scores)
        for timeout in timeouts:
            self._board.timeouts.restore(timeout)

    def finish(self) -> None:
        """Begin nothing more; what is in the works comes to its end. There is no way back: the daemon is about to stop."""
        self._dispatch.is_draining = True

    # --- what is known

    def listen(self, on: bool) -> None:
        """Whether notices are wanted. They cost, so nobody gets them unasked."""
        self._board.listening = on

    def newest(self, limit: int, is_wanted: Callable[[Error], bool]) -> tuple[list[ErrorView], int]:
        """The wanted errors with the newest faults, newest first, and how many are wanted in all."""
        wanted = [error for error in self._board.errors.values() if is_wanted(error)]
        return [error.view() for error in nlargest(limit, wanted, key=lambda error: error.last_at)], len(wanted)

    def view(self, prefix: str) -> ErrorView:
        return self._find(prefix).view()

    def slot(self, error_id: str) -> SlotRef | None:
        return self._find(error_id).slot

    def errors_by_state(self) -> dict[str, int]:
        return Counter(error.state.value for error in self._board.errors.values())

    def errors_known(self) -> int:
        return len(self._board.errors)

    def tickets_open(self) -> int:
        return self._board.tickets()

    def in_the_works(self) -> int:
        """Targets that are being attempted, verified or looked at."""
        return self._dispatch.targets_taken()

    def attempts_running(self) -> int:
        return len(self._dispatch.running)

    def _find(self, prefix: str) -> Error:
        error = self._board.by_id(prefix)
        if error:
            return error
        found = list(self._board.starting_with(prefix)) if prefix else []
        if len(found) == 1:
            return found[0]
        if not found:
            raise NotFound(f"no error {prefix!r} is known: `error-cli errors list` shows them")
        some = ", ".join(candidate.error_id for candidate in found[:_AMBIGUOUS])
        raise Refused(f"{prefix!r} is the beginning of {len(found)} errors ({some} ...): write more of it")

    # --- the people's acts

    def resolve(self, prefix: str, note: str, now: float) -> ErrorView:
        """A person says that it is gone. Raises NotFound, or Refused while an attempt is running."""
        self._board.now = now
        error = self._find(prefix)
        if error.state in WITH_TICKET - PENDING:
            raise Refused(f"{error.error_id} is {error.state.value}: wait for its verdict, then resolve it")
        if error.state is not State.RESOLVED:
            error.level = error.relapses = 0
            error.flapping = False
            self._let_go(error, Step.RESOLVE, f"resolved by a person{': ' + note if note else ''}")
        return error.view()

    def flush(self, prefix: str | None, now: float) -> tuple[int, int]:
        """Purge pending tickets: all, or one error's. Returns how many, and how many attempts were left running."""
        self._board.now = now
        errors = list(self._board.errors.values()) if prefix is None else [self._find(prefix)]
        pending = [error for error in errors if error.state in PENDING]
        for error in pending:
            self._let_go(error, Step.FLUSH, "purged by a person; its next fault opens a new ticket")
        return len(pending), sum(error.state in WITH_TICKET - PENDING for error in errors)

    def reset_ladder(self, prefix: str, now: float) -> ErrorView:
        """Back to the first level. A running attempt is left alone; what follows it starts from there."""
        self._board.now = now
        error = self._find(prefix)
        error.level = error.relapses = 0
        error.flapping = False
        ticket = error.ticket
        if ticket:
            running = error.state in WITH_TICKET - PENDING
            first = entry(ticket.levels, ticket.rule, error.severity) or ticket.level
            ticket.attempts_at_level = int(running and ticket.level == first)
            error.level = ticket.level = first
            self._board.mark(error, SlotState.RUNNING if running else SlotState.OPEN)
        elif error.state is State.FAILED:
            error.ended_at = error.parked_until = 0.0  # its next fault opens a ticket, however soon it comes
            self._board.cancel_timer(error)
        self._board.save(error)
        self._board.effects.append(SaveLadder(error.error_id, error.level, now, ()))
        return error.view()

    def forget(self, strategy_id: str | None) -> int:
        self._board.timeouts.forget(strategy_id)
        return self._board.learning.forget(strategy_id)

    def _let_go(self, error: Error, step: Step, reason: str) -> None:
        ticket = error.ticket
        error.watched = None
        self._board.end_ticket(error, step, reason)
        if ticket:
            self._dispatch.free(error, ticket.target.id)
