"""An error, and its ticket: what the engine knows of each, and how they are shown and recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from error_daemon.core.brakes.hold import Hold
from error_daemon.core.classify import Classification
from error_daemon.core.fingerprint import fingerprint
from error_daemon.core.mandate import Mandate
from error_daemon.core.verify import Looking
from error_daemon.model import (
    ISOLATION,
    TEST,
    Answer,
    ApprovalRecord,
    AttemptRecord,
    Decision,
    ErrorType,
    ErrorView,
    Fault,
    Fingerprint,
    Json,
    Outcome,
    Reading,
    Rule,
    Severity,
    SlotRef,
    State,
    Strategy,
    Target,
    TicketRecord,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decision that is not carried out yet: a person must approve it, or not all targets of its group are free.

    What a person is asked about stays as they see it: `fault` is the one that it is run with, be there newer ones, and `digest` is of what
    is run (deeds.py)."""

    decision: Decision
    strategy: Strategy
    members: tuple[Target, ...] = ()  # of a group restart
    fault: Fault | None = None  # None: the error's newest
    digest: str = ""  # empty: nobody is asked
    why_again: str = ""  # why it is asked although something was answered, or asked, before a restart
    answer: Answer | None = None


@dataclass(slots=True)
class Ticket:
    """The pending recovery of an error, from the fault that opened it to the verdict that ends it."""

    ticket_id: str
    mandate: Mandate
    fault: Fault  # the one that opened it; later ones may differ where the sender names the fingerprint
    level: int
    opened_at: float
    occurred_at: float  # of the fault that opened it; 0: the sender does not say
    generation: int = 0  # of the definitions that its mandate is from
    unfinished: bool = False  # an attempt was running when the daemon died
    look_first: bool = False  # the target's condition is in doubt: probe before the next attempt
    look_at_wake: bool = False  # it may heal while it is held: look first then
    hold: Hold | None = None  # what it waits for, where that is its own and not the whole queue's
    proposal: Proposal | None = None
    times_asked: int = 0  # people, whether to act
    asked_before: ApprovalRecord | None = None  # what was asked before a restart, until something is proposed
    is_isolated: bool = False  # what keeps it from spreading has been run
    planned: bool = False  # recoveries of its target were paused while it was open, or it is a test
    is_a_claim: bool = False  # its fault is not believed: found well, it was no fault at all
    is_test: bool = False  # a person tests the recovery: it is no relapse, and teaches nothing
    only: str = ""  # the one strategy that may be run; empty: all of the ladder
    looked_first: bool = False  # its target was looked at before anything was done
    responded_at: float = 0.0  # when the first attempt was handed out
    escalated_at: float = 0.0
    entry_level: int = 0
    why_now: str = ""  # what made it ready
    deadlines: dict[str, int] = field(
        default_factory=dict
    )  # the causes for which a person is told in time: their timers
    due_at: float = 0.0  # when it last became ready
    begun_at: float = 0.0  # when its newest attempt was handed out
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

    @property
    def rule(self) -> Rule:
        return self.mandate.rule

    @property
    def target(self) -> Target:
        return self.mandate.target

    @property
    def levels(self) -> tuple[int, ...]:
        """Those that have something to try."""
        return self.mandate.levels

    @property
    def offered(self) -> tuple[int, tuple[Strategy, ...]]:
        """The level that is to be tried now, and its strategies. What keeps it from spreading goes before its ladder."""
        isolate = self.mandate.isolate
        if isolate and not self.is_isolated:
            return ISOLATION, (isolate,)
        return self.level, self.mandate.offer[self.level]

    @property
    def error_type(self) -> ErrorType:
        return self.fault.type


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
    settled_at: float = (
        0.0  # when a person said last that it is over, or to begin anew: a recovery before that is no sign of flapping
    )
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

    def forget_because(self) -> None:
        """Why it was grouped is worked out again where it is asked for."""
        self.fingerprint = Fingerprint(self.fingerprint.digest, ())

    def view(self) -> ErrorView:
        fault, classification, rule = self.fault, self.classification, self.classification.rule
        hold = self.ticket.hold if self.ticket else None
        # By position, like a fault when it is decoded: with their names, so many arguments take five times as long.
        return ErrorView(
            self.error_id,
            self.fingerprint.digest.hex(),
            fault.type,
            self.severity,
            classification.response_class,
            self.state,
            hold.reason if hold else self.reason,
            fault.message or fault.exception_message,
            fault.component,
            fault.node,
            fault.hardware_id,
            self.target,
            rule.id if rule else "",
            rule.mode._value_ if rule else "",
            self.level,
            self.count,
            self.attempts,
            self.relapses,
            self.first_at,
            self.last_at,
            self.opened_at,
            self.recovered_at,
            self.ended_at,
            hold.until if hold else self.parked_until,
            self.flapping,
            self.fingerprint.because or fingerprint(fault).because,
            self.related,
            self.slot.sequence if self.slot else 0,
            self.slot_count,
            classification.recovery_class,
            classification.because,
            hold.by if hold else "",
            self.root,
        )


def record_of_ticket(error: Error, ticket: Ticket, ended_as: str, now: float) -> TicketRecord:
    """A ticket as it ended."""
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
        mode=TEST if ticket.is_test else ticket.rule.mode.value,
        occurred_at=ticket.occurred_at,
        opened_at=ticket.opened_at,
        responded_at=ticket.responded_at,
        ended_at=now,
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
