"""Workflows and their runs as people see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from error_cli.lines import Cell, Styled, line
from error_cli.page import facts, heading
from error_cli.phrase import ago, count, duration, instant, until
from error_cli.tables import Column, table
from error_cli.words import READING_STYLES

if TYPE_CHECKING:
    from error_recovery.v1 import workflow_pb2

ACTIVE = "active"
_BAR_WIDTH = 20
_STATE_STYLES = {ACTIVE: "yellow", "completed": "green", "aborted": "red", "expired": "red"}
_EVENT_STYLES = {"done": "green", "not_ok": "red", "unknown": "yellow", "forced": "yellow", "aborted": "red"}
_WORKFLOWS = (
    Column("WORKFLOW"),
    Column("STEPS", right=True),
    Column("TAKES", right=True),
    Column("NAME", flexible=True),
)
_RUNS = (
    Column("RUN"),
    Column("STATE"),
    Column("STEP", right=True),
    Column("LAST", right=True),
    Column("ERROR"),
    Column("NAME", flexible=True),
)


# --- workflows


def print_workflows(workflows: Sequence[workflow_pb2.Workflow]) -> None:
    table(_WORKFLOWS, [_workflow_row(one) for one in workflows])


def _workflow_row(one: workflow_pb2.Workflow) -> list[Cell]:
    return [one.workflow_id, str(len(one.steps)), _about(one.takes_s), one.name or one.description]


def print_found(found: Sequence[workflow_pb2.FoundWorkflow]) -> None:
    """The best first, each with why."""
    for one in found:
        workflow = one.workflow
        takes = f", {_about(workflow.takes_s)}" if workflow.takes_s else ""
        line(Styled(workflow.workflow_id, "bold"), f"  {workflow.name}")
        line("    ", Styled(f"{count(len(workflow.steps), 'step')}{takes}; {one.because}", "dim"), hang=4)
        if workflow.run_id:
            line("    ", Styled(f"somebody is at it: error-cli workflows guide {workflow.run_id}", "yellow"))


def print_workflow(one: workflow_pb2.Workflow) -> None:
    line(Styled(one.name or one.workflow_id, "bold"))
    facts(
        (
            ("workflow", one.workflow_id),
            ("good for", one.description),
            ("target", one.target or "that of the error"),
            ("takes", _about(one.takes_s)),
        )
    )
    for number, step in enumerate(one.steps, 1):
        heading(f"{number}. {step.id}" + (f" ({_about(step.takes_s)})" if step.takes_s else ""))
        _print_what(step)
        _print_hints(step.hints)


# --- runs


def print_runs(runs: Sequence[workflow_pb2.WorkflowRun]) -> None:
    table(_RUNS, [_run_row(run) for run in runs])


def _run_row(run: workflow_pb2.WorkflowRun) -> list[Cell]:
    state = Styled(run.state, _STATE_STYLES.get(run.state, ""))
    at = f"{run.step} of {len(run.steps)}" if run.state == ACTIVE else f"{run.steps_done} of {len(run.steps)}"
    return [run.run_id, state, at, Styled(ago(run.last_at), "dim"), run.error_id or "-", run.name or run.workflow_id]


def print_run(run: workflow_pb2.WorkflowRun) -> None:
    """All of it: where it is, and what happened."""
    print_head(run)
    facts(_run_facts(run))
    heading("what happened")
    for event in run.events:
        at = instant(event.at)
        line("  ", Styled(at, "dim"), "  ", Styled(event.text, _EVENT_STYLES.get(event.kind, "")), hang=len(at) + 6)
    if run.state == ACTIVE:
        print_step(run)


def _run_facts(run: workflow_pb2.WorkflowRun) -> Iterator[tuple[str, Cell]]:
    yield "run", run.run_id
    yield "error", run.error_id
    yield "target", run.target
    yield "state", Styled(run.state, _STATE_STYLES.get(run.state, ""))
    waits = "the recovery waits for it, and gives up " if run.attempt_id else "it expires "
    yield "until", waits + until(run.expires_at) if run.expires_at else ""
    yield "not kept", Styled(run.not_kept_because, "red")


def print_head(run: workflow_pb2.WorkflowRun) -> None:
    """Its name, and how far it is."""
    done, steps = run.steps_done, len(run.steps)
    full = round(_BAR_WIDTH * done / steps)
    left = f", {_about(run.remaining_s)} left" if run.remaining_s else ""
    bar = Styled("█" * full + "░" * (_BAR_WIDTH - full), _STATE_STYLES.get(run.state, ""))
    line(Styled(run.name or run.workflow_id, "bold"))
    line("  ", bar, f"  {done} of {steps} done{left}")


def print_step(run: workflow_pb2.WorkflowRun) -> None:
    """The step that a run is at."""
    step = run.steps[run.step - 1]
    heading(f"step {run.step} of {len(run.steps)}: {step.id}" + (f" ({_about(step.takes_s)})" if step.takes_s else ""))
    _print_what(step)


def _print_what(step: workflow_pb2.WorkflowStep) -> None:
    for text in _paragraphs(step.instructions):
        line("  ", text, hang=4 if text.startswith(" ") else 2)
    facts((("expected", step.expected), ("seen by", f"probe {step.probe}" if step.probe else "you alone")))


def _paragraphs(text: str) -> Iterator[str]:
    """Lines that begin at the margin go on in one another, as wide as the screen is; those further in, as commands, stand as they are."""
    words: list[str] = []
    for one in text.expandtabs(4).splitlines():
        if one.strip() and not one.startswith(" "):
            words.append(one.strip())
            continue
        if words:
            yield " ".join(words)
        words = []
        if one.strip():
            yield one.rstrip()
    if words:
        yield " ".join(words)


def print_seen(run: workflow_pb2.WorkflowRun, answer: workflow_pb2.CompleteStepResponse, step: int) -> None:
    """What came of a step that was said to be done."""
    name, reading = run.steps[step - 1].id, answer.reading
    style = READING_STYLES.get(reading.value, "green")
    saw = f": {reading.detail}" if reading.detail else ""
    if not answer.HasField("reading"):
        line(Styled(f"step {step} ({name}) is done", style))
    elif reading.value == "ok":
        line(Styled(f"step {step} ({name}) is done", style), f": {reading.probe} sees it{saw}")
    elif answer.went_on:
        line(Styled(f"went on from step {step} ({name})", style), f", though {reading.probe} does not see it{saw}")
    elif reading.value == "unknown":
        line(Styled(f"nobody can see whether step {step} ({name}) is done", style), f": {reading.probe}{saw}")
    else:
        line(Styled(f"step {step} ({name}) is not done", style), f": {reading.probe} sees that it is not{saw}")
    if not answer.went_on:
        _print_hints(run.steps[step - 1].hints)


def _print_hints(hints: Iterable[str]) -> None:
    for hint in hints:
        line("  ", Styled("hint", "dim"), f"  {hint}", hang=8)


def _about(seconds: float) -> str:
    return f"about {duration(seconds)}" if seconds else ""
