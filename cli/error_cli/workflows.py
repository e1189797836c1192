"""`error-cli workflows`: led step by step through what no strategy can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Group, examples
from error_cli.documents import document
from error_cli.failure import Exit, Failure
from error_cli.lines import line, note
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import workflow_pb2

LOOK_WITHIN_S = 120.0  # a probe has its own time, which the daemon knows
_STATES = ("active", "completed", "aborted", "expired")


@click.group(
    cls=Group,
    epilog=examples(
        "error-cli workflows find cuda out of memory",
        "error-cli workflows guide gpu-memory",
        "error-cli workflows runs",
    ),
)
def command() -> None:
    """Be led through what no strategy can do, step by step."""


# --- seeing


@command.command("list", epilog=examples("error-cli workflows list"))
@wishing
def list_workflows(wishes: Wishes) -> None:
    """List the workflows that are defined."""
    from error_cli.connection import connect
    from error_cli.workflow_page import print_workflows
    from error_recovery.v1 import workflow_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.workflows.ListWorkflows, workflow_pb2.ListWorkflowsRequest())
    if wishes.for_programs:
        document(answer)
    elif answer.workflows:
        print_workflows(answer.workflows)
    else:
        note("no workflow is defined; see docs/workflows.md")


@command.command("show", epilog=examples("error-cli workflows show gpu-memory"))
@click.argument("workflow_id", metavar="WORKFLOW")
@wishing
def show(wishes: Wishes, workflow_id: str) -> None:
    """Show a workflow with all its steps."""
    from error_cli.connection import connect
    from error_cli.workflow_page import print_workflow
    from error_recovery.v1 import workflow_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.workflows.ListWorkflows, workflow_pb2.ListWorkflowsRequest())
    found = next((one for one in answer.workflows if one.workflow_id == workflow_id), None)
    if found is None:
        raise Failure(Exit.NOT_FOUND, f"no workflow {workflow_id!r} is defined", "see: error-cli workflows list")
    if wishes.for_programs:
        document(found)
    else:
        print_workflow(found)


@command.command(
    "find",
    epilog=examples("error-cli workflows find cuda out of memory", "error-cli workflows find --error 3f2a9c0d"),
)
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@click.option("--error", "error_id", default="", metavar="ID", help="Find those that fit this error.")
@wishing
def find(wishes: Wishes, words: tuple[str, ...], error_id: str) -> None:
    """Find the workflow that fits: an error, or plain words.

    The best stands first.
    """
    from error_cli.connection import connect
    from error_cli.workflow_page import print_found
    from error_recovery.v1 import workflow_pb2

    if bool(words) == bool(error_id):
        raise click.UsageError("say what goes wrong in a few words, or name an error with --error")
    with connect(wishes) as daemon:
        request = workflow_pb2.FindWorkflowsRequest(error_id=error_id, text=" ".join(words))
        answer = daemon.ask(daemon.workflows.FindWorkflows, request)
    if wishes.for_programs:
        document(answer)
        return
    print_found(answer.found)
    if answer.found:
        to = f" --error {error_id}" if error_id else ""
        note(f"begin: error-cli workflows guide {answer.found[0].workflow.workflow_id}{to}")
    else:
        note("none fits; see: error-cli workflows list")


@command.command("runs", epilog=examples("error-cli workflows runs", "error-cli workflows runs w19ab3f6c2d1"))
@click.argument("run_id", metavar="[RUN]", default="")
@click.option("--state", type=click.Choice(_STATES), help="Only runs in this state.")
@click.option("--error", "error_id", default="", metavar="ID", help="Only runs for this error.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@wishing
def runs(wishes: Wishes, *, run_id: str, state: str | None, error_id: str, limit: int) -> None:
    """List runs, the newest first; or show one, with all that happened."""
    from error_cli.connection import connect
    from error_cli.workflow_page import print_run, print_runs
    from error_recovery.v1 import workflow_pb2

    with connect(wishes) as daemon:
        if run_id:
            run = daemon.ask(daemon.workflows.GetRun, workflow_pb2.GetRunRequest(run_id=run_id)).run
            document(run) if wishes.for_programs else print_run(run)
            return
        whole_id = daemon.error_id(error_id)
        request = workflow_pb2.ListRunsRequest(state=state or "", error_id=whole_id, limit=limit)
        answer = daemon.ask(daemon.workflows.ListRuns, request)
    if wishes.for_programs:
        document(answer)
        return
    print_runs(answer.runs)
    if answer.incomplete:
        note(f"only those that are open: {answer.incomplete}")
    elif not answer.runs:
        note("no run matches")


# --- acting


@command.command(
    "start",
    epilog=examples("error-cli workflows start gpu-memory", "error-cli workflows start gpu-memory --error 3f2a"),
)
@click.argument("workflow_id", metavar="WORKFLOW")
@click.option("--error", "error_id", default="", metavar="ID", help="The error that it is for.")
@wishing
def start(wishes: Wishes, workflow_id: str, error_id: str) -> None:
    """Start a run of a workflow, or join the one that is open.

    `guide` does so, too, and leads you on.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import workflow_pb2

    with connect(wishes) as daemon:
        request = workflow_pb2.StartWorkflowRequest(workflow_id=workflow_id, error_id=error_id, by=caller())
        answer = daemon.ask(daemon.workflows.StartWorkflow, request)
    if wishes.for_programs:
        document(answer)
        return
    if answer.was_open:
        note("it is open already: you have joined it")
    _print_where(answer.run)


@command.command(
    "done",
    epilog=examples(
        "error-cli workflows done w19ab3f6c2d1 2",
        'error-cli workflows done w19ab3f6c2d1 2 --force --note "the lamp is green"',
    ),
)
@click.argument("run_id", metavar="RUN")
@click.argument("step", type=click.IntRange(1, (1 << 32) - 1), metavar="STEP")
@click.option("--note", "note_", default="", metavar="TEXT", help="What was done, for the record.")
@click.option("--force", is_flag=True, help="Go on whatever the probe sees; --note says why.")
@wishing
def done(wishes: Wishes, *, run_id: str, step: int, note_: str, force: bool) -> None:
    """Say that a step is done; the daemon looks whether it is.

    STEP is the number that you see: where others are further by now, nothing is changed. The exit code is 1 where the step
    is not done.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_cli.workflow_page import print_seen
    from error_recovery.v1 import workflow_pb2

    wishes.default_timeout_s = LOOK_WITHIN_S
    request = workflow_pb2.CompleteStepRequest(run_id=run_id, step=step, note=note_, force=force, by=caller())
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.workflows.CompleteStep, request)
    if wishes.for_programs:
        document(answer)
    else:
        print_seen(answer.run, answer, step)
        if answer.went_on:
            _print_where(answer.run)
    if not answer.went_on:
        raise Failure(Exit.NO, f"the run stays at step {step}", "go on all the same: --force, with a --note")


@command.command("back", epilog=examples("error-cli workflows back w19ab3f6c2d1 3"))
@click.argument("run_id", metavar="RUN")
@click.argument("step", type=click.IntRange(1, (1 << 32) - 1), metavar="STEP")
@click.option("--note", "note_", default="", metavar="TEXT", help="Why, for the record.")
@wishing
def back(wishes: Wishes, *, run_id: str, step: int, note_: str) -> None:
    """Go back from STEP, the one that you see, to the one before."""
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import workflow_pb2

    with connect(wishes) as daemon:
        request = workflow_pb2.StepBackRequest(run_id=run_id, step=step, note=note_, by=caller())
        answer = daemon.ask(daemon.workflows.StepBack, request)
    document(answer) if wishes.for_programs else _print_where(answer.run)


@command.command("abort", epilog=examples('error-cli workflows abort w19ab3f6c2d1 --note "the GPU is replaced"'))
@click.argument("run_id", metavar="RUN")
@click.option("--note", "note_", default="", metavar="TEXT", help="Why, for the record.")
@wishing
def abort(wishes: Wishes, run_id: str, note_: str) -> None:
    """Give a run up.

    A recovery that waits for it has failed then, and its ladder goes on.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import workflow_pb2

    with connect(wishes) as daemon:
        request = workflow_pb2.AbortWorkflowRequest(run_id=run_id, note=note_, by=caller())
        answer = daemon.ask(daemon.workflows.AbortWorkflow, request)
    if wishes.for_programs:
        document(answer)
    else:
        line(f"run {answer.run.run_id} is aborted")


@command.command(
    "guide",
    epilog=examples("error-cli workflows guide gpu-memory --error 3f2a9c0d", "error-cli workflows guide w19ab3f6c2d1"),
)
@click.argument("workflow_id", metavar="WORKFLOW|RUN")
@click.option("--error", "error_id", default="", metavar="ID", help="The error that it is for.")
@wishing
def guide(wishes: Wishes, workflow_id: str, error_id: str) -> None:
    """Be led through a workflow, from its start or from where a run is.

    Each step is shown; Enter says that it is done, and the daemon looks. Leave whenever you like: the run stays open.
    Where nobody can type, the step and the command to go on are printed.
    """
    from error_cli.guiding import guide_through

    wishes.default_timeout_s = LOOK_WITHIN_S
    guide_through(wishes, workflow_id, error_id)


def _print_where(run: workflow_pb2.WorkflowRun) -> None:
    from error_cli.guiding import print_where

    print_where(run)
