"""What goes into the engine (events) and what comes out of it (effects). Effects are carried out in their order."""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.core.classify import Classification
from error_daemon.model import (
    AttemptOrder,
    AttemptRecord,
    Decision,
    ErrorView,
    Escalation,
    Fault,
    Fingerprint,
    Json,
    LearnedTimeout,
    Notice,
    Outcome,
    ProbeOrder,
    Progress,
    Reading,
    Score,
    SlotRef,
    TicketRecord,
)

# --- events ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FaultArrived:
    """A fault is safe in `slot`: a new one, or the one that its error holds already."""

    fault: Fault
    fingerprint: Fingerprint
    slot: SlotRef
    classification: Classification | None  # None where Engine.must_be_classified says that it need not


@dataclass(frozen=True, slots=True)
class FaultRestored:
    """A fault was read back from the ring at start. `view`: its error as recorded, if it is."""

    fault: Fault
    fingerprint: Fingerprint
    slot: SlotRef
    classification: Classification
    count: int
    progress: Progress
    view: ErrorView | None


@dataclass(frozen=True, slots=True)
class ErrorRestored:
    """An error was read back from the record at start. Before all FaultRestored."""

    view: ErrorView
    fingerprint: Fingerprint
    fault: Fault
    classification: Classification


@dataclass(frozen=True, slots=True)
class AttemptEnded:
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class ProbesEnded:
    round_id: str
    readings: tuple[Reading, ...]


@dataclass(frozen=True, slots=True)
class ErrorRecorded:
    """A SaveError is committed."""

    view: ErrorView


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Nothing but time. Due when `next_wake` says."""


@dataclass(frozen=True, slots=True)
class FailurePredicted:
    """Something foresees that `target` is about to fail (C12): its breaker opens before it does, until `until`."""

    target: str
    probability: float
    by: str
    until: float


Event = (
    FaultArrived
    | FaultRestored
    | ErrorRestored
    | AttemptEnded
    | ProbesEnded
    | ErrorRecorded
    | FailurePredicted
    | TimePassed
)

# --- effects --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StartAttempt:
    """Hand out the order. The MarkSlot before it must be in the ring first."""

    order: AttemptOrder


@dataclass(frozen=True, slots=True)
class StartProbes:
    order: ProbeOrder


@dataclass(frozen=True, slots=True)
class MarkSlot:
    slot: SlotRef
    progress: Progress


@dataclass(frozen=True, slots=True)
class ReleaseSlot:
    """Everything that the slot holds is recorded."""

    slot: SlotRef


@dataclass(frozen=True, slots=True)
class SaveFault:
    error_id: str
    fault: Fault
    slot: SlotRef


@dataclass(frozen=True, slots=True)
class SaveError:
    """Answer with ErrorRecorded once it is committed."""

    view: ErrorView


@dataclass(frozen=True, slots=True)
class SaveDecision:
    decision: Decision


@dataclass(frozen=True, slots=True)
class SaveAttempt:
    record: AttemptRecord


@dataclass(frozen=True, slots=True)
class SaveScore:
    score: Score


@dataclass(frozen=True, slots=True)
class SaveTimeout:
    timeout: LearnedTimeout


@dataclass(frozen=True, slots=True)
class SaveLadder:
    """Where an error stands on its ladder, and its way there: one entry for each attempt of the ticket."""

    error_id: str
    level: int
    at: float
    history: tuple[dict[str, Json], ...]


@dataclass(frozen=True, slots=True)
class SaveTicket:
    """A ticket has ended."""

    record: TicketRecord


@dataclass(frozen=True, slots=True)
class Escalate:
    """Tell people, and record that they were told."""

    escalation: Escalation


@dataclass(frozen=True, slots=True)
class Notify:
    notice: Notice


Effect = (
    StartAttempt
    | StartProbes
    | MarkSlot
    | ReleaseSlot
    | SaveFault
    | SaveError
    | SaveDecision
    | SaveAttempt
    | SaveScore
    | SaveTimeout
    | SaveLadder
    | SaveTicket
    | Escalate
    | Notify
)
