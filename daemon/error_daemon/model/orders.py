"""Orders to the edges and what comes back, and what the ring keeps of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum

from error_daemon.model.definitions import Observer, Probe, Strategy, Target
from error_daemon.model.fault import Priority
from error_daemon.model.value import value


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


@value
class AttemptOrder:
    """Run one strategy once. What is known of the fault is data, never part of a program: `environment` carries it for programs,
    `variables` for the strategy's params (variables.py). `look`: what follows however it ends, unless nothing was run; who runs the
    strategy may begin it at once, and says so (Outcome)."""

    attempt_id: str
    error_id: str
    strategy: Strategy
    target: Target
    level: int
    timeout_s: float
    environment: Mapping[str, str]
    group: tuple[Target, ...] = ()  # of a group restart: its targets, each after those that it depends on
    probes: Mapping[str, Probe] = field(default_factory=dict)  # by name: those that the group's targets name
    variables: Mapping[str, str] = field(default_factory=dict)
    look: ProbeOrder | None = None


@value
class Since:
    """What a look is about, in time, for probes that go by what they were told: what was said before that says nothing of now.

    `opened_at`: when the fault came. `acted_at`: when the newest attempt on it began, 0: none was made. `touched_at`: when its target was
    last acted on, for whatever error, 0: that is not known."""

    opened_at: float = 0.0
    acted_at: float = 0.0
    touched_at: float = 0.0


@value
class ProbeOrder:
    """Look at a target once with all these probes, side by side."""

    round_id: str
    target: Target
    probes: tuple[Probe, ...]
    since: Since = Since()


@dataclass(frozen=True, slots=True)
class ObserveOrder:
    """Look at the state of a target once with all these observers and probes, side by side."""

    round_id: str
    target: Target
    observers: tuple[Observer, ...]
    probes: tuple[Probe, ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one observer saw of a target's state: texts by name."""

    observer: str
    facts: Mapping[str, str] = field(default_factory=dict)  # must be the same after each recovery
    others: Mapping[str, str] = field(default_factory=dict)  # may differ, as a pid does; shown, and not compared
    problem: str = ""  # why it could not look; then it has no facts


@value
class Usage:
    """Of the host: 0 to 100 each."""

    cpu_percent: float = 0.0
    memory_percent: float = 0.0


@value
class Outcome:
    """How an attempt ended. `started_at` is when the strategy's code began to run; 0 when that is not known. `looked_at`: when the look of
    its order was begun; 0: it was not. `readings`: what it saw; None: they come later, under the round's id."""

    attempt_id: str
    kind: OutcomeKind
    detail: str = ""
    started_at: float = 0.0
    execution_time_s: float = 0.0
    withheld_s: float = 0.0  # how much of it the host did not give us a CPU: steal and throttling (A20)
    before: Usage = Usage()
    after: Usage = Usage()
    affected_tasks: int = 0
    recovered_tasks: int = 0
    looked_at: float = 0.0
    readings: tuple[Reading, ...] | None = None


@value
class Reading:
    """What one probe saw."""

    probe: str
    value: ReadingValue
    detail: str = ""
    at: float = 0.0
    duration_s: float = 0.0


# --- the ring's view of a ticket -----------------------------------------------------------------------------------


@value
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


@value
class Progress:
    """What survives `kill -9` about the ticket in a slot, beside the fault itself. Each number fits a byte."""

    state: SlotState = SlotState.OPEN
    level: int = 0
    attempts: int = 0  # since the ticket was opened
    attempts_at_level: int = 0
