"""What the engine knows: the errors, their tickets, the timers, and the effects not yet drained.

The parts of the engine (opening, dispatch, verification) share one board and speak to each other through it only by the methods here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from error_daemon.core.brakes.global_breaker import GlobalLimits
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.brakes.target_breaker import TargetLimits
from error_daemon.core.classify import Classification
from error_daemon.core.effects import Effect, MarkSlot, Notify, SaveError, SaveLadder, SaveTicket
from error_daemon.core.experience import Known
from error_daemon.core.graph import Graph
from error_daemon.core.ladder import Ladders
from error_daemon.core.learning import Learning
from error_daemon.core.life import ENDED, Step, follow
from error_daemon.core.rng import Generator
from error_daemon.core.timeouts import Timeouts
from error_daemon.core.timers import Timers
from error_daemon.core.verify import Looking
from error_daemon.model import (
    AttemptRecord,
    Decision,
    Definitions,
    ErrorType,
    ErrorView,
    Fault,
    Fingerprint,
    Json,
    Mode,
    Notice,
    Outcome,
    Progress,
    Reading,
    Rule,
    Severity,
    SlotRef,
    SlotState,
    State,
    Strategy,
    Target,
    TicketRecord,
)

_ENDED_AS = {
    Step.HEAL: "recovered",
    Step.EXHAUST: "failed",
    Step.RESOLVE: "resolved",
    Step.FLUSH: "flushed",
    Step.DENY: "failed",
}


@dataclass(frozen=True, slots=True)
class Policy:
    """The engine's settings (settings.py says what each means and why)."""

    capacity: int = 32  # attempts that may run at once
    throttle_per_s: int = 250
    slow_start_s: float = 10.0
    global_limits: GlobalLimits = field(default_factory=GlobalLimits)
    target_limits: TargetLimits = field(default_factory=TargetLimits)
    flap_threshold_s: float = 5.0
    flap_longest_s: float = 300.0
    retry_failed_after_s: float = 600.0
    half_life_s: float = 7 * 86400.0
    known_errors: int = 100_000
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that is not carried out yet: a person must approve it, or not all targets of its group are free."""

    decision: Decision
    strategy: Strategy
    members: tuple[Target, ...] = ()  # of a group restart


@dataclass(slots=True)
class Ticket:
    """The pending recovery of an error, from the fault that opened it to the verdict that ends it."""

    ticket_id: str
    rule: Rule
    target: Target
    levels: tuple[int, ...]  # those that have something to try
    level: int
    opened_at: float
    occurred_at: float  # of the fault that opened it; 0: the sender does not say
    error_type: ErrorType  # of the fault that opened it; later ones may differ where the sender names the fingerprint
    unfinished: bool = False  # an attempt was running when the daemon died
    look_first: bool = False  # the target's condition is in doubt: probe before the next attempt
    look_at_wake: bool = False  # it may heal while it is held: look first then
    hold: Hold | None = None  # what it waits for, where that is its own and not the whole queue's
    proposal: Proposal | None = None
    approved_by: str = ""
    is_isolated: bool = False  # what keeps it from spreading has been run
    planned: bool = False  # recoveries of its target were paused while it was open
    looked_first: bool = False  # its target was looked at before anything was done
    responded_at: float = 0.0  # when the first attempt was handed out
    escalated_at: float = 0.0
    entry_level: int = 0
    why_now: str = ""  # what made it ready
    deadlines: list[int] = field(default_factory=list)  # timers
    due_at: float = 0.0  # when it last became ready
    born: int = 0  # its place among those that were opened at the same moment
    queued: int = 0  # which of its places in the queue is the valid one
    attempts: int = 0
    attempts_at_level: int = 0
    brakes: tuple[str, ...] = ()  # what the brakes said when it was last let through
    decision: Decision | None = None
    strategy: Strategy | None = None
    outcome: Outcome | None = None
    looking: Looking | None = None
    round_id: str = ""
    round_at: float = 0.0  # when its probes were sent
    seen_twice: bool = False  # a fault that came during the last round was looked at once more
    failing: frozenset[str] | None = None  # probes that failed in the last round before an attempt
    readings: tuple[Reading, ...] = ()  # of the last round
    seen_at: float = 0.0  # when that was
    history: list[dict[str, Json]] = field(default_factory=list)


@dataclass(slots=True)
class Error:
    """What equal faults fold into."""

    fingerprint: Fingerprint
    fault: Fault  # the newest
    classification: Classification
    first_at: float
    state: State = State.NEW
    reason: str = ""
    severity: Severity = Severity.MEDIUM
    target: str = ""
    level: int = 0
    count: int = 0
    attempts: int = 0
    relapses: int = 0
    flaps: int = 0  # relapses in a row that came before it was calm
    last_at: float = 0.0
    opened_at: float = 0.0
    recovered_at: float = 0.0
    ended_at: float = 0.0
    parked_until: float = 0.0
    flapping: bool = False
    related: tuple[str, ...] = ()
    root: str = ""  # the error that it waits or waited for
    slot: SlotRef | None = None
    slot_count: int = 0
    other_slots: tuple[SlotRef, ...] = ()  # found beside `slot` after a restart; released with it
    timer: int = 0
    ticket: Ticket | None = None
    watched: AttemptRecord | None = None  # the attempt that recovered it, while its stability window is open
    window_s: float = 0.0  # the length of that window
    error_id: str = field(init=False)

    def __post_init__(self) -> None:
        self.error_id = self.fingerprint.error_id

    def view(self) -> ErrorView:
        fault, rule = self.fault, self.classification.rule
        hold = self.ticket.hold if self.ticket else None
        return ErrorView(
            error_id=self.error_id,
            fingerprint=self.fingerprint.digest.hex(),
            type=fault.type,
            severity=self.severity,
            response_class=self.classification.response_class,
            state=self.state,
            reason=hold.reason if hold else self.reason,
            message=fault.message or fault.exception_message,
            component=fault.component,
            node=fault.node,
            hardware_id=fault.hardware_id,
            target=self.target,
            rule=rule.id if rule else "",
            mode=rule.mode.value if rule else "",
            level=self.level,
            count=self.count,
            attempts=self.attempts,
            relapses=self.relapses,
            first_at=self.first_at,
            last_at=self.last_at,
            opened_at=self.opened_at,
            recovered_at=self.recovered_at,
            ended_at=self.ended_at,
            parked_until=hold.until if hold else self.parked_until,
            flapping=self.flapping,
            because=self.fingerprint.because,
            related=self.related,
            slot_sequence=self.slot.sequence if self.slot else 0,
            slot_count=self.slot_count,
            recovery_class=self.classification.recovery_class,
            severity_because=self.classification.because,
            held_by=hold.by if hold else "",
            root=self.root,
        )


class Board:
    def __init__(self, definitions: Definitions, policy: Policy) -> None:
        self.definitions = definitions
        self.policy = policy
        self.now = 0.0
        self.rng = Generator(policy.seed)
        self.graph = Graph(definitions.targets)
        self.ladders = Ladders(definitions.strategies)
        self.learning = Learning(policy.half_life_s)
        self.timeouts = Timeouts()
        self.errors: dict[bytes, Error] = {}
        self.effects: list[Effect] = []
        self.listening = False  # whether anybody wants notices
        self._by_id: dict[str, Error] = {}
        self._on_target: dict[str, dict[str, Error]] = {}  # target → errors with a ticket for it, by id
        self._ended: dict[bytes, None] = {}  # errors that are done with and recorded, oldest first
        self.timers = Timers()
        self.on_timer: Callable[[Error], None]  # what an error's own timer does; the engine says it
        self.recall: Callable[[Error, Ticket], Mapping[str, Known]] = (
            _learned  # by strategy: what a replay knows from the record
        )
        self.let_go: list[str] = []  # targets on which a ticket ended; the dispatch takes them
        self._last_number = 0

    # --- errors

    def create(self, fingerprint: Fingerprint, fault: Fault, classification: Classification) -> Error:
        error = Error(fingerprint, fault, classification, first_at=self.now, severity=classification.severity)
        self.errors[fingerprint.digest] = self._by_id[error.error_id] = error
        self._make_room()
        return error

    def by_id(self, error_id: str) -> Error | None:
        return self._by_id.get(error_id)

    def starting_with(self, prefix: str) -> Iterator[Error]:
        return (error for error_id, error in self._by_id.items() if error_id.startswith(prefix))

    def tickets(self) -> int:
        return sum(len(errors) for errors in self._on_target.values())

    def with_ticket_on(self, target: str) -> Mapping[str, Error]:
        """The errors with a ticket for this target, by id, oldest ticket first."""
        return self._on_target.get(target, {})

    def begin_ticket(self, error: Error, ticket: Ticket) -> None:
        error.ticket = ticket
        error.root = ""
        self.cancel_timer(error)
        self._on_target.setdefault(ticket.target.id, {})[error.error_id] = error

    def settle(self, error: Error) -> None:
        """Keep the account of what may be dropped: what is done with, or only watched. One that still holds a slot is not
        recorded yet."""
        if error.slot is None and (error.state in ENDED or error.state is State.WATCHING):
            self._ended[error.fingerprint.digest] = None
        else:
            self._ended.pop(error.fingerprint.digest, None)

    def _make_room(self) -> None:
        """Drop the oldest that are done with."""
        while len(self.errors) > self.policy.known_errors and self._ended:
            digest = next(iter(self._ended))
            del self._ended[digest]
            error = self.errors.pop(digest)
            self._by_id.pop(error.error_id, None)
            self.cancel_timer(error)

    # --- life

    def move(self, error: Error, step: Step, reason: str) -> None:
        """Take a step of the table. `reason` is a sentence for people."""
        error.state = follow(error.state, step)
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
            self.effects.append(SaveTicket(self._record(error, ticket, _ENDED_AS[step])))

    def _close(self, error: Error, ticket: Ticket) -> None:
        error.ticket = None
        for number in ticket.deadlines:
            self.timers.cancel(number)
        target = ticket.target.id
        holders = self._on_target[target]
        del holders[error.error_id]
        if not holders:
            del self._on_target[target]
            self.let_go.append(target)

    def _record(self, error: Error, ticket: Ticket, ended_as: str) -> TicketRecord:
        return TicketRecord(
            ticket_id=ticket.ticket_id,
            error_id=error.error_id,
            error_type=ticket.error_type,
            severity=error.severity,
            response_class=error.classification.response_class,
            recovery_class=error.classification.recovery_class,
            target=ticket.target.id,
            component=error.fault.component,
            rule=ticket.rule.id,
            mode=ticket.rule.mode.value,
            occurred_at=ticket.occurred_at,
            opened_at=ticket.opened_at,
            responded_at=ticket.responded_at,
            ended_at=self.now,
            ended_as=ended_as,
            reason=error.reason,
            attempts=ticket.attempts,
            entry_level=ticket.entry_level,
            last_level=ticket.level if ticket.attempts else 0,
            looked_first=ticket.looked_first,
            planned=ticket.planned,
            relapses=error.relapses,
            root=error.root,
            escalated_at=ticket.escalated_at,
        )

    def mark(self, error: Error, state: SlotState) -> None:
        """Write into the ring how far the ticket is."""
        if error.slot is None:
            return
        ticket = error.ticket
        reached = (ticket.level, min(ticket.attempts, 255), min(ticket.attempts_at_level, 255)) if ticket else ()
        self.effects.append(MarkSlot(error.slot, Progress(state, *reached)))

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

    # --- timers: one an error

    def set_timer(self, error: Error, at: float) -> None:
        self.timers.cancel(error.timer)
        error.timer = self.timers.set(at, partial(self._ring, error))

    def cancel_timer(self, error: Error) -> None:
        self.timers.cancel(error.timer)
        error.timer = 0

    def _ring(self, error: Error) -> None:
        error.timer = 0
        self.on_timer(error)

    def number(self) -> int:
        """A number never given before."""
        self._last_number += 1
        return self._last_number


def acts(rule: Rule) -> bool:
    """Whether something may come of it: at once, or when a person has approved."""
    return rule.mode is not Mode.OBSERVE


def _learned(_error: Error, _ticket: Ticket) -> Mapping[str, Known]:
    """Nothing else than what was learned."""
    return {}
