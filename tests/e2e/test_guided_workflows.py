"""Guided workflows in a real daemon: steps, what their probes see, several people, kill -9, and the recovery that waits for them."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from error_recovery.v1 import workflow_pb2 as pb
from error_recovery.v1 import workflow_pb2_grpc
from tests.e2e.daemon_process import PATIENCE_S, SH, DaemonProcess, a_fault, running
from tests.waiting import eventually


def definitions(directory: Path) -> str:
    """The target `t` is well while the file `well` is there; the first step of the workflow is done when `plugged` is."""
    return f"""\
version: 1
targets: {{t: {{kind: host, probes: [is-well]}}}}
probes:
  is-well: {{kind: file, path: {directory}/well}}
  is-plugged: {{kind: exec, command: [{SH}, -c, "[ -e {directory}/plugged ] || {{ echo it hangs loose; exit 1; }}"]}}
  is-blind: {{kind: exec, command: [{SH}, -c, "exit 75"], unknown_exit_codes: 75}}
workflows:
  - id: cable
    name: A cable is loose
    description: Link down, carrier lost.
    for: {{type: data, component: test}}
    steps:
      - {{id: plug, instructions: Push it in., probe: is-plugged, hints: [It clicks.], takes: 2m}}
      - {{id: lamp, instructions: Look at the lamp., probe: is-blind, takes: 1m}}
      - {{id: tell, instructions: Tell the others.}}
strategies:
  by-hand: {{kind: guided, workflow: cable, timeout: 1h}}
rules:
  - {{id: all, when: {{}}, target: t, mode: auto, response_class: permanent, ladder: {{3: by-hand}}}}
"""


class Guided(DaemonProcess):
    @property
    def workflows(self) -> workflow_pb2_grpc.WorkflowServiceStub:
        return workflow_pb2_grpc.WorkflowServiceStub(self.channel)

    def open_run(self, error_id: str) -> pb.WorkflowRun:
        def look() -> pb.WorkflowRun | None:
            request = pb.ListRunsRequest(state="active", error_id=error_id)
            runs = self.workflows.ListRuns(request, timeout=PATIENCE_S).runs
            return runs[0] if runs and runs[0].attempt_id else None

        return eventually("the recovery has opened a run", look)

    def done(self, run: pb.WorkflowRun, step: int, **more: object) -> pb.CompleteStepResponse:
        request = pb.CompleteStepRequest(run_id=run.run_id, step=step, by="ann", **more)  # type: ignore[arg-type]
        return self.workflows.CompleteStep(request, timeout=PATIENCE_S)


def guided(tmp_path: Path) -> Guided:
    return Guided(tmp_path, definitions(tmp_path))


def test_a_recovery_leads_a_person_and_is_verified_by_probes(tmp_path: Path) -> None:
    with running(guided(tmp_path)) as daemon:
        assert isinstance(daemon, Guided)
        error_id = daemon.report(a_fault()).error_id
        run = daemon.open_run(error_id)
        assert (run.step, run.steps_done, run.remaining_s) == (1, 0, 180.0)
        assert daemon.error(error_id).state == "attempting"
        answer = daemon.done(run, 1)
        assert not answer.went_on
        assert (answer.reading.value, answer.run.step) == ("not_ok", 1)
        assert "it hangs loose" in answer.reading.detail
        (tmp_path / "plugged").touch()
        answer = daemon.done(run, 1)
        assert answer.went_on
        assert (answer.reading.value, answer.run.step, answer.run.not_kept_because) == ("ok", 2, "")
        answer = daemon.done(run, 2)
        assert (answer.went_on, answer.reading.value) == (False, "unknown")
        with pytest.raises(grpc.RpcError, match="note: is empty"):
            daemon.done(run, 2, force=True)
        assert daemon.done(run, 2, force=True, note="the lamp is green").went_on
        (tmp_path / "well").touch()
        answer = daemon.done(run, 3)
        assert answer.run.state == "completed"
        error = daemon.wait_for_state(error_id, "watching")
        daemon.wait_until_recorded()
        (attempt,) = daemon.history(error_id)
        assert (attempt.strategy_id, attempt.outcome, attempt.verdict) == ("by-hand", "completed", "recovered")
        assert error.reason.startswith("by-hand at level 3")
        kinds = [event.kind for event in answer.run.events]
        assert kinds == ["started", "joined", "not_ok", "done", "unknown", "forced", "done"]


def test_what_was_answered_survives_a_kill_and_the_recovery_goes_on_with_the_same_run(tmp_path: Path) -> None:
    daemon = guided(tmp_path)
    with running(daemon):
        error_id = daemon.report(a_fault()).error_id
        run = daemon.open_run(error_id)
        (tmp_path / "plugged").touch()
        daemon.done(run, 1)
        daemon.kill()
        daemon.start()
        again = eventually("the recovery has joined it", lambda: _joined_twice(daemon.open_run(error_id)))
        assert (again.run_id, again.step, again.expires_at) == (run.run_id, 2, run.expires_at)
        daemon.done(run, 2, force=True, note="seen")
        (tmp_path / "well").touch()
        daemon.done(run, 3)
        daemon.wait_for_state(error_id, "watching")


def _joined_twice(run: pb.WorkflowRun) -> pb.WorkflowRun | None:
    return run if [event.kind for event in run.events].count("joined") == 2 else None


def test_a_run_that_is_aborted_is_an_attempt_that_failed(tmp_path: Path) -> None:
    with running(guided(tmp_path)) as daemon:
        assert isinstance(daemon, Guided)
        error_id = daemon.report(a_fault()).error_id
        run = daemon.open_run(error_id)
        abort = pb.AbortWorkflowRequest(run_id=run.run_id, note="no cable here", by="bob")
        daemon.workflows.AbortWorkflow(abort, timeout=PATIENCE_S)
        error = daemon.wait_for_state(error_id, "failed")
        assert "the ladder is exhausted" in error.reason
        daemon.wait_until_recorded()
        (attempt,) = daemon.history(error_id)
        assert attempt.outcome == "failed"
        assert "bob" in attempt.detail
        assert "no cable here" in attempt.detail
        with pytest.raises(grpc.RpcError, match=r"the run is aborted: .*bob"):
            daemon.done(run, 1)
        daemon.stop()
        assert ("workflow_abort", run.run_id) in daemon.record("SELECT action, subject FROM audit")


def test_several_people_are_at_one_run(tmp_path: Path) -> None:
    (tmp_path / "plugged").touch()
    with running(guided(tmp_path)) as daemon:
        assert isinstance(daemon, Guided)
        start = pb.StartWorkflowRequest(workflow_id="cable", by="ann")
        first = daemon.workflows.StartWorkflow(start, timeout=PATIENCE_S)
        second = daemon.workflows.StartWorkflow(start, timeout=PATIENCE_S)
        assert (first.was_open, second.was_open) == (False, True)
        assert first.run.run_id == second.run.run_id
        daemon.done(first.run, 1)
        with pytest.raises(
            grpc.RpcError, match=r"not at step 1 but at step 2 of 3 \(lamp\): .*ann.* did step 1 \(plug\)"
        ):
            daemon.done(second.run, 1)
        back = pb.StepBackRequest(run_id=first.run.run_id, step=2, by="bob")
        assert daemon.workflows.StepBack(back, timeout=PATIENCE_S).run.step == 1


def test_the_fitting_workflow_is_found_for_an_error_and_by_plain_words(tmp_path: Path) -> None:
    with running(guided(tmp_path)) as daemon:
        assert isinstance(daemon, Guided)
        error_id = daemon.report(a_fault()).error_id
        run = daemon.open_run(error_id)
        by_error = daemon.workflows.FindWorkflows(pb.FindWorkflowsRequest(error_id=error_id[:6]), timeout=PATIENCE_S)
        assert [one.workflow.run_id for one in by_error.found] == [run.run_id]
        by_words = daemon.workflows.FindWorkflows(
            pb.FindWorkflowsRequest(text="the carrier is lost"), timeout=PATIENCE_S
        )
        assert [one.workflow.workflow_id for one in by_words.found] == ["cable"]
        assert not daemon.workflows.FindWorkflows(pb.FindWorkflowsRequest(text="rain"), timeout=PATIENCE_S).found


def test_a_daemon_that_stops_does_not_wait_for_people(tmp_path: Path) -> None:
    with running(guided(tmp_path)) as daemon:
        assert isinstance(daemon, Guided)
        error_id = daemon.report(a_fault()).error_id
        daemon.open_run(error_id)
        assert daemon.stop() == 0
        assert "draining" in daemon.log.read_text()
