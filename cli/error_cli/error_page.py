"""An error in full: what it is, its newest fault, and the timeline of what was decided and done about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from error_cli.lines import Cell, Styled, line
from error_cli.page import block, facts, heading
from error_cli.phrase import count, duration, instant, instant_and_ago
from error_cli.waiting import answer, waits
from error_cli.words import READING_STYLES, SEVERITIES, STATUS_STYLES, STATUSES, TYPES, VERDICT_STYLES, word

if TYPE_CHECKING:
    from error_recovery.v1 import fault_pb2, recovery_pb2

_LEVELS = 5
_UNDER = " " * len("  2023-11-14 22:13:20  ")  # under what stands behind the time of a step


def print_error_page(found: recovery_pb2.GetErrorResponse) -> None:
    error = found.error
    line(Styled(f"error {error.error_id}", "bold"), f": {error.message}" if error.message else "")
    facts(_error_facts(error))
    if error.HasField("fault"):
        heading("newest fault")
        facts(_fault_facts(error.fault))
        _print_exception(error.fault)
    heading("timeline")
    if found.incomplete:
        line(Styled(f"  {found.incomplete}", "yellow"))
    elif not found.decisions and not found.attempts:
        line("  nothing was decided yet")
    _print_timeline(found)


def _error_facts(error: recovery_pb2.Error) -> Iterator[tuple[str, Cell]]:
    status = word(STATUSES, error.status)
    state = f" ({error.state})" if error.state and error.state != status else ""
    because = f": {error.reason}" if error.reason and not waits(error) else ""
    yield "status", Styled(f"{status}{state}{because}", STATUS_STYLES.get(status, ""))
    if error.flapping:
        yield "", Styled("flapping: it comes back soon after each recovery", "yellow")
    yield "waits", Styled(waits(error), "yellow")
    yield "", Styled(answer(error), "yellow")
    yield "behind", f"error {error.root}, of something that its target depends on" if error.root else ""
    kinds = (word(TYPES, error.type), word(SEVERITIES, error.severity), error.response_class)
    yield "kind", ", ".join(kind for kind in kinds if kind)
    yield "severity", error.severity_because
    yield "recovery", f"{error.recovery_class} class" if error.recovery_class else ""
    yield "component", error.component
    yield "target", error.target
    yield "rule", f"{error.rule} (mode {error.mode})" if error.rule else "none matches: it is only recorded"
    yield "level", f"{error.level} of {_LEVELS}" if error.level else ""
    yield "faults", f"{error.count:,}, first {instant(error.first_at)}, last {instant_and_ago(error.last_at)}"
    if error.opened_at:
        yield "ticket", f"opened {instant_and_ago(error.opened_at)}, {count(error.attempts, 'attempt')}"
    recovered = "recovered" if word(STATUSES, error.status) == "resolved" else "was well"
    yield recovered, f"last {instant_and_ago(error.recovered_at)}" if error.recovered_at else ""
    yield "grouped by", "; ".join(error.grouped_because)
    yield "related", ", ".join(error.related_error_ids)


def _fault_facts(fault: fault_pb2.Fault) -> Iterator[tuple[str, Cell]]:
    context = fault.context
    occurred_at = fault.occurred_at_unix_ns / 1e9
    yield "occurred", instant_and_ago(occurred_at) if occurred_at else ""
    yield "message", fault.message
    yield "operation", context.operation
    yield "node", context.node
    yield "environment", context.environment
    yield "hardware", context.hardware_id
    yield "attributes", ", ".join(f"{key}={value}" for key, value in sorted(context.attributes.items()))
    yield "source", fault.source
    yield "fault id", fault.fault_id
    if fault.retry_count:
        yield (
            "sender",
            f"tried again {count(fault.retry_count, 'time')}, {'with' if fault.retry_success else 'without'} success",
        )
    yield "stopped", count(fault.affected_tasks, "task") if fault.affected_tasks else ""
    if fault.HasField("exception"):
        yield "exception", ": ".join(part for part in (fault.exception.type, fault.exception.message) if part)


def _print_exception(fault: fault_pb2.Fault) -> None:
    if fault.exception.stack_trace:
        line("  ", Styled("stack trace" + (" (shortened in the middle)" if fault.shortened else ""), "dim"))
        block(fault.exception.stack_trace)
    elif fault.exception.frames:
        line("  ", Styled("stack", "dim"))
        for frame in fault.exception.frames:
            line(f"    {frame.file}:{frame.line} in {frame.module}.{frame.function}")


def _print_timeline(found: recovery_pb2.GetErrorResponse) -> None:
    steps: list[tuple[float, int, recovery_pb2.Decision | recovery_pb2.Attempt]] = []
    steps += [(decision.at, 0, decision) for decision in found.decisions]
    steps += [(attempt.started_at, 1, attempt) for attempt in found.attempts]
    for _, is_attempt, step in sorted(steps, key=lambda step: step[:2]):  # a decision stands before its attempt
        if is_attempt:
            print_attempt(step)  # type: ignore[arg-type]
        else:
            _print_decision(step)  # type: ignore[arg-type]


def _print_decision(decision: recovery_pb2.Decision) -> None:
    text = ": ".join(part for part in (decision.strategy_id, decision.reason) if part)
    line(
        "  ",
        Styled(instant(decision.at), "dim"),
        f"  level {decision.level or '-'}  decision  {text}",
        hang=len(_UNDER),
    )
    if not decision.attempt_id and decision.mode == "observe":
        line(_UNDER, "nothing was started: the rule only observes")


def print_attempt(attempt: recovery_pb2.Attempt) -> None:
    """One attempt, its verdict, and what each probe saw."""
    running = not attempt.outcome
    ended = "running" if running else f"{attempt.outcome} after {duration(attempt.execution_time_s)}"
    lag = f", lag {duration(attempt.lag_s)}" if attempt.lag_s else ""
    withheld = f", {duration(attempt.withheld_s)} of it withheld by the host" if attempt.withheld_s else ""
    line(
        "  ",
        Styled(instant(attempt.started_at), "dim"),
        f"  level {attempt.level or '-'}  attempt   {attempt.strategy_id}: {ended}{withheld}{lag}",
        " → " if attempt.verdict else "",
        Styled(attempt.verdict, VERDICT_STYLES.get(attempt.verdict, "")),
        hang=len(_UNDER),
    )
    indent = _UNDER
    if attempt.detail:
        block(attempt.detail, indent)
    for reading in attempt.readings:
        print_reading(reading, indent)


def print_reading(reading: recovery_pb2.Reading, indent: str) -> None:
    said = f": {reading.detail}" if reading.detail else ""
    value = Styled(reading.value.replace("_", " "), READING_STYLES.get(reading.value, ""))
    line(indent, f"probe {reading.probe} ", value, f" after {duration(reading.duration_s)}{said}")
