"""What the engine knows: the errors, their tickets, the timers, and the effects not yet drained.

The parts of the engine (opening, dispatch, verification) share one board and speak to each other through it only by the methods here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from math import inf

from error_daemon.core.brakes.pause import Pause
from error_daemon.core.census import Census
from error_daemon.core.classify import Classification, Classifier
from error_daemon.core.effects import Effect, MarkSlot, Notify, SaveError, SaveLadder, SaveTicket
from error_daemon.core.experience import Known
from error_daemon.core.graph import Graph
from error_daemon.core.learning import Learning
from error_daemon.core.life import ENDED, Step, follow
from error_daemon.core.mandate import Mandate, Mandates
from error_daemon.core.policy import Policy
from error_daemon.core.rng import Generator
from error_daemon.core.rules import Rules
from error_daemon.core.ticket import Error, Ticket, record_of_ticket
from error_daemon.core.timeouts import Timeouts
from error_daemon.core.timers import Timers
from error_daemon.model import (
    AttemptRecord,
    Decision,
    Definitions,
    Fault,
    Fingerprint,
    Notice,
    Progress,
    Reading,
    SlotRef,
    SlotState,
    State,
)

_ENDED_AS = {
    Step.HEAL: "recovered",
    Step.EXHAUST: "failed",
    Step.RESOLVE: "resolved",
    Step.FLUSH: "flushed",
    Step.DENY: "failed",
    Step.OBSERVE: "observed",
}
_WITHOUT_TICKET = {state: Progress(state) for state in SlotState}


class Board:
    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        self.definitions = definitions
        self.policy = policy
        self.now = 0.0
        self.stood_s = 0.0  # of all time so far, in which nothing could be done (StoodStill)
        self.stood_last_s = 0.0  # of it, what ended
        self.stood_until = 0.0  # then
        self.rng = Generator(policy.seed)
        self.graph = Graph(definitions.targets)
        self.classify = Classifier(Rules(definitions.rules), self.graph)
        self.mandates = Mandates(definitions)
        self.generation = 0  # of the definitions: how often they were replaced
        self.redefined_at = -inf
        self.learning = Learning(policy.half_life_s)
        self.timeouts = Timeouts()
        self.errors: dict[bytes, Error] = {}
        self.effects: list[Effect] = []
        self.listening = False  # whether anybody wants notices
        self.census = Census()
        self._by_id: dict[str, Error] = {}
        self._on_target: dict[str, dict[str, Error]] = {}  # target → errors with a ticket for it, by id
        self._ended: dict[bytes, None] = {}  # errors that are done with and recorded, oldest first
        # target → what its probes saw last, and when
        self.seen: dict[str, tuple[tuple[Reading, ...], float]] = {}
        self.timers = Timers()
        self.on_timer: Callable[[Error], None]  # what an error's own timer does; the engine says it
        self.on_close: Callable[
            [Error, Ticket], None
        ]  # what was proposed for it is over with its ticket; asking says it
        # what a replay knows from the record, by strategy, in the place of what was learned
        self.recall: Callable[[Error, Ticket], Mapping[str, Known]] = _nothing
        self.let_go: list[str] = []  # targets that a ticket has left; the dispatch takes them
        self._last_number = 0

    # --- what is defined

    def redefine(self, definitions: Definitions) -> None:
        """From now on these hold. Tickets keep their mandates until they are renewed (renewal.py)."""
        self.definitions = definitions
        self.graph = Graph(definitions.targets)
        self.classify = Classifier(Rules(definitions.rules), self.graph)
        self.mandates = Mandates(definitions)
        self.seen = {target: seen for target, seen in self.seen.items() if target in definitions.targets}
        self.generation += 1
        self.redefined_at = self.now

    # --- errors

    def create(self, fingerprint: Fingerprint, fault: Fault, classification: Classification) -> Error:
        error = Error(fingerprint, fault, classification, first_at=self.now, severity=classification.severity)
        assert fingerprint.digest not in self.errors, "an error is created once"
        self.errors[fingerprint.digest] = self._by_id[error.error_id] = error
        self.census.add(error)
        self._make_room()
        return error

    def by_id(self, error_id: str) -> Error | None:
        return self._by_id.get(error_id)

    def starting_with(self, prefix: str) -> Iterator[Error]:
        return (error for error_id, error in self._by_id.items() if error_id.startswith(prefix))

    def tickets(self) -> int:
        return sum(len(errors) for errors in self._on_target.values())

    def with_ticket(self) -> Iterator[Error]:
        return (error for errors in self._on_target.values() for error in errors.values())

    def holders(self) -> Mapping[str, Mapping[str, Error]]:
        """The errors with a ticket, by its target and their id."""
        return self._on_target

    def with_ticket_on(self, target: str) -> Mapping[str, Error]:
        """The errors with a ticket for this target, by id, in the order in which they came to it."""
        return self._on_target.get(target, {})

    def begin_ticket(self, error: Error, ticket: Ticket) -> None:
        error.ticket = ticket
        error.root = ""
        self.cancel_timer(error)
        self._on_target.setdefault(ticket.target.id, {})[error.error_id] = error

    def give(self, error: Error, ticket: Ticket, anew: Mandate) -> None:
        """The ticket has another mandate, perhaps for another target."""
        if anew.target.id != ticket.target.id:
            self._leave_target(error, ticket.target.id)
            error.target = anew.target.id
            self._on_target.setdefault(error.target, {})[error.error_id] = error
        ticket.mandate = anew

    def settle(self, error: Error) -> None:
        """Keep the account of what may be dropped: what is done with, or only watched. One that still holds a slot is not
        recorded yet."""
        if error.slot is None and (error.state in ENDED or error.state is State.WATCHING):
            self._ended[error.fingerprint.digest] = None
        else:
            self._ended.pop(error.fingerprint.digest, None)

    def hold_slot(self, error: Error, slot: SlotRef, count: int) -> None:
        """A slot of the ring is the error's, with `count` of its faults: until that is recorded it is not dropped."""
        error.slot, error.slot_count = slot, count
        self._ended.pop(error.fingerprint.digest, None)

    def _make_room(self) -> None:
        """Drop the oldest that are done with."""
        while len(self.errors) > self.policy.known_errors and self._ended:
            digest = next(iter(self._ended))
            del self._ended[digest]
            error = self.errors.pop(digest)
            self._by_id.pop(error.error_id, None)
            self.census.drop(error)
            self.cancel_timer(error)

    # --- life

    def move(self, error: Error, step: Step, reason: str) -> None:
        """Take a step of the table. `reason` is a sentence for people."""
        self.census.change(error, follow(error.state, step))
        error.reason = reason
        self.settle(error)
        if self.listening:
            self.notify("state", error, f"{error.state.value}: {reason}")

    def end_ticket(self, error: Error, step: Step, reason: str) -> None:
        """The ticket ends; its record goes out, and the slot is released once that is committed."""
        ticket = error.ticket
        self.mark(error, SlotState.ENDED)
        if ticket:
            self._close(error, ticket)
        error.parked_until = 0.0
        error.ended_at = self.now
        self.cancel_timer(error)
        self.move(error, step, reason)
        self.save(error, ticket)
        if ticket:
            self.effects.append(SaveTicket(record_of_ticket(error, ticket, _ENDED_AS[step], self.now)))

    def _close(self, error: Error, ticket: Ticket) -> None:
        if ticket.proposal is not None:
            self.on_close(error, ticket)
        error.ticket = None
        for number in ticket.deadlines.values():
            self.timers.cancel(number)
        self._leave_target(error, ticket.target.id)

    def _leave_target(self, error: Error, target: str) -> None:
        holders = self._on_target[target]
        del holders[error.error_id]
        if not holders:
            del self._on_target[target]
        self.let_go.append(target)  # those that are left may be in nobody's way: who waits for one finds out

    def mark(self, error: Error, state: SlotState) -> None:
        """Write into the ring how far the ticket is."""
        if error.slot is None:
            return
        ticket = error.ticket
        if ticket is None:
            progress = _WITHOUT_TICKET[state]
        else:
            progress = Progress(state, ticket.level, min(ticket.attempts, 255), min(ticket.attempts_at_level, 255))
        self.effects.append(MarkSlot(error.slot, progress))

    def save(self, error: Error, ticket: Ticket | None = None) -> None:
        self.effects.append(SaveError(error.view()))
        if ticket and ticket.history:
            self.effects.append(SaveLadder(error.error_id, error.level, self.now, tuple(ticket.history)))

    def notify(
        self,
        kind: str,
        error: Error,
        text: str,
        *,
        decision: Decision | None = None,
        attempt: AttemptRecord | None = None,
        readings: tuple[Reading, ...] = (),
    ) -> None:
        if self.listening:
            self.effects.append(Notify(Notice(self.now, kind, text, error.view(), decision, attempt, readings)))

    def tell_pause(self, event: str, pause: Pause, text: str) -> None:
        if self.listening:
            self.effects.append(Notify(Notice(self.now, "pause", text, None, event=event, brake=pause.view())))

    # --- timers: one an error

    def set_timer(self, error: Error, at: float) -> None:
        self.timers.cancel(error.timer)
        error.timer = self.timers.set(at, partial(self._ring, error))

    def cancel_timer(self, error: Error) -> None:
        if error.timer:
            self.timers.cancel(error.timer)
            error.timer = 0

    def _ring(self, error: Error) -> None:
        error.timer = 0
        self.on_timer(error)

    def number(self) -> int:
        """A number never given before."""
        self._last_number += 1
        return self._last_number


def _nothing(_error: Error, _ticket: Ticket) -> Mapping[str, Known]:
    return {}
