"""What is recovered, and how: metrics of faults, errors, tickets, decisions, attempts, brakes and escalations."""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.core.brakes.bulkhead import NAME as BULKHEAD
from error_daemon.model import CAUSES, ResponseClass, Severity, State
from error_daemon.runtime.intake import REASONS
from error_daemon.runtime.monitoring.metric import Kind, Labels, Metric, Values, by_name, one
from error_daemon.runtime.monitoring.scene import Scene
from error_daemon.telemetry import OTHER, CountsBy, HistogramsBy

_P = "error_recovery_"
_MOST_BRAKES = 256


def _faults(scene: Scene) -> Values:
    for (kind, error_type, severity), count in scene.seen.counters.faults.by_kind().items():
        yield (kind, error_type.value, severity.name.lower() if severity else "not_said"), count


def _counts(counts: CountsBy) -> Values:
    return counts.counts.items()


def _refusals(scene: Scene) -> Values:
    """With those that never were, so that the first one is seen as a change."""
    never: dict[Labels, int] = {(reason,): 0 for reason in REASONS}
    return {**never, **scene.seen.counters.faults_refused_by.counts}.items()


def _escalations(scene: Scene) -> Values:
    """Likewise."""
    never: dict[Labels, int] = {(cause, each.value): 0 for cause in CAUSES for each in ResponseClass}
    return {**never, **scene.seen.counters.escalations.counts}.items()


def _histograms(histograms: HistogramsBy) -> Values:
    return (((name,), histogram) for name, histogram in histograms.histograms.items())


def _errors(scene: Scene) -> Values:
    known = scene.seen.engine.errors_by_state()
    return (((state.value,), known.get(state.value, 0)) for state in State)


def _severities(scene: Scene) -> Mapping[str, float]:
    return {severity.name.lower(): scene.tickets.by_severity[severity.name.lower()] for severity in Severity}


def _targets(scene: Scene) -> Mapping[str, float]:
    """Those without a ticket, too: that there is none is worth knowing."""
    engine = scene.seen.engine
    return {**dict.fromkeys(engine.definitions.targets, 0), **engine.tickets_by_target()}


def _brakes(scene: Scene) -> Values:
    """The shares of tenants are shown as their bulkhead: what a tenant is called comes from whoever reports."""
    states: dict[tuple[str, str], str] = {}
    for brake, subject, state in scene.seen.engine.brake_states(scene.now):
        shown = subject.partition(" of ")[0] if brake == BULKHEAD else subject
        if len(states) >= _MOST_BRAKES and (brake, shown) not in states:
            shown = OTHER
        if states.get((brake, shown), "closed") == "closed":
            states[brake, shown] = state
    return (((brake, subject, state), 1) for (brake, subject), state in states.items())


def _oldest_s(scene: Scene) -> float:
    return max(0.0, scene.now - scene.tickets.oldest_at) if scene.tickets.oldest_at else 0.0


RECOVERIES: tuple[Metric, ...] = (
    Metric(
        Kind.COUNTER,
        f"{_P}faults",
        "Faults that were taken, folded ones too, by the kind of their source, their type and the severity that the sender gave.",
        _faults,
        ("source", "type", "severity"),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}fault_refusals",
        "Faults that were refused: ring_full and record_behind come again later, invalid ones never.",
        _refusals,
        ("reason",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}errors",
        "Errors that are known, by their state. Those that have failed need a person.",
        _errors,
        ("state",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}tickets_open",
        "Open tickets: errors whose recovery is pending, by their severity.",
        by_name(_severities),
        ("severity",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}target_tickets_open",
        "Open tickets of each target.",
        by_name(_targets),
        ("target",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}tickets_waiting",
        "Open tickets that wait, by the brake that holds them.",
        by_name(lambda scene: scene.tickets.held_by),
        ("held_by",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}approvals_waiting",
        "Decisions that wait for a person to say yes or no.",
        one(lambda scene: scene.seen.engine.approvals(0)[1]),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}oldest_ticket_age_seconds",
        "How long ago the oldest open ticket was opened; 0 where none is open.",
        one(_oldest_s),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}tickets_ended",
        "Tickets that have ended, by how: recovered, failed, resolved or flushed by a person, observed after a reload. Tests do not count.",
        lambda scene: _counts(scene.seen.counters.tickets),
        ("target", "ended_as"),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}decisions",
        "Decisions, by rule and its mode. In mode observe it is what would have been done.",
        lambda scene: _counts(scene.seen.counters.decisions),
        ("rule", "mode"),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}attempts_running",
        "Attempts that are running now.",
        one(lambda scene: scene.seen.engine.attempts_running()),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}attempts",
        "Attempts that have their verdict. The outcome is how the strategy ended, the verdict what probes saw. Tests do not count.",
        lambda scene: _counts(scene.seen.counters.attempts),
        ("strategy", "level", "outcome", "verdict"),
    ),
    Metric(
        Kind.HISTOGRAM,
        f"{_P}attempt_duration_seconds",
        "How long strategies ran.",
        lambda scene: _histograms(scene.seen.counters.attempt_times),
        ("strategy",),
    ),
    Metric(
        Kind.HISTOGRAM,
        f"{_P}lag_seconds",
        "From a fault's receipt to the start of its first strategy's code, with all waiting.",
        lambda scene: (((), scene.seen.counters.lags),),
    ),
    Metric(
        Kind.HISTOGRAM,
        f"{_P}recovery_duration_seconds",
        "From the opening of a ticket to its verified recovery, by recovery class (goals: immediate 1 s, emergency 5 s, gradual 30 s).",
        lambda scene: _histograms(scene.seen.counters.recovery_times),
        ("recovery_class",),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}escalations",
        "How often a person was told, by the cause and the response class of the error.",
        _escalations,
        ("cause", "response_class"),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}brake_state",
        "1 for the state that each brake is in. Breakers of targets that are closed are not shown.",
        _brakes,
        ("brake", "subject", "state"),
    ),
)
