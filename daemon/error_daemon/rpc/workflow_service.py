"""WorkflowService: how people are led, over middle.Workflows."""

from __future__ import annotations

from error_daemon.calls import Call, Service
from error_daemon.errors import InputError
from error_daemon.middle import RunFilter, StepDone, Workflows
from error_daemon.model import RunEventKind, RunState
from error_daemon.rpc import requests
from error_daemon.rpc.convert import reading_message
from error_daemon.rpc.convert_workflow import found_message, run_message, workflow_message
from error_daemon.rpc.unary import unary
from error_recovery.v1 import workflow_pb2

_MOST_RUNS = 200
_WENT_ON = (RunEventKind.DONE, RunEventKind.FORCED)
_STATES = ("", *(state.value for state in RunState))


class WorkflowService:
    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows

    def service(self) -> Service:
        pb = workflow_pb2
        return Service(
            "error_recovery.v1.WorkflowService",
            (
                unary("ListWorkflows", self.list_workflows, pb.ListWorkflowsRequest),
                unary("FindWorkflows", self.find_workflows, pb.FindWorkflowsRequest),
                unary("StartWorkflow", self.start_workflow, pb.StartWorkflowRequest),
                unary("CompleteStep", self.complete_step, pb.CompleteStepRequest),
                unary("StepBack", self.step_back, pb.StepBackRequest),
                unary("AbortWorkflow", self.abort_workflow, pb.AbortWorkflowRequest),
                unary("GetRun", self.get_run, pb.GetRunRequest),
                unary("ListRuns", self.list_runs, pb.ListRunsRequest),
            ),
        )

    # --- seeing

    def list_workflows(
        self, _request: workflow_pb2.ListWorkflowsRequest, _call: Call
    ) -> workflow_pb2.ListWorkflowsResponse:
        return workflow_pb2.ListWorkflowsResponse(workflows=map(workflow_message, self._workflows.all()))

    async def find_workflows(
        self, request: workflow_pb2.FindWorkflowsRequest, _call: Call
    ) -> workflow_pb2.FindWorkflowsResponse:
        text = requests.short(request.text, "text", requests.MOST_NOTE_CHARACTERS)
        found = await self._workflows.find(requests.short(request.error_id, "error_id"), text)
        return workflow_pb2.FindWorkflowsResponse(found=[found_message(*one) for one in found])

    async def get_run(self, request: workflow_pb2.GetRunRequest, _call: Call) -> workflow_pb2.GetRunResponse:
        view = await self._workflows.run(requests.some_id(request.run_id, "run_id"))
        return workflow_pb2.GetRunResponse(run=run_message(view))

    async def list_runs(self, request: workflow_pb2.ListRunsRequest, _call: Call) -> workflow_pb2.ListRunsResponse:
        if request.state not in _STATES:
            raise InputError("state", f"{request.state!r} is none of {', '.join(_STATES[1:])}")
        wanted = RunFilter(
            request.state,
            requests.short(request.error_id, "error_id"),
            requests.short(request.workflow_id, "workflow_id"),
        )
        views, incomplete = await self._workflows.runs(wanted, requests.limit(request.limit, 50, _MOST_RUNS))
        return workflow_pb2.ListRunsResponse(runs=map(run_message, views), incomplete=incomplete)

    # --- steering

    async def start_workflow(
        self, request: workflow_pb2.StartWorkflowRequest, call: Call
    ) -> workflow_pb2.StartWorkflowResponse:
        view, was_open = await self._workflows.start(
            requests.some_id(request.workflow_id, "workflow_id"),
            requests.short(request.error_id, "error_id"),
            requests.person(request.by, call.caller),
        )
        return workflow_pb2.StartWorkflowResponse(run=run_message(view), was_open=was_open)

    async def complete_step(
        self, request: workflow_pb2.CompleteStepRequest, call: Call
    ) -> workflow_pb2.CompleteStepResponse:
        by = requests.person(request.by, call.caller)
        done = StepDone(_step(request.step), _note(request.note), request.force, by)
        view = await self._workflows.complete(requests.some_id(request.run_id, "run_id"), done)
        event = view.run.events[-1]
        reading = reading_message(event.reading) if event.reading else None
        went_on = event.kind in _WENT_ON
        return workflow_pb2.CompleteStepResponse(run=run_message(view), went_on=went_on, reading=reading)

    async def step_back(self, request: workflow_pb2.StepBackRequest, call: Call) -> workflow_pb2.StepBackResponse:
        by = requests.person(request.by, call.caller)
        run_id = requests.some_id(request.run_id, "run_id")
        view = await self._workflows.back(run_id, _step(request.step), _note(request.note), by)
        return workflow_pb2.StepBackResponse(run=run_message(view))

    async def abort_workflow(
        self, request: workflow_pb2.AbortWorkflowRequest, call: Call
    ) -> workflow_pb2.AbortWorkflowResponse:
        by = requests.person(request.by, call.caller)
        view = await self._workflows.abort(requests.some_id(request.run_id, "run_id"), _note(request.note), by)
        return workflow_pb2.AbortWorkflowResponse(run=run_message(view))


def _step(number: int) -> int:
    if not number:
        raise InputError("step", "is missing: say the step that you see, so that nobody acts on another by mistake")
    return number


def _note(text: str) -> str:
    return requests.short(text, "note", requests.MOST_NOTE_CHARACTERS)
