"""Workflows and their runs as messages."""

from __future__ import annotations

from error_daemon.model import FoundWorkflow, RunEvent, RunView, Workflow, WorkflowStep
from error_daemon.rpc.convert import reading_message
from error_recovery.v1 import workflow_pb2


def workflow_message(workflow: Workflow, run_id: str = "") -> workflow_pb2.Workflow:
    return workflow_pb2.Workflow(
        workflow_id=workflow.id,
        name=workflow.name,
        description=workflow.description,
        steps=map(_step_message, workflow.steps),
        takes_s=sum(step.takes_s for step in workflow.steps),
        target=workflow.target or "",
        expires_s=workflow.expires_s,
        run_id=run_id,
    )


def found_message(found: FoundWorkflow, run_id: str) -> workflow_pb2.FoundWorkflow:
    workflow = workflow_message(found.workflow, run_id)
    return workflow_pb2.FoundWorkflow(workflow=workflow, score=found.score, because=found.because)


def run_message(view: RunView) -> workflow_pb2.WorkflowRun:
    run = view.run
    return workflow_pb2.WorkflowRun(
        run_id=run.run_id,
        workflow_id=run.workflow_id,
        name=run.name,
        steps=map(_step_message, run.steps),
        error_id=run.error_id,
        target=run.target,
        state=run.state.value,
        step=run.step,
        steps_done=view.progress.done,
        remaining_s=view.progress.remaining_s,
        started_at=run.started_at,
        last_at=run.last_at,
        ended_at=run.ended_at,
        expires_at=0.0 if run.ended_at else run.expires_at,
        attempt_id=run.attempt_id,
        events=[_event_message(view, event, said) for event, said in zip(run.events, view.said, strict=True)],
        not_kept_because=view.not_kept_because,
    )


def _step_message(step: WorkflowStep) -> workflow_pb2.WorkflowStep:
    return workflow_pb2.WorkflowStep(
        id=step.id,
        instructions=step.instructions,
        expected=step.expected,
        probe=step.probe or "",
        hints=step.hints,
        takes_s=step.takes_s,
    )


def _event_message(view: RunView, event: RunEvent, said: str) -> workflow_pb2.WorkflowEvent:
    return workflow_pb2.WorkflowEvent(
        number=event.number,
        at=event.at,
        kind=event.kind.value,
        step=event.step,
        step_id=view.run.steps[event.step - 1].id,
        by=event.by,
        note=event.note,
        reading=reading_message(event.reading) if event.reading else None,
        text=said,
    )
