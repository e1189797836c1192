"""WorkflowService over gRPC: what is asked of the middle, what comes back, and what is refused before anybody is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message

from error_daemon.errors import Refused
from error_daemon.middle import RunFilter, StepDone
from error_daemon.model import (
    Condition,
    FoundWorkflow,
    Reading,
    ReadingValue,
    Run,
    RunEvent,
    RunEventKind,
    RunProgress,
    RunState,
    RunView,
    Workflow,
    WorkflowStep,
)
from error_daemon.rpc.workflow_service import WorkflowService
from error_recovery.v1 import workflow_pb2 as pb
from tests.rpc.serving import run, serving, soon

STEP = WorkflowStep("look", "Look.", "It is there.", "port", ("Where?",), 60.0)
CABLE = Workflow("cable", Condition(), (STEP, STEP), "A cable", "Link down.", None, 1000.0)
STARTED = RunEvent(1, 5.0, RunEventKind.STARTED, 1, "ann")
SEEN = Reading("port", ReadingValue.NOT_OK, "refused", 6.0, 0.5)
RUN = Run("w1", "cable", "A cable", CABLE.steps, "e1", "web", RunState.ACTIVE, 1, 1000.0, 0.0, "", (STARTED,))


def view_of(*events: RunEvent) -> RunView:
    one = replace(RUN, events=(STARTED, *events))
    return RunView(one, RunProgress(0, 2, 120.0), tuple(event.kind.value for event in one.events), "the disk is full")


class ToldWorkflows:
    """middle.Workflows, which takes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.event = RunEvent(2, 6.0, RunEventKind.NOT_OK, 1, "ann", "", SEEN)
        self.refusal: Exception | None = None

    def all(self) -> Sequence[Workflow]:
        return [CABLE]

    async def find(self, error_id: str, text: str) -> Sequence[tuple[FoundWorkflow, str]]:
        self.asked.append((error_id, text))
        return [(FoundWorkflow(CABLE, 2.5, "it has the words cable"), "w1")]

    async def start(self, workflow_id: str, error_id: str, by: str) -> tuple[RunView, bool]:
        self.asked.append((workflow_id, error_id, by))
        return view_of(), True

    async def complete(self, run_id: str, done: StepDone) -> RunView:
        self.asked.append((run_id, done))
        if self.refusal:
            raise self.refusal
        return view_of(self.event)

    async def back(self, run_id: str, step: int, note: str, by: str) -> RunView:
        self.asked.append((run_id, step, note, by))
        return view_of()

    async def abort(self, run_id: str, note: str, by: str) -> RunView:
        self.asked.append((run_id, note, by))
        return view_of()

    async def run(self, run_id: str) -> RunView:
        self.asked.append(run_id)
        return view_of()

    async def runs(self, wanted: RunFilter, limit: int) -> tuple[Sequence[RunView], str]:
        self.asked.append((wanted, limit))
        return [view_of()], "the record is away"


async def ask(workflows: ToldWorkflows, method: str, **fields: object) -> Any:
    request: Message = getattr(pb, f"{method}Request")(**fields)
    answer = getattr(pb, f"{method}Response")
    async with serving([WorkflowService(workflows).service()]) as channel:
        path = f"/error_recovery.v1.WorkflowService/{method}"
        return await soon(channel.unary_unary(path, type(request).SerializeToString, answer.FromString)(request))


def test_workflows_and_what_was_found_are_told_whole() -> None:
    async def body() -> None:
        told = ToldWorkflows()
        [listed] = (await ask(told, "ListWorkflows")).workflows
        assert (listed.workflow_id, listed.takes_s, listed.expires_s, listed.target) == ("cable", 120.0, 1000.0, "")
        step = listed.steps[0]
        assert (step.id, step.expected, step.probe, list(step.hints)) == ("look", "It is there.", "port", ["Where?"])
        [found] = (await ask(told, "FindWorkflows", text="cable")).found
        assert (found.workflow.run_id, found.score, found.because) == ("w1", 2.5, "it has the words cable")
        assert told.asked == [("", "cable")]

    run(body())


def test_a_run_is_told_whole() -> None:
    async def body() -> None:
        told = ToldWorkflows()
        got = (await ask(told, "GetRun", run_id="w1")).run
        assert (got.run_id, got.state, got.step, got.steps_done) == ("w1", "active", 1, 0)
        assert (got.started_at, got.ended_at, got.expires_at) == (5.0, 0.0, 1005.0)
        assert got.not_kept_because == "the disk is full"
        assert [(event.kind, event.by, event.text, event.step_id) for event in got.events] == [
            ("started", "ann", "started", "look")
        ]
        listed = await ask(told, "ListRuns", state="active", error_id="e1")
        assert (len(listed.runs), listed.incomplete) == (1, "the record is away")
        assert told.asked[-1] == (RunFilter("active", "e1", ""), 50)

    run(body())


def test_acts_are_handed_on_with_who_does_them() -> None:
    async def body() -> None:
        told = ToldWorkflows()
        assert (await ask(told, "StartWorkflow", workflow_id="cable", error_id="e1", by="ann")).was_open
        done = await ask(told, "CompleteStep", run_id="w1", step=1, note="x", force=True, by="ann")
        assert (done.went_on, done.reading.value, done.reading.detail) == (False, "not_ok", "refused")
        told.event = RunEvent(2, 6.0, RunEventKind.DONE, 1)
        done = await ask(told, "CompleteStep", run_id="w1", step=1)
        assert (done.went_on, done.HasField("reading")) == (True, False)
        await ask(told, "StepBack", run_id="w1", step=2, note="y", by="bob")
        await ask(told, "AbortWorkflow", run_id="w1", note="z", by="bob")
        (_, _, by), (_, first), _, back, abort = told.asked
        assert "ann (as they say)" in by
        assert (first.step, first.note, first.is_forced) == (1, "x", True)
        assert back[:3] == ("w1", 2, "y")
        assert abort[:2] == ("w1", "z")

    run(body())


@pytest.mark.parametrize(
    ("method", "fields", "says"),
    [
        ("CompleteStep", {"run_id": "w1"}, "step: is missing"),
        ("StepBack", {"run_id": "w1"}, "step: is missing"),
        ("CompleteStep", {"step": 1}, "run_id: is empty"),
        ("StartWorkflow", {}, "workflow_id: is empty"),
        ("AbortWorkflow", {"run_id": "w1", "note": "x" * 1001}, "note: has 1001 characters"),
        ("CompleteStep", {"run_id": "w1", "step": 1, "note": "a\nb"}, "note: has control characters"),
        ("ListRuns", {"state": "open"}, "state: 'open' is none of active"),
        ("ListRuns", {"limit": 201}, "limit: 201 is more than 200"),
    ],
)
def test_what_is_wrong_is_refused_by_field(method: str, fields: dict[str, object], says: str) -> None:
    async def body() -> None:
        with pytest.raises(grpc.aio.AioRpcError, match="INVALID_ARGUMENT") as failed:
            await ask(ToldWorkflows(), method, **fields)
        assert says in str(failed.value.details())

    run(body())


def test_who_is_late_is_told_what_happened_meanwhile() -> None:
    async def body() -> None:
        told = ToldWorkflows()
        told.refusal = Refused("the run is not at step 1 but at step 2 of 2 (look): bob did step 1 (look)")
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await ask(told, "CompleteStep", run_id="w1", step=1)
        assert failed.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert "bob did step 1" in str(failed.value.details())

    run(body())
