"""What the shell completes from a running daemon: error ids, components, and the names of targets, strategies and rules.

A parameter is completed by its name, so that a new command has it by calling its ids and targets what the others do. Whoever presses
TAB waits half a second at most, and without a daemon sees nothing at all. On a slow host ERROR_CLI_COMPLETE_WITHIN=2s gives it longer.

Names come with faults from anywhere, and a shell puts what it completes into the command line as it is. So only names that no shell
reads anything into are offered.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from error_cli.failure import Failure
from error_cli.lines import printable
from error_cli.listening import problem_of_listening
from error_cli.phrase import parse_duration_s

if TYPE_CHECKING:
    from error_cli.connection import Daemon

_KINDS = {
    "error_id": "error",
    "id_": "error",
    "component": "component",
    "target": "target",
    "strategy": "strategy",
    "rule": "rule",
    "workflow_id": "workflow",
    "run_id": "run",
}
_ANSWERING = ("approve", "deny")  # commands for errors that wait for a person
_WITHIN = "400ms"  # and a tenth of a second for the start of the program
_WITHIN_VARIABLE = "ERROR_CLI_COMPLETE_WITHIN"
_LISTENS_WITHIN_S = 0.1
_LEAST_S = 0.05
_MOST = 200
_HELP_WIDTH = 60
_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@/+-]*")


class Known(click.types.StringParamType):
    """Any text; the shell offers those that the daemon knows."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        return [
            CompletionItem(name, help=said)
            for name, said in _ask(ctx, self.kind).items()
            if name.startswith(incomplete) and _HARMLESS.fullmatch(name)
        ]


def complete_known(params: Sequence[click.Parameter]) -> None:
    """Let the shell complete those of `params` whose names say what they are."""
    for param in params:
        if param.name in _KINDS and isinstance(param.type, click.types.StringParamType):
            param.type = Known(_KINDS[param.name])


def _ask(ctx: click.Context, kind: str) -> dict[str, str]:
    """Names, and what is said of each: errors and what they tell of the newest first."""
    from error_cli.wishes import Wishes

    until_s = time.monotonic() + _within_s()
    asked = ctx.find_object(Wishes) or Wishes()
    if problem_of_listening(asked.address, _LISTENS_WITHIN_S):
        return {}
    from error_cli.connection import connect

    wishes = replace(asked, asked_timeout_s=max(_LEAST_S, until_s - time.monotonic()))
    try:
        with connect(wishes) as daemon:
            found = list(_names(daemon, kind, ctx.info_name or ""))
    except Failure:
        return {}
    names: dict[str, str] = {}
    for name, said in found:
        names.setdefault(name, printable(said)[:_HELP_WIDTH])
    return names


def _within_s() -> float:
    try:
        return parse_duration_s(os.environ.get(_WITHIN_VARIABLE, _WITHIN))
    except ValueError:  # nobody who presses TAB wants to read about it
        return parse_duration_s(_WITHIN)


def _names(daemon: Daemon, kind: str, command: str) -> Iterator[tuple[str, str]]:
    from error_recovery.v1 import recovery_pb2

    if kind in ("workflow", "run"):
        yield from _names_of_workflows(daemon, kind)
        return
    if kind not in ("error", "component"):
        status = daemon.ask(daemon.recovery.GetStatus, recovery_pb2.GetStatusRequest())
        defined = {"target": status.target_names, "strategy": status.strategy_names, "rule": status.rule_names}
        yield from ((name, "") for name in defined[kind])
        return
    held_by = "approval" if command in _ANSWERING else ""
    request = recovery_pb2.ListErrorsRequest(limit=_MOST, held_by=held_by)
    for error in daemon.ask(daemon.recovery.ListErrors, request).errors:
        yield (error.error_id, f"{error.state}: {error.message}") if kind == "error" else (error.component, "")


def _names_of_workflows(daemon: Daemon, kind: str) -> Iterator[tuple[str, str]]:
    from error_recovery.v1 import workflow_pb2

    if kind == "workflow":
        defined = daemon.ask(daemon.workflows.ListWorkflows, workflow_pb2.ListWorkflowsRequest()).workflows
        yield from ((one.workflow_id, one.name) for one in defined)
        return
    request = workflow_pb2.ListRunsRequest(state="active", limit=_MOST)
    for run in daemon.ask(daemon.workflows.ListRuns, request).runs:
        yield run.run_id, f"step {run.step} of {len(run.steps)}: {run.name or run.workflow_id}"
