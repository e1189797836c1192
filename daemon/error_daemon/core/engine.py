"""The engine: faults, outcomes, readings and the time go in as values; decisions come out as values.

    engine.feed(event, now)      takes one event; then call
    engine.drain()               for the effects, to be carried out in their order; and
    engine.next_wake()           for when to feed TimePassed, if nothing else comes before.

It has no clock, socket, log or random source of its own but a seeded generator: the same events give the same effects, byte for byte.
The people's acts (acts.py) are calls that answer at once; drain after them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from error_daemon.core.acts import PeoplesActs
from error_daemon.core.at_rest import AtRest
from error_daemon.core.board import Board
from error_daemon.core.classify import Classification
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.effects import (
    AttemptEnded,
    Effect,
    ErrorRestored,
    ErrorsRecorded,
    Event,
    FailurePredicted,
    FaultArrived,
    FaultRestored,
    ProbesEnded,
    ReleaseSlot,
    StoodStill,
    TimePassed,
)
from error_daemon.core.fingerprint import Fingerprinter
from error_daemon.core.opening import Opening
from error_daemon.core.policy import Policy
from error_daemon.core.renewal import Redefined, Renewal
from error_daemon.core.response import Response
from error_daemon.core.restoring import Restoring
from error_daemon.core.ticket import Error
from error_daemon.core.verification import Verification
from error_daemon.model import (
    AttemptRecord,
    Definitions,
    ErrorView,
    Fault,
    Fingerprint,
    LearnedTimeout,
    Score,
    SlotRef,
    State,
)

_RESTORING = {ErrorRestored, FaultRestored}  # nothing is due before everything is restored


class Engine(PeoplesActs):
    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        self._board = Board(definitions, policy)
        self._board.on_timer = self._timer
        response = Response(self._board)
        self._dispatch = Dispatch(self._board, response)
        self._renewal = Renewal(self._board, self._dispatch, response)
        self._verification = Verification(self._board, self._dispatch, response, self._renewal)
        self._opening = Opening(self._board, self._dispatch, self._verification, response)
        restoring = Restoring(self._board, self._dispatch.possession, self._opening)
        self._at_rest = AtRest()
        self.fingerprint = Fingerprinter()  # of a fault, before it is fed
        self._take: dict[type[Any], Callable[[Any], None]] = {
            FaultArrived: self._opening.arrived,
            AttemptEnded: lambda event: self._verification.ended(event.outcome),
            ProbesEnded: lambda event: self._verification.seen(event.round_id, event.readings),
            ErrorsRecorded: self._recorded,
            FailurePredicted: self._foretold,
            ErrorRestored: restoring.restored,
            FaultRestored: restoring.kept,
            TimePassed: lambda event: None,
            StoodStill: lambda event: None,
        }

    # --- before a fault is fed

    def classify(self, fault: Fault) -> Classification:
        return self._board.classify(fault)

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
        if isinstance(event, StoodStill):  # before anybody is told that it is late
            board.stood_s += event.for_s
            board.stood_last_s, board.stood_until = event.for_s, board.now
        kind = type(event)
        try:
            if kind not in _RESTORING and board.timers.is_due(now):
                for call in board.timers.due(now):  # what was due before the event comes before it
                    call()
        finally:  # a bug in what was due must not cost the event: whose attempt has ended would wait for that for ever
            self._take[kind](event)

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
        return self._board.timers.next_at()

    def _timer(self, error: Error) -> None:
        if error.state in (State.PARKED, State.QUEUED):
            self._dispatch.waiting.wake(error)
        elif error.state is State.WATCHING:
            self._verification.held(error)
        elif error.state is State.FAILED:
            self._opening.try_again(error)
        else:
            self._verification.look_again(error)

    def _foretold(self, event: FailurePredicted) -> None:
        if event.target in self._board.definitions.targets:
            self._dispatch.brakes.targets.foretold(event, self._board.now)

    def _recorded(self, event: ErrorsRecorded) -> None:
        for view in event.views:
            error = self._board.by_id(view.error_id)
            if error is not None and error.ticket is None:
                self._account_for(error, view)

    def _account_for(self, error: Error, view: ErrorView) -> None:
        """The record accounts for the error up to `view`: its slot may go, unless more faults came since."""
        slot = error.slot
        if slot is None or slot.sequence != view.slot_sequence:
            return
        if error.slot_count != view.slot_count:
            self._board.save(error)
            return
        if error.state is State.FAILED and error.parked_until:
            return  # it is tried again in time, and needs the slot for that
        self._board.effects += [ReleaseSlot(each) for each in (*error.other_slots, slot)]
        error.slot, error.slot_count, error.other_slots = None, 0, ()
        self._board.settle(error)
        self._at_rest.lay(error)

    # --- what is defined

    def redefine(self, definitions: Definitions, now: float) -> Redefined:
        """From now on these hold (renewal.py says what becomes of what is under way). Drain after it. The same again change nothing."""
        self._board.now = now
        return Redefined() if definitions == self._board.definitions else self._renewal.redefine(definitions)

    def listen(self, on: bool) -> None:
        """Whether notices are wanted. They cost, so nobody gets them unasked."""
        self._board.listening = on

    # --- at start

    def restore_learned(self, scores: Iterable[Score], timeouts: Iterable[LearnedTimeout]) -> None:
        self._board.learning.restore(scores)
        for timeout in timeouts:
            self._board.timeouts.restore(timeout)

    def restore_attempts(self, records: Iterable[AttemptRecord], now: float) -> None:
        """The attempts of the last minutes, oldest first: what the breakers knew. What has gathered meanwhile starts slowly."""
        for record in sorted(records, key=lambda record: min(record.ended_at, now)):  # the clock may have been set back
            self._dispatch.brakes.restore(record, now)
        self._dispatch.brakes.throttle.ease_in(now)

    def finish(self) -> None:
        """Begin nothing more; what is in the works comes to its end. There is no way back: the daemon is about to stop."""
        self._dispatch.is_draining = True
