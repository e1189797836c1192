"""What pages are made from: everything at one moment (Now), how each target is (TargetState), and so on. The wire's view.proto says what
each field means; names and units are the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field

from error_daemon.model.definitions import Json
from error_daemon.model.diagnostic import Diagnostic
from error_daemon.model.fault import ErrorType, Severity
from error_daemon.model.orders import Reading
from error_daemon.model.record import BrakeView, ErrorView, State, TicketRecord
from error_daemon.model.value import value


@value
class OpenCount:
    """How many open errors there are of a severity in a state."""

    severity: Severity
    state: State
    errors: int


@value
class Trying:
    """Something that is being done about an error."""

    error_id: str
    state: State  # attempting | verifying | probing
    target: str
    severity: Severity
    text: str
    since: float
    deadline_at: float = 0.0  # 0: not known
    attempt_id: str = ""  # empty: its target is looked at before anything is done
    strategy_id: str = ""
    level: int = 0
    number: int = 0


@value
class Next:
    """What comes next for an error, and when at the latest; 0: at no fixed time."""

    text: str
    at: float = 0.0


@value
class ErrorGroup:
    """Open errors that have one root cause."""

    kind: str  # target | component
    name: str
    root_error: ErrorView
    errors: int
    faults: int
    severity: Severity
    since: float
    last_at: float
    errors_by_state: Mapping[str, int]
    targets: tuple[str, ...]  # the cause first
    targets_more: int
    standing: str  # trying | approval | failed | held | waiting | observed
    trying: Trying | None
    next: Next
    held_by: str


@value
class Need:
    """Something that waits for a person."""

    kind: str  # approval | workflow | failed
    error_id: str
    severity: Severity
    target: str
    component: str
    message: str
    why: str
    otherwise: str  # what happens when nobody does anything
    since: float
    until: float = 0.0
    action: str = ""
    strategy_id: str = ""
    level: int = 0
    errors: int = 1
    decision_id: str = ""
    does: str = ""
    run_id: str = ""


@value
class Situation:
    """All that is open, bounded: of each list the first, and how many more there are."""

    open: tuple[OpenCount, ...]
    groups: tuple[ErrorGroup, ...]
    groups_more: int
    errors_in_more: int
    trying: tuple[Trying, ...]
    trying_more: int
    needs: tuple[Need, ...]
    needs_more: int
    waiting: Mapping[tuple[str, str], int]  # tickets, by the name and subject of the brake that they wait for


@value
class TargetState:
    """A target as it is at one moment, as far as it is known without looking."""

    name: str
    kind: str
    depends_on: tuple[str, ...]
    dependents: tuple[str, ...]
    weight: float
    impact: float
    probes: tuple[str, ...]
    health: str  # failing | recovering | reported | recovered | well | unknown
    health_text: str
    health_since: float = 0.0
    is_isolated: bool = False
    readings: tuple[Reading, ...] = ()
    breaker: BrakeView | None = None
    pause: BrakeView | None = None
    bulkheads: tuple[BrakeView, ...] = ()
    open_errors: int = 0
    failed_errors: int = 0
    waiting: int = 0
    root_error_id: str = ""


@value
class Rates:
    """How much happened in intervals of the last minutes, the oldest first; all lists have the same length."""

    interval_s: float
    until: float
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)  # faults, attempts, recovered, failed


@value
class Threshold:
    """From where on a figure of the host is a fault."""

    what: str
    enter: float
    leave: float
    window_s: float
    is_in: bool
    is_below: bool = False  # it is a fault from here on down, not up


@value
class HostFigure:
    """A figure of the host, with its last values, the oldest first."""

    name: str
    unit: str
    value: float | None
    sensor: str  # empty: told by an application
    thresholds: tuple[Threshold, ...]
    at: tuple[float, ...] = ()
    values: tuple[float, ...] = ()


@value
class Recovered:
    """A ticket that ended recovered, with how many of its target did so with it."""

    record: TicketRecord
    errors: int


@value
class Stale:
    """A part of a view that is older than the rest, or missing."""

    part: str
    why: str
    since: float = 0.0  # how things stood then is what is shown; 0: nothing is shown


@value
class Now:
    """`status`: the fields of GetStatusResponse; `lag_last_minute`: those of LagFigures. `brakes`: those that hold something, or slow it.
    `took_s`: to put it together."""

    at: float
    host: str  # its name for itself
    status: Mapping[str, Json]
    situation: Situation
    brakes: Sequence[BrakeView]
    lag_last_minute: Mapping[str, Json]
    rates: Rates
    recovered: Sequence[Recovered]  # the newest first
    sensors: Sequence[Diagnostic]  # that say that something is not good
    sensors_blind: int
    stale: Sequence[Stale]
    took_s: float


@value
class DayFigures:
    """`metrics`: core/metrics' RecoveryMetrics of a range, made plain by rpc/plain.py; None where there are none yet. `at`: when they were
    worked out."""

    metrics: Json
    since: float
    until: float
    at: float


@value
class TargetStates:
    targets: Sequence[TargetState]
    at: float
    day: DayFigures
    stale: Sequence[Stale]


@value
class Layers:
    """`types`: the error types of each layer."""

    figures: DayFigures
    types: Mapping[str, Sequence[ErrorType]]


@value
class ScoreWish:
    """0 and empty: as view.proto says."""

    since: float
    until: float
    by: str  # type | level | target
    error_type: str
    strategy_id: str
    target: str
    level: int
    points: int


@value
class Scores:
    """`series`: core/metrics' ScoreSeries, made plain, those with the most attempts first."""

    series: Sequence[Mapping[str, Json]]
    since: float
    until: float
    interval_s: float


@value
class HostState:
    sensors: Sequence[Diagnostic]
    figures: Sequence[HostFigure]  # by name
    at: float
    interval_s: float
