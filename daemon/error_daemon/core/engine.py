"""The engine: faults, outcomes, readings and the time go in as values; decisions come out as values.

    engine.feed(event, now)      takes one event; then call
    engine.drain()               for the effects, to be carried out in their order; and
    engine.next_wake()           for when to feed TimePassed, if nothing else comes before.

It has no clock, socket, log or random source of its own but a seeded generator: the same events give the same effects, byte for byte.
The people's acts (acts.py) are calls that answer at once; drain after them too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from heapq import nlargest
from itertools import chain
from typing import Any

from error_daemon.core import deeds
from error_daemon.core.acts import PeoplesActs
from error_daemon.core.at_rest import AtRest
from error_daemon.core.board import Board
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.classify import Classification
from error_daemon.core.decide import members_of, variables_of
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
from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.opening import Opening
from error_daemon.core.overview import Overview
from error_daemon.core.policy import Policy
from error_daemon.core.renewal import Redefined, Renewal
from error_daemon.core.response import Response
from error_daemon.core.restoring import Restoring
from error_daemon.core.ticket import Error
from error_daemon.core.verification import Verification
from error_daemon.model import (
    Approval,
    AttemptRecord,
    BrakeView,
    Decision,
    Definitions,
    ErrorView,
    Fault,
    Fingerprint,
    LearnedTimeout,
    Reading,
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

    @property
    def definitions(self) -> Definitions:
        """Those in force."""
        return self._board.definitions

    def redefine(self, definitions: Definitions, now: float) -> Redefined:
        """From now on these hold (renewal.py says what becomes of what is under way). Drain after it. The same again change nothing."""
        self._board.now = now
        return Redefined() if definitions == self._board.definitions else self._renewal.redefine(definitions)

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

    # --- what is known

    def listen(self, on: bool) -> None:
        """Whether notices are wanted. They cost, so nobody gets them unasked."""
        self._board.listening = on

    def newest(
        self,
        limit: int,
        is_wanted: Callable[[Error], bool],
        *,
        with_ticket: bool = False,
        after: tuple[float, str] | None = None,
    ) -> tuple[list[ErrorView], int]:
        """The wanted errors with the newest faults, newest first, and how many are wanted in all. `with_ticket`: of those that have a
        ticket, which are few; else it walks through all. `after`: those older than an error whose newest fault came then, and of the
        same time those with a smaller id than its."""
        board = self._board
        wanted = [
            error for error in (board.with_ticket() if with_ticket else board.errors.values()) if is_wanted(error)
        ]
        older = wanted if after is None else [error for error in wanted if _newness(error) < after]
        return [self._dispatch.view(error) for error in nlargest(limit, older, key=_newness)], len(wanted)

    def view(self, prefix: str) -> ErrorView:
        return self._dispatch.view(self._find(prefix))

    def held_by(self, error: Error) -> str:
        """The brake that its ticket waits for, and be it that of the whole queue, as `view` shows it; empty where it waits for none."""
        hold = self._dispatch.waiting.hold_of(error)
        return hold.by if hold else ""

    def overview(self, now: float) -> Overview:
        """A look at all that is open; it is made in parts."""
        return Overview(self._board, self._dispatch, now)

    def brakes(self, now: float, waiting: Mapping[tuple[str, str], int] | None = None) -> list[BrakeView]:
        """Every brake as it is, outermost first, with how many tickets wait for it. `waiting`: where that was counted already."""
        waiting = self._dispatch.waiting.counts() if waiting is None else waiting
        return [
            replace(view, waiting=waiting.get((view.brake, view.subject), 0))
            for view in self._dispatch.brakes.views(now)
        ]

    def brake_states(self, now: float) -> list[tuple[str, str, str]]:
        """(brake, subject, state) of each brake; of the breakers of targets only those that are not closed. Cheap, however many wait."""
        return self._dispatch.brakes.states(now)

    def approvals(self, limit: int) -> tuple[list[Approval], int]:
        """What waits for a person's yes or no, what ends soonest first, and how much there is in all."""
        return self._dispatch.asking.approvals(limit)

    def approval(self, error_id: str) -> Approval | None:
        """Of one error, by its whole id; None where nothing of it waits for a person."""
        return self._dispatch.asking.approval(error_id)

    def does(self, decision: Decision) -> str:
        """What its strategy does to its target, in words, as they are defined now; empty where one of them is no more."""
        definitions = self.definitions
        strategy, target = definitions.strategies.get(decision.strategy_id), definitions.targets.get(decision.target)
        if strategy is None or target is None:
            return ""
        error = self._board.by_id(decision.error_id)
        variables = variables_of(error.fault, error, decision) if error else {}
        return deeds.does(strategy, target, members_of(self._board, target.id, strategy), variables)

    def last_readings(self, error_id: str) -> tuple[Reading, ...]:
        """What the last look for the error's ticket has seen; nothing where there was none."""
        error = self._board.by_id(error_id)
        return error.ticket.readings if error and error.ticket else ()

    def slot(self, error_id: str) -> SlotRef | None:
        return self._find(error_id).slot

    def known(self, error_id: str) -> Error | None:
        """By its whole id. Nobody may write to it."""
        return self._board.by_id(error_id)

    def held(self, error_id: str) -> tuple[str, str]:
        """The brake that its ticket waits for, and why; empty where it waits for none."""
        error = self._board.by_id(error_id)
        hold = self._dispatch.waiting.hold_of(error) if error else None
        return (hold.by, hold.reason) if hold else ("", "")

    def ticket_id(self, error_id: str) -> str:
        """The id of its ticket; empty where it has none."""
        error = self._board.by_id(error_id)
        return error.ticket.ticket_id if error and error.ticket else ""

    def still_down(self) -> list[OpenInterval]:
        """What the record of ended tickets does not tell: the targets of open tickets, and of errors that stand failed."""
        down = chain(self._board.with_ticket(), self._board.census.failed())
        return [
            OpenInterval(
                error.target,
                error.fault.component,
                error.opened_at,
                planned=error.ticket is not None and error.ticket.planned,
            )
            for error in down
            if error.target
        ]

    def busy_with(self, target: str) -> list[str]:
        """The errors with a ticket for this target, in the order in which they came to it, without those parked: they do nothing."""
        holders = self._board.with_ticket_on(target).items()
        return [error_id for error_id, error in holders if error.state is not State.PARKED]

    def errors_by_state(self) -> dict[str, int]:
        return {state.value: count for state, count in self._board.census.by_state().items()}

    def pauses(self) -> list[Pause]:
        return self._dispatch.brakes.pause.all()

    def errors_known(self) -> int:
        return len(self._board.errors)

    def tickets_open(self) -> int:
        return self._board.tickets()

    def tickets_by_target(self) -> dict[str, int]:
        """Open ones, of the targets that have some."""
        return {target: len(errors) for target, errors in self._board.holders().items()}

    def with_ticket(self) -> list[Error]:
        """The errors that have a ticket now. Nobody may write to them, and by the next turn of the loop some may have none."""
        return list(chain.from_iterable(errors.values() for errors in self._board.holders().values()))

    def in_the_works(self) -> int:
        """Targets that are being attempted, verified or looked at."""
        return self._dispatch.possession.in_the_works()

    def attempts_running(self) -> int:
        return self._dispatch.running.attempts()


def _newness(error: Error) -> tuple[float, str]:
    return error.last_at, error.error_id
