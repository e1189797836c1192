"""Whether errors were recovered and answered as quickly as their kind asks: recovery classes (C9), response classes (B3), layers (C1).

**Recovery classes.** RECOVERY_TARGETS gives each a time and a share. Both together are one claim: of the tickets that ended recovered or
failed, more than the share recovered in less than the time. A late recovery is a success, but not one that meets the claim.

**Response classes.** A promise is kept when the answer came within its limit, counted from `opened_at`:

    permanent   people were told               escalated_at   30 s
    cascading   the first attempt handed out   responded_at   1 s
    critical    the first attempt handed out   responded_at   100 ms

A ticket without an answer broke the promise if it failed, or was open for longer than the limit; one that ended sooner needed none. Not
samples of the first attempt's promise: tickets that recovered without one of their own (their target was found well, or was recovered by
another ticket's attempt), and those whose attempts a person held up, by a pause or by having to approve them.

**Layers.** Each error type belongs to one; an unknown type to none. The bounds are kept by a layer when its 95th percentile is below them:
a mean would hide the slow ones, and a maximum would be one sample.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from error_daemon.core.metrics.figures import FAILED, RECOVERED, Rate, Times, times_of
from error_daemon.core.metrics.timing import times_to_detect_s, times_to_recover_s
from error_daemon.model import RECOVERY_TARGETS, ErrorType, Mode, RecoveryClass, ResponseClass, TicketRecord

# --- recovery classes


@dataclass(frozen=True, slots=True)
class ClassFigures:
    success: Rate  # recovered, of recovered or failed
    in_time: Rate  # recovered in less than the class's time, of the same tickets
    is_met: bool | None


def class_figures(tickets: Iterable[TicketRecord]) -> Mapping[RecoveryClass, ClassFigures]:
    """Every recovery class is in it."""
    samples = dict.fromkeys(RecoveryClass, 0)
    successes = dict.fromkeys(RecoveryClass, 0)
    in_time = dict.fromkeys(RecoveryClass, 0)
    for ticket in tickets:
        recovery_class = ticket.recovery_class
        if ticket.ended_as == RECOVERED:
            samples[recovery_class] += 1
            successes[recovery_class] += 1
            in_time[recovery_class] += ticket.ended_at - ticket.opened_at < RECOVERY_TARGETS[recovery_class][0]
        elif ticket.ended_as == FAILED:
            samples[recovery_class] += 1
    return {
        name: _class(name, Rate(successes[name], samples[name]), Rate(in_time[name], samples[name]))
        for name in RecoveryClass
    }


def _class(recovery_class: RecoveryClass, success: Rate, in_time: Rate) -> ClassFigures:
    ratio = in_time.ratio
    return ClassFigures(success, in_time, None if ratio is None else ratio > RECOVERY_TARGETS[recovery_class][1])


# --- response classes

TOLD_WITHIN_S = 30.0  # B3: permanent
ANSWERED_WITHIN_S = {ResponseClass.CASCADING: 1.0, ResponseClass.CRITICAL: 0.1}  # B3


@dataclass(frozen=True, slots=True)
class ResponseFigures:
    within_s: float
    kept: Rate
    is_met: bool | None  # every single one


def response_figures(tickets: Iterable[TicketRecord]) -> Mapping[ResponseClass, ResponseFigures]:
    """Every response class that promises a time is in it; transient does not."""
    limits = {ResponseClass.PERMANENT: TOLD_WITHIN_S, **ANSWERED_WITHIN_S}
    samples = dict.fromkeys(limits, 0)
    kept = dict.fromkeys(limits, 0)
    for ticket in tickets:
        limit_s = limits.get(ticket.response_class)
        if limit_s is None:
            continue
        is_kept = (
            _is_told(ticket) if ticket.response_class is ResponseClass.PERMANENT else _is_answered(ticket, limit_s)
        )
        if is_kept is not None:
            samples[ticket.response_class] += 1
            kept[ticket.response_class] += is_kept
    return {
        name: ResponseFigures(
            limit_s, Rate(kept[name], samples[name]), kept[name] == samples[name] if samples[name] else None
        )
        for name, limit_s in limits.items()
    }


def _is_told(ticket: TicketRecord) -> bool | None:
    """None: it ended before people had to be told."""
    if ticket.escalated_at:
        return ticket.escalated_at - ticket.opened_at <= TOLD_WITHIN_S
    return False if _needed_an_answer(ticket, TOLD_WITHIN_S) else None


def _is_answered(ticket: TicketRecord, limit_s: float) -> bool | None:
    """None: it needed no attempt of its own, or a person held it up."""
    if ticket.planned or ticket.mode == Mode.APPROVE.value:
        return None
    if ticket.responded_at:
        return ticket.responded_at - ticket.opened_at <= limit_s
    return False if ticket.ended_as != RECOVERED and _needed_an_answer(ticket, limit_s) else None


def _needed_an_answer(ticket: TicketRecord, limit_s: float) -> bool:
    return ticket.ended_as == FAILED or ticket.ended_at - ticket.opened_at > limit_s


# --- layers


@dataclass(frozen=True, slots=True)
class Layer:
    name: str
    types: frozenset[ErrorType]
    detect_s: float
    recover_s: float


LAYERS = (  # C1
    Layer("hardware", frozenset({ErrorType.HARDWARE}), 0.001, 0.1),
    Layer("system", frozenset({ErrorType.SYSTEM, ErrorType.RESOURCE, ErrorType.NETWORK}), 0.005, 1.0),
    Layer(
        "application",
        frozenset(
            {
                ErrorType.DATABASE,
                ErrorType.WORKER,
                ErrorType.CONFIGURATION,
                ErrorType.AUTHENTICATION,
                ErrorType.SECURITY,
                ErrorType.DATA,
                ErrorType.TIMEOUT,
            }
        ),
        0.01,
        5.0,
    ),
    Layer("workflow", frozenset({ErrorType.TASK, ErrorType.COORDINATOR}), 0.1, 30.0),
)


@dataclass(frozen=True, slots=True)
class LayerFigures:
    detect: Times
    recover: Times
    is_detect_met: bool | None
    is_recover_met: bool | None
    detect_within_s: float
    recover_within_s: float


def layer_figures(tickets: Iterable[TicketRecord]) -> Mapping[str, LayerFigures]:
    """Every layer is in it, by name."""
    by_type: dict[ErrorType, list[TicketRecord]] = defaultdict(list)
    for ticket in tickets:
        by_type[ticket.error_type].append(ticket)
    return {layer.name: _layer(layer, by_type) for layer in LAYERS}


def _layer(layer: Layer, by_type: Mapping[ErrorType, list[TicketRecord]]) -> LayerFigures:
    tickets = [ticket for name in layer.types for ticket in by_type.get(name, ())]
    detect, recover = times_of(times_to_detect_s(tickets)), times_of(times_to_recover_s(tickets))
    return LayerFigures(
        detect,
        recover,
        None if detect.p95_s is None else detect.p95_s < layer.detect_s,
        None if recover.p95_s is None else recover.p95_s < layer.recover_s,
        layer.detect_s,
        layer.recover_s,
    )
