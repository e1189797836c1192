"""What is recorded and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from enum import Enum

from error_daemon.model.approval import Approval, ApprovalState
from error_daemon.model.definitions import Json
from error_daemon.model.fault import ErrorType, RecoveryClass, ResponseClass, Severity
from error_daemon.model.orders import OutcomeKind, Reading, Usage, Verdict
from error_daemon.model.value import value


class State(str, Enum):
    """The life of an error. core/life.py has the table of its transitions; docs/flow.md the picture."""

    NEW = "new"
    QUEUED = "queued"
    PARKED = "parked"
    PROBING = "probing"
    ATTEMPTING = "attempting"
    VERIFYING = "verifying"
    WATCHING = "watching"
    RESOLVED = "resolved"
    FAILED = "failed"
    OBSERVED = "observed"
    FLUSHED = "flushed"


STATUS_OF = {
    State.NEW: "open",
    State.QUEUED: "open",
    State.PARKED: "open",
    State.PROBING: "open",
    State.ATTEMPTING: "retrying",
    State.VERIFYING: "retrying",
    State.WATCHING: "resolved",
    State.RESOLVED: "resolved",
    State.FAILED: "failed",
    State.OBSERVED: "open",
    State.FLUSHED: "open",
}


@value
class ErrorView:
    """An error as it is at one moment: what is shown, recorded, and read back at start."""

    error_id: str
    fingerprint: str  # 32 hexadecimal digits
    type: ErrorType
    severity: Severity
    response_class: ResponseClass
    state: State
    reason: str = ""
    message: str = ""
    component: str = ""
    node: str = ""
    hardware_id: str = ""
    target: str = ""
    rule: str = ""
    mode: str = ""
    level: int = 0
    count: int = 0
    attempts: int = 0
    relapses: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    opened_at: float = 0.0
    recovered_at: float = 0.0
    ended_at: float = 0.0
    parked_until: float = 0.0
    flapping: bool = False
    because: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    slot_sequence: int = 0  # the ring slot that holds its newest faults; 0: none
    slot_count: int = 0  # how many faults of `count` are in that slot
    recovery_class: RecoveryClass | None = None
    severity_because: str = ""  # why the severity is not what the fault or the rule says; empty where it is
    held_by: str = ""  # the brake that its ticket waits for; empty: none
    root: str = ""  # the error of a target that this one's depends on, which it waits or waited for


@value
class Evidence:
    """What one scope of experience contributed, without what a narrower one did: no attempt is in two."""

    scope: str  # elsewhere | siblings | type | context | hardware
    attempts: int  # ever
    helped: int  # how many of them
    weight: float  # the attempts as they count at this moment, faded
    successes: float
    recent: int | None = (
        None  # the latest attempts, to which the record was cut when they no longer fitted it; None: it never was
    )


@value
class Candidate:
    """A strategy that a decision weighed, and what was known of it. `success` is Beta(alpha, beta)."""

    strategy_id: str
    samples: float
    alpha: float
    beta: float
    draw: float
    time_score: float
    mean_impact: float
    mean_stability: float
    task_rate: float
    score: float
    evidence: tuple[Evidence, ...] = ()  # the widest scope first
    local_strength: float = 10.0  # attempts that a wider scope was worth to a narrower; 10 in records that do not say


@value
class Decision:
    """What the engine chose, with its reasons."""

    decision_id: str
    error_id: str
    at: float
    level: int
    strategy_id: str
    target: str
    mode: str
    reason: str
    explored: bool
    timeout_s: float
    candidates: tuple[Candidate, ...]
    brakes: tuple[str, ...]
    attempt_id: str = ""
    error_type: ErrorType = ErrorType.UNKNOWN
    severity: Severity = Severity.MEDIUM
    rule: str = ""
    levels: tuple[int, ...] = ()  # the levels that had something to try
    may_explore: bool = False
    rng_state: str = (
        ""  # hexadecimal: the generator before the first draw; with the candidates it gives the same draws again
    )
    timeout_basis: tuple[float, float] | None = (
        None  # smoothed mean and deviation in s; None: nothing learned, the strategy's own
    )
    timeout_bounds_s: tuple[float, float] | None = None  # the strategy's shortest and longest; None: not recorded
    why_now: str = ""  # what led here: the first attempt, a backoff, an escalation, a look
    sharpness: float = 1.0  # how many times over the evidence counted in the draws; 1 in records that do not say


@value
class AttemptRecord:
    """One run of one strategy, from its start to the verdict. `stability_score` is below 0 while its window is open."""

    attempt_id: str
    error_id: str
    decision_id: str
    strategy_id: str
    strategy_name: str
    target: str
    level: int
    error_type: ErrorType
    hardware_id: str
    component: str
    started_at: float
    execution_time_s: float
    outcome: OutcomeKind
    detail: str
    verdict: Verdict
    success: bool
    impact_score: float
    stability_score: float
    lag_s: float
    affected_tasks: int
    recovered_tasks: int
    before: Usage
    after: Usage
    ended_at: float
    readings: tuple[Reading, ...] = ()
    number: int = 1  # of the attempts of its ticket, from 1
    is_last: bool = True  # its level is not tried again after it
    withheld_s: float = (
        0.0  # of its execution time: the host withheld the CPU (A20); 0 also in rows from before it was recorded
    )
    is_test: bool = False  # of a test of the recovery: no breaker counts it, and nothing is learned from it
    is_by_hand: bool = False  # a person did it, led by a workflow: no breaker counts it


@value
class Score:
    """What was learned of one strategy for one error type. `metrics` is all that is needed to go on learning."""

    error_type: ErrorType
    strategy_id: str
    score: float
    samples: int
    last_at: float
    metrics: Mapping[str, Json]


@value
class LearnedTimeout:
    error_type: ErrorType
    strategy_id: str
    timeout_s: float
    last_at: float


TEST = "test"  # TicketRecord.mode: a person tested the recovery; left out of metrics, except as planned downtime, and of replay


@value
class TicketRecord:
    """The pending recovery of an error as it ended: what recovery metrics and replay are made from."""

    ticket_id: str
    error_id: str
    error_type: ErrorType
    severity: Severity
    response_class: ResponseClass
    recovery_class: RecoveryClass
    target: str
    component: str
    rule: str
    mode: str  # of the rule, or TEST
    occurred_at: float  # when the sender says that the fault came to be; 0: it does not say
    opened_at: float
    responded_at: float  # when the first attempt was handed out; 0: none was
    ended_at: float
    ended_as: str  # recovered | failed | resolved | flushed | observed (after a reload)
    reason: str
    attempts: int
    entry_level: int  # the level of its first attempt; 0: none
    last_level: int
    looked_first: bool  # the target was looked at before anything was done
    planned: bool  # recoveries of the target were paused by a person in this time, or a test
    relapses: int
    root: str = ""
    escalated_at: float = 0.0  # when people were told; 0: never


CAUSES = ("exhausted", "blind", "unrecovered", "unanswered", "not_started", "not_isolated", "full")


@value
class Escalation:
    """A person should look. `diagnostics` is everything that the engine knows of the error at this moment."""

    error_id: str
    ticket_id: str
    at: float
    response_class: ResponseClass
    cause: str  # one of CAUSES
    text: str
    diagnostics: Mapping[str, Json]


@value
class BrakeView:
    """One brake as it is at one moment."""

    brake: str  # pause | global breaker | throttle | bulkhead | target breaker
    subject: str  # the target or bulkhead; empty: all
    state: str  # closed | open | half-open | paused | slow start | full
    reason: str = ""
    until: float = 0.0  # when it lets go by itself; 0: at no fixed time
    waiting: int = 0  # tickets that wait for it
    figures: Mapping[str, float] = field(default_factory=dict)


@value
class ApprovalRecord:
    """A question as it stands, for the record: what a restart needs to go on where it was, and who said what to whom."""

    decision: Decision
    ticket_id: str
    expires_at: float
    state: ApprovalState
    answered_by: str
    answered_at: float
    note: str
    does: str  # what was to be done, in words
    digest: str  # of that, and of what it was to be done to: equal where they are the same
    attempts: int  # of its ticket, before it
    slot_sequence: int  # of the ring slot that its ticket had
    times_asked: int


@value
class Notice:
    """Something happened. `text` says it to people."""

    at: float
    kind: str  # state | decision | verdict | escalation | approval | pause | workflow
    text: str
    error: ErrorView | None  # None where it is of no error
    decision: Decision | None = None
    attempt: AttemptRecord | None = None
    readings: tuple[Reading, ...] = ()
    # Of an approval: asked | reminded | approved | denied | expired | withdrawn; of a pause: paused | resumed | ended; a workflow: asked
    event: str = ""
    approval: Approval | None = None
    brake: BrakeView | None = None  # the pause

    @property
    def error_id(self) -> str:
        return self.error.error_id if self.error else ""


@value
class Summary:
    """What was left out of a watch that is told of so much in a second and no more."""

    since: float  # when the first of it happened
    at: float  # when the last did
    left_out: Mapping[str, int]  # Notice.kind → how many
