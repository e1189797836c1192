"""`error-cli workflows guide`: one step after the other, with a key for each thing that can be done.

Others may be at the same run. Whatever is done is said of the step on the screen; where the run is elsewhere by then, the daemon refuses,
says who did what, and the guide goes on from there.

Each answer is to what is on the screen: what was typed before a question was asked is thrown away, for nobody had read it.
"""

from __future__ import annotations

import re
import sys
import termios
from typing import TYPE_CHECKING

import click

from error_cli.caller import caller
from error_cli.documents import document
from error_cli.failure import Exit, Failure
from error_cli.lines import line, note
from error_cli.wishes import Wishes
from error_cli.workflow_page import ACTIVE, print_head, print_seen, print_step

if TYPE_CHECKING:
    from error_cli.connection import Daemon
    from error_recovery.v1 import workflow_pb2

_RUN_ID = re.compile(r"w[0-9a-f]{9,16}")
_KEYS = "Enter: done   b: back   f: go on anyway   a: abort   q: leave"


def guide_through(wishes: Wishes, named: str, error_id: str) -> None:
    """`named`: a workflow, or a run."""
    from error_cli.connection import connect

    with connect(wishes) as daemon:
        run = _opened(daemon, named, error_id)
        if wishes.for_programs:
            document(run)
        elif sys.stdin.isatty() and sys.stdout.isatty():
            _Guide(daemon, run).lead()
        else:
            print_where(run)


def print_where(run: workflow_pb2.WorkflowRun) -> None:
    """The step that a run is at, and how to go on from it."""
    print_head(run)
    if run.not_kept_because:
        note(f"this would not survive the daemon yet: {run.not_kept_because}")
    if run.state != ACTIVE:
        line(f"run {run.run_id} is {run.state}")
        return
    print_step(run)
    line()
    note(f"when it is done: error-cli workflows done {run.run_id} {run.step}")


def _opened(daemon: Daemon, named: str, error_id: str) -> workflow_pb2.WorkflowRun:
    from error_recovery.v1 import workflow_pb2

    if _RUN_ID.fullmatch(named) and not error_id:
        return _run(daemon, named)
    request = workflow_pb2.StartWorkflowRequest(workflow_id=named, error_id=error_id, by=caller())
    answer = daemon.ask(daemon.workflows.StartWorkflow, request)
    if answer.was_open:
        note("somebody is at it already: you have joined them")
    return answer.run


def _run(daemon: Daemon, run_id: str) -> workflow_pb2.WorkflowRun:
    from error_recovery.v1 import workflow_pb2

    return daemon.ask(daemon.workflows.GetRun, workflow_pb2.GetRunRequest(run_id=run_id)).run


class _Guide:
    def __init__(self, daemon: Daemon, run: workflow_pb2.WorkflowRun) -> None:
        self._daemon = daemon
        self._run = run
        self._acts = {"": self._done, "b": self._back, "f": self._force, "a": self._abort}

    def lead(self) -> None:
        """Until the run has ended, or the person leaves."""
        while self._run.state == ACTIVE:
            line()
            print_head(self._run)
            print_step(self._run)
            line()
            while (key := _asked(_KEYS).lower()) not in (*self._acts, "q"):
                note(f"{key!r} is none of these")
            if key == "q":
                note(f"the run stays open: error-cli workflows guide {self._run.run_id}")
                return
            line()
            self._try(key)
        line()
        print_where(self._run)

    def _try(self, key: str) -> None:
        try:
            self._acts[key]()
        except Failure as failure:
            if failure.code is not Exit.REFUSED:
                raise
            failure.show()
            self._run = _run(self._daemon, self._run.run_id)

    def _done(self, note_: str = "", force: bool = False) -> None:
        from error_recovery.v1 import workflow_pb2

        step = self._run.step
        run_id = self._run.run_id
        if self._run.steps[step - 1].probe:
            note(f"looking with {self._run.steps[step - 1].probe} ...")
        request = workflow_pb2.CompleteStepRequest(run_id=run_id, step=step, note=note_, force=force, by=caller())
        answer = self._daemon.ask(self._daemon.workflows.CompleteStep, request)
        print_seen(answer.run, answer, step)
        self._run = answer.run

    def _force(self) -> None:
        self._done(_asked("Why, for the record"), force=True)

    def _back(self) -> None:
        from error_recovery.v1 import workflow_pb2

        request = workflow_pb2.StepBackRequest(run_id=self._run.run_id, step=self._run.step, by=caller())
        self._run = self._daemon.ask(self._daemon.workflows.StepBack, request).run

    def _abort(self) -> None:
        from error_recovery.v1 import workflow_pb2

        why = _asked("Why, for the record")
        request = workflow_pb2.AbortWorkflowRequest(run_id=self._run.run_id, note=why, by=caller())
        self._run = self._daemon.ask(self._daemon.workflows.AbortWorkflow, request).run


def _asked(text: str) -> str:
    termios.tcflush(sys.stdin, termios.TCIFLUSH)
    answer: str = click.prompt(text, default="", show_default=False, prompt_suffix=" > ")
    return answer.strip()
