"""error-cli workflows: what people see of workflows and runs, and how they are led."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import grpc
import pytest

from error_cli.failure import Exit
from error_recovery.v1 import recovery_pb2
from error_recovery.v1 import workflow_pb2 as pb
from tests.cli.canned import LONG_AGO

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from tests.cli.conftest import CannedDaemon, Cli

RUN_ID = "w18bcfe56800"
STEPS = (
    pb.WorkflowStep(
        id="plug",
        instructions="Push the cable in, until it is seen to sit\nas it did before.\n  ip link show eth0",
        expected="The lamp is green.",
        probe="carrier",
        hints=["It clicks."],
        takes_s=120,
    ),
    pb.WorkflowStep(id="tell", instructions="Tell the others."),
)
WORKFLOW = pb.Workflow(
    workflow_id="cable", name="A cable is loose", description="Link down.", steps=STEPS, takes_s=120, run_id=RUN_ID
)
NOT_OK = recovery_pb2.Reading(probe="carrier", value="not_ok", detail="no carrier")
OK = recovery_pb2.Reading(probe="carrier", value="ok", detail="1000 Mb/s")


def run_at(step: int, state: str = "active", **more: object) -> pb.WorkflowRun:
    given: dict[str, object] = {
        "run_id": RUN_ID,
        "workflow_id": "cable",
        "name": "A cable is loose",
        "steps": STEPS,
        "error_id": "3f2a9c0d11e4b7aa",
        "state": state,
        "step": step,
        "steps_done": len(STEPS) if state == "completed" else step - 1,
        "started_at": LONG_AGO,
        "last_at": LONG_AGO,
        "expires_at": LONG_AGO + 9e9,
        "events": [pb.WorkflowEvent(number=1, at=LONG_AGO, kind="started", step=1, text="ann started it")],
    }
    return pb.WorkflowRun(**(given | more))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def canned(daemon: CannedDaemon) -> None:
    answers: dict[str, Message] = {
        "ListWorkflows": pb.ListWorkflowsResponse(workflows=[WORKFLOW]),
        "FindWorkflows": pb.FindWorkflowsResponse(
            found=[pb.FoundWorkflow(workflow=WORKFLOW, score=3, because="it has the words link, down")]
        ),
        "StartWorkflow": pb.StartWorkflowResponse(run=run_at(1)),
        "CompleteStep": pb.CompleteStepResponse(run=run_at(2), went_on=True, reading=OK),
        "StepBack": pb.StepBackResponse(run=run_at(1)),
        "AbortWorkflow": pb.AbortWorkflowResponse(run=run_at(1, "aborted")),
        "GetRun": pb.GetRunResponse(run=run_at(1)),
        "ListRuns": pb.ListRunsResponse(runs=[run_at(1), run_at(2, "completed")]),
    }
    daemon.answers.update(answers)


def test_workflows_are_listed_found_and_shown(cli: Cli) -> None:
    assert "cable" in cli.run("workflows", "list").stdout
    shown = cli.run("workflows", "show", "cable").stdout
    assert "1. plug (about 2 min)" in shown
    assert "  Push the cable in, until it is seen to sit as it did before.\n    ip link show eth0\n" in shown
    assert "hint  It clicks." in shown
    found = cli.run("workflows", "find", "the", "link", "is", "down")
    assert "1 step" not in found.stdout
    assert "2 steps, about 2 min; it has the words link, down" in found.stdout
    assert f"somebody is at it: error-cli workflows guide {RUN_ID}" in found.stdout
    assert "begin: error-cli workflows guide cable" in found.stderr
    assert cli.run("workflows", "show", "cabel").returncode == Exit.NOT_FOUND
    assert cli.run("workflows", "find").returncode == Exit.USAGE


def test_runs_are_listed_and_one_is_shown_with_what_happened(cli: Cli, daemon: CannedDaemon) -> None:
    listed = cli.run("workflows", "runs").stdout
    assert "1 of 2" in listed
    assert "2 of 2" in listed
    shown = cli.run("workflows", "runs", RUN_ID).stdout
    assert "ann started it" in shown
    assert "step 1 of 2: plug" in shown
    daemon.answers["ListRuns"] = pb.ListRunsResponse(incomplete="the record cannot be read now")
    assert "only those that are open: the record cannot be read now" in cli.run("workflows", "runs").stderr


def test_a_step_that_is_done_leads_to_the_next(cli: Cli, daemon: CannedDaemon) -> None:
    done = cli.run("workflows", "done", RUN_ID, "1", "--note", "pushed")
    assert done.returncode == 0
    assert "step 1 (plug) is done: carrier sees it: 1000 Mb/s" in done.stdout
    assert "step 2 of 2: tell" in done.stdout
    assert f"when it is done: error-cli workflows done {RUN_ID} 2" in done.stderr
    request = daemon.requests[-1]
    assert isinstance(request, pb.CompleteStepRequest)
    assert (request.step, request.note, request.force) == (1, "pushed", False)
    assert request.by


@pytest.mark.parametrize(
    ("reading", "says"),
    [
        (NOT_OK, "step 1 (plug) is not done: carrier sees that it is not: no carrier"),
        (
            recovery_pb2.Reading(probe="carrier", value="unknown", detail="no such link"),
            "nobody can see whether step 1 (plug) is done: carrier: no such link",
        ),
    ],
)
def test_a_step_that_is_not_seen_done_is_a_no_with_its_hints(
    cli: Cli, daemon: CannedDaemon, reading: recovery_pb2.Reading, says: str
) -> None:
    daemon.answers["CompleteStep"] = pb.CompleteStepResponse(run=run_at(1), reading=reading)
    done = cli.run("workflows", "done", RUN_ID, "1")
    assert done.returncode == Exit.NO
    assert says in done.stdout
    assert "hint  It clicks." in done.stdout
    assert "the run stays at step 1" in done.stderr


def test_starting_going_back_and_aborting(cli: Cli, daemon: CannedDaemon) -> None:
    assert "step 1 of 2: plug" in cli.run("workflows", "start", "cable", "--error", "3f2a").stdout
    assert "step 1 of 2: plug" in cli.run("workflows", "back", RUN_ID, "2").stdout
    assert f"run {RUN_ID} is aborted" in cli.run("workflows", "abort", RUN_ID, "--note", "gone").stdout
    kept = run_at(1, not_kept_because="the disk is full")
    daemon.answers["StartWorkflow"] = pb.StartWorkflowResponse(run=kept, was_open=True)
    started = cli.run("workflows", "start", "cable")
    assert "you have joined it" in started.stderr
    assert "would not survive the daemon yet: the disk is full" in started.stderr


def test_programs_get_the_whole_answer(cli: Cli) -> None:
    for command in (("list",), ("find", "x"), ("runs",), ("runs", RUN_ID), ("guide", "cable"), ("done", RUN_ID, "1")):
        assert json.loads(cli.run("workflows", *command, "--json").stdout)


def test_where_nobody_can_type_the_guide_prints_the_step_and_the_command(cli: Cli) -> None:
    guided = cli.run("workflows", "guide", RUN_ID)
    assert guided.returncode == 0
    assert "step 1 of 2: plug" in guided.stdout
    assert f"error-cli workflows done {RUN_ID} 1" in guided.stderr


def test_a_person_is_led_by_keys_and_told_what_others_did(cli: Cli, daemon: CannedDaemon) -> None:
    said = iter([pb.CompleteStepResponse(run=run_at(1), reading=NOT_OK)])
    forced = pb.CompleteStepResponse(run=run_at(2), went_on=True, reading=NOT_OK)

    def complete(request: Message) -> Message:
        assert isinstance(request, pb.CompleteStepRequest)
        if request.step == 2:
            return pb.CompleteStepResponse(run=run_at(2, "completed"), went_on=True)
        return forced if request.force else next(said)

    daemon.answers["CompleteStep"] = complete
    _, shown = cli.run_on_terminal(
        "workflows", "guide", "cable", answers=["", "z", "f", "it is green", ""], COLUMNS="80", NO_COLOR="1"
    )
    assert "step 1 (plug) is not done: carrier sees that it is not: no carrier" in shown
    assert "'z' is none of these" in shown
    assert "went on from step 1 (plug), though carrier does not see it: no carrier" in shown
    assert "step 2 (tell) is done" in shown
    assert f"run {RUN_ID} is completed" in shown


def test_what_was_typed_before_a_step_was_shown_does_not_say_that_it_is_done(cli: Cli, daemon: CannedDaemon) -> None:
    _, shown = cli.run_on_terminal("workflows", "guide", "cable", typed="\n\n\n", answers=["q"], COLUMNS="80")
    assert f"the run stays open: error-cli workflows guide {RUN_ID}" in shown
    assert [one for one in daemon.requests if isinstance(one, pb.CompleteStepRequest)] == []


@pytest.mark.parametrize("command", ["done", "back"])
def test_a_step_that_no_workflow_can_have_is_refused_here(cli: Cli, command: str) -> None:
    done = cli.run("workflows", command, RUN_ID, "5000000000")
    assert done.returncode == Exit.USAGE
    assert "a whole number from 1 to 4,294,967,295" in done.stderr


def test_who_is_refused_is_shown_where_the_run_is_now(cli: Cli, daemon: CannedDaemon) -> None:
    why = "the run is not at step 1 but at step 2 of 2 (tell): bob did step 1 (plug)"
    daemon.refuse("CompleteStep", grpc.StatusCode.FAILED_PRECONDITION, why)
    daemon.answers["GetRun"] = pb.GetRunResponse(run=run_at(2))
    _, shown = cli.run_on_terminal("workflows", "guide", "cable", answers=["", "q"], COLUMNS="80", NO_COLOR="1")
    assert "bob did step 1 (plug)" in shown
    assert "step 2 of 2: tell" in shown
    assert f"the run stays open: error-cli workflows guide {RUN_ID}" in shown
