"""What goes into the engine (events) and what comes out of it (effects). Effects are carried out in their order."""

from __future__ import annotations

from collections.abc import Sequence

from error_daemon.core.classify import Classification
from error_daemon.model import (
    ApprovalRecord,
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
from error_daemon.model.value import value

# --- events ---------------------------------------------------------------------------------------------------------


@value
class FaultArrived:
    """A fault is safe in `slot`: a new one, or the one that its error holds already."""

    fault: Fault
    fingerprint: Fingerprint
    slot: SlotRef
    classification: Classification | None  # None where Engine.must_be_classified says that it need not
    is_test: bool = False  # a person tests the recovery with it: what it opens is no relapse, and teaches nothing
    only: str = ""  # of a test: the one strategy that may be run; empty: all of the ladder
    is_a_claim: bool = False  # of somebody who may be wrong, or lie: the target is looked at before anything is done


@value
class FaultRestored:
    """A fault was read back from the ring at start. `view`: its error as recorded, if it is."""

    fault: Fault
    fingerprint: Fingerprint
    slot: SlotRef
    classification: Classification
    count: int
    progress: Progress
    view: ErrorView | None
    is_test: bool = False  # see FaultArrived
    only: str = ""
    asked: ApprovalRecord | None = None  # what was asked, or approved and not begun, when the daemon ended


@value
class ErrorRestored:
    """An error was read back from the record at start. Before all FaultRestored."""

    view: ErrorView
    fingerprint: Fingerprint
    fault: Fault
    classification: Classification


@value
class AttemptEnded:
    outcome: Outcome


@value
class ProbesEnded:
    round_id: str
    readings: tuple[Reading, ...]


@value
class ErrorsRecorded:
    """These SaveErrors are committed; in the order in which they were given."""

    views: Sequence[ErrorView]


@value
class TimePassed:
    """Nothing but time. Due when `next_wake` says."""


@value
class StoodStill:
    """The daemon could not act for `for_s` seconds that ended now: it was stopped, or the host gave the CPU to others (A20). What was
    promised within a time is due that much later, and a verification had that much less time to look."""

    for_s: float


@value
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
    | ErrorsRecorded
    | FailurePredicted
    | StoodStill
    | TimePassed
)

# --- effects --------------------------------------------------------------------------------------------------------


@value
class StartAttempt:
    """Hand out the order. The MarkSlot before it must be in the ring first."""

    order: AttemptOrder


@value
class StartProbes:
    order: ProbeOrder


@value
class MarkSlot:
    slot: SlotRef
    progress: Progress


@value
class ReleaseSlot:
    """Everything that the slot holds is recorded."""

    slot: SlotRef


@value
class SaveFault:
    error_id: str
    fault: Fault
    slot: SlotRef


@value
class SaveError:
    """Answer with ErrorsRecorded once it is committed."""

    view: ErrorView


@value
class SaveDecision:
    decision: Decision


@value
class SaveApproval:
    """What a person is asked, how it stands now."""

    record: ApprovalRecord


@value
class SaveAttempt:
    record: AttemptRecord


@value
class SaveScore:
    score: Score


@value
class SaveTimeout:
    timeout: LearnedTimeout


@value
class SaveLadder:
    """Where an error stands on its ladder, and its way there: one entry for each attempt of the ticket."""

    error_id: str
    level: int
    at: float
    history: tuple[dict[str, Json], ...]


@value
class SaveTicket:
    """A ticket has ended."""

    record: TicketRecord


@value
class Escalate:
    """Tell people, and record that they were told."""

    escalation: Escalation


@value
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
    | SaveApproval
    | SaveAttempt
    | SaveScore
    | SaveTimeout
    | SaveLadder
    | SaveTicket
    | Escalate
    | Notify
)
