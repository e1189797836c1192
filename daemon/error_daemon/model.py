"""The values that travel between the parts of the daemon. Frozen; no behaviour beyond what follows from the value itself.

Times named `_at` are seconds since 1970 on the daemon's steady clock (runtime/clock.py): they never jump back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Any

Json = Any  # what json.dumps takes

LEVELS = (1, 2, 3, 4, 5)  # requirement B6: 1 basic retry ... 5 full system recovery


class ErrorType(str, Enum):
    """What kind of thing went wrong (B1). The numbers of the wire enum are the positions here, from 1."""

    UNKNOWN = "unknown"
    NETWORK = "network"
    RESOURCE = "resource"
    HARDWARE = "hardware"
    SYSTEM = "system"
    DATABASE = "database"
    WORKER = "worker"
    COORDINATOR = "coordinator"
    TASK = "task"
    CONFIGURATION = "configuration"
    AUTHENTICATION = "authentication"
    SECURITY = "security"
    DATA = "data"
    TIMEOUT = "timeout"


class Severity(IntEnum):
    """How bad it is (B1). The numbers are those of the wire."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4
    CRITICAL = 5


class Priority(IntEnum):
    """Which ring a fault waits in, and who goes first. Lower goes first."""

    CRITICAL = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


PRIORITY_OF = {
    Severity.CRITICAL: Priority.CRITICAL,
    Severity.HIGH: Priority.HIGH,
    Severity.MEDIUM: Priority.NORMAL,
    Severity.LOW: Priority.LOW,
    Severity.INFO: Priority.LOW,
}


class ResponseClass(str, Enum):
    """How a fault is to be answered (B3)."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    CASCADING = "cascading"
    CRITICAL = "critical"


class Mode(str, Enum):
    """What a rule may do (E2). `observe` decides and records, and acts on nothing."""

    OBSERVE = "observe"
    AUTO = "auto"


class ReadingValue(str, Enum):
    """What one probe saw. `unknown` is neither good nor bad: the probe could not look."""

    OK = "ok"
    NOT_OK = "not_ok"
    UNKNOWN = "unknown"


class Verdict(str, Enum):
    """What readings together say about a target."""

    RECOVERED = "recovered"
    PERSISTING = "persisting"
    WORSE = "worse"
    UNKNOWN = "unknown"


class OutcomeKind(str, Enum):
    """How an attempt ended. Says nothing about success: that is what probes see."""

    COMPLETED = "completed"  # the strategy did what it does
    FAILED = "failed"  # it could not
    TIMED_OUT = "timed_out"  # it was ended at its deadline
    LOST = "lost"  # the worker or the application died or hung: unknown what was done
    REFUSED = "refused"  # nothing was run: no such handler attached, bad parameters


@dataclass(slots=True)
class Fault:
    """One report of one thing gone wrong: the part of it that decisions need. The whole of it is in the ring.

    Nobody writes to one. It is not frozen because one is made for every fault, and freezing takes three times as long."""

    type: ErrorType
    message: str = ""
    severity: Severity | None = None  # None: the rule decides
    component: str = ""
    operation: str = ""
    node: str = ""
    environment: str = ""
    hardware_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    exception_type: str = ""
    exception_message: str = ""
    frames: tuple[str, ...] = ()  # in-application frames as "module:function", innermost last, at most five
    explicit_fingerprint: str = ""
    target: str = ""
    occurred_at: float = 0.0
    received_at: float = 0.0
    retry_success: bool = False
    count: int = 1
    affected_tasks: int = 0
    related_error_ids: tuple[str, ...] = ()
    source: str = ""
    fault_id: str = ""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What makes faults equal. `because` names the parts for people: "grouped because ..."."""

    digest: bytes  # 16 bytes
    because: tuple[str, ...]

    @property
    def error_id(self) -> str:
        """16 hexadecimal digits. The same fault has the same id on every host, before and after a restart."""
        return self.digest[:8].hex()


# --- definitions: what the operator wrote, checked -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays between attempts at one level: base_s · factor^n up to cap_s, each drawn from (0, that] ("full jitter",
    AWS Architecture Blog, "Exponential Backoff And Jitter", 2015)."""

    base_s: float = 0.1
    factor: float = 2.0
    cap_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Probe:
    """A way to look at a target. `params` belong to the kind (execute/probes/)."""

    id: str
    kind: str
    params: Mapping[str, Json] = field(default_factory=dict)
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Target:
    """The thing to be recovered."""

    id: str
    kind: str  # process | service | host | ...
    params: Mapping[str, Json] = field(default_factory=dict)
    probes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Strategy:
    """A named way to recover. `params` belong to the kind (execute/strategies/).

    `max_attempts` is how often it may be tried at one level for a transient fault (at most 5, B3); for any other
    response class it is tried once a level. Timeouts are learned between `timeout_min_s` and `timeout_max_s`; `timeout_s`
    holds until something was learned."""

    id: str
    kind: str
    name: str = ""
    params: Mapping[str, Json] = field(default_factory=dict)
    timeout_s: float = 30.0
    timeout_min_s: float = 0.1
    timeout_max_s: float = 240.0
    max_attempts: int = 1
    backoff: Backoff = Backoff()
    error_types: frozenset[ErrorType] = frozenset()  # empty: any
    target_kinds: frozenset[str] = frozenset()  # empty: any


@dataclass(frozen=True, slots=True)
class Verification:
    """How success is established. A target counts as recovered when its probes said so for `hold_s`; as persisting when
    they did not within `within_s`; when nothing can be seen for `patience_s`, a person is needed."""

    hold_s: float = 0.0
    within_s: float = 5.0
    patience_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Condition:
    """Which faults a rule is for. Every part that is set must match; patterns match the whole text."""

    types: frozenset[ErrorType] = frozenset()
    min_severity: Severity | None = None
    component: re.Pattern[str] | None = None
    operation: re.Pattern[str] | None = None
    node: re.Pattern[str] | None = None
    environment: re.Pattern[str] | None = None
    exception: re.Pattern[str] | None = None
    message: re.Pattern[str] | None = None
    source: re.Pattern[str] | None = None
    target: re.Pattern[str] | None = None
    attributes: Mapping[str, re.Pattern[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """Which faults go to which target, ladder and mode. `target` None: the one that the fault names."""

    id: str
    when: Condition
    ladder: Mapping[int, tuple[str, ...]]  # level 1 to 5 → strategy ids; absent levels are skipped
    target: str | None = None
    mode: Mode = Mode.OBSERVE
    severity: Severity | None = None  # for faults that carry none
    response_class: ResponseClass | None = None  # None: by type
    entry_level: int = 1  # where critical errors enter; all others enter at 1
    verification: Verification = Verification()
    stability_window_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Definitions:
    """Everything an operator defined, whole and consistent: every name used is defined. Rules are in their order."""

    rules: tuple[Rule, ...] = ()
    targets: Mapping[str, Target] = field(default_factory=dict)
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    probes: Mapping[str, Probe] = field(default_factory=dict)


# --- orders to the edges and what comes back -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AttemptOrder:
    """Run one strategy once. `environment` carries the fault's fields as variables: data, never part of a command."""

    attempt_id: str
    error_id: str
    strategy: Strategy
    target: Target
    level: int
    timeout_s: float
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ProbeOrder:
    """Look at a target once with all these probes, side by side."""

    round_id: str
    target: Target
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Usage:
    """Of the host: 0 to 100 each."""

    cpu_percent: float = 0.0
    memory_percent: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended. `started_at` is when the strategy's code began to run; 0 when that is not known."""

    attempt_id: str
    kind: OutcomeKind
    detail: str = ""
    started_at: float = 0.0
    execution_time_s: float = 0.0
    before: Usage = Usage()
    after: Usage = Usage()
    affected_tasks: int = 0
    recovered_tasks: int = 0


@dataclass(frozen=True, slots=True)
class Reading:
    """What one probe saw."""

    probe: str
    value: ReadingValue
    detail: str = ""
    at: float = 0.0
    duration_s: float = 0.0


# --- the ring's view of a ticket -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SlotRef:
    """Names a ring slot in use. `sequence` differs for every use of any slot."""

    priority: Priority
    index: int
    sequence: int


class SlotState(IntEnum):
    """What must be known of a slot's ticket after a crash."""

    OPEN = 1  # waits; nothing is running
    RUNNING = 2  # an attempt was handed out and has not been heard of: its effect is unknown
    ENDED = 3  # the ticket has ended; the slot is kept until the record of that is committed


@dataclass(frozen=True, slots=True)
class Progress:
    """What survives `kill -9` about the ticket in a slot, beside the fault itself. Each number fits a byte."""

    state: SlotState = SlotState.OPEN
    level: int = 0
    attempts: int = 0  # since the ticket was opened
    attempts_at_level: int = 0


# --- what is recorded and shown ------------------------------------------------------------------------------------


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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Score:
    """What was learned of one strategy for one error type. `metrics` is all that is needed to go on learning."""

    error_type: ErrorType
    strategy_id: str
    score: float
    samples: int
    last_at: float
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LearnedTimeout:
    error_type: ErrorType
    strategy_id: str
    timeout_s: float
    last_at: float


@dataclass(frozen=True, slots=True)
class Notice:
    """Something happened. `text` says it to people."""

    at: float
    kind: str  # state | decision | verdict
    text: str
    error: ErrorView
    decision: Decision | None = None
    attempt: AttemptRecord | None = None
    readings: tuple[Reading, ...] = ()
