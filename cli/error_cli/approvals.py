"""`error-cli approvals`: what waits for a person to say yes or no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from error_cli.approval_page import print_approval
from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.event_line import print_event
from error_cli.lines import Cell, Styled, note, on_terminal
from error_cli.phrase import count, until
from error_cli.tables import Column, stacked, table
from error_cli.wishes import Wishes, wishing
from error_cli.words import SEVERITIES, SEVERITY_STYLES, word

if TYPE_CHECKING:
    from error_cli.connection import Daemon
    from error_recovery.v1 import recovery_pb2

_MOST = 500
_SHORT = (Column("ERROR"), Column("SEVERITY"), Column("TARGET"), Column("ANSWER BEFORE"), Column("ELSE"))
_COLUMNS = (*_SHORT, Column("WHAT", flexible=True))


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli approvals",
        "error-cli approvals 3f2a9c0d             # all that is to be known of one",
        "error-cli approvals --watch",
        "error-cli approvals --json | jq -r .approvals[].does",
    ),
)
@click.argument("error_id", metavar="[ID]", default="")
@click.option("--watch", "watches", is_flag=True, help="Go on and print what is asked and answered, as it happens.")
@wishing
def command(wishes: Wishes, error_id: str, watches: bool) -> None:
    """List what waits for a person to approve or deny it.

    With ID: that of one error, in full. ELSE is what is done when nobody has answered by then.
    """
    from error_cli.connection import connect

    with connect(wishes) as daemon:
        whole_id = daemon.error_id(error_id)
        opened = (
            daemon.watch(whole_id) if watches else None
        )  # first, so that nothing is asked between the list and the watch
        if whole_id:
            _one(wishes, daemon, whole_id)
        else:
            _all(wishes, daemon)
        if opened is not None:
            _watch(wishes, whole_id, opened)


def _one(wishes: Wishes, daemon: Daemon, error_id: str) -> None:
    from error_recovery.v1 import recovery_pb2

    error = daemon.ask(daemon.recovery.GetError, recovery_pb2.GetErrorRequest(error_id=error_id)).error
    if wishes.for_programs:
        document(error.approval)
    elif error.HasField("approval"):
        print_approval(error.approval)
    else:
        note(f"nothing of error {error.error_id} waits for a person: it is {error.state}")


def _all(wishes: Wishes, daemon: Daemon) -> None:
    from error_recovery.v1 import recovery_pb2

    answer = daemon.ask(daemon.recovery.ListApprovals, recovery_pb2.ListApprovalsRequest(limit=_MOST))
    if wishes.for_programs:
        document(answer)
        return
    rows = [_row(approval) for approval in answer.approvals]
    if not rows:
        note("nothing waits for a person")
        return
    if on_terminal():
        stacked(_SHORT, rows, [[_what(one), Styled(one.message, "dim")] for one in answer.approvals])
    else:
        whats = (f"{_what(one)} | {one.message}" for one in answer.approvals)
        table(_COLUMNS, [[*row, what] for row, what in zip(rows, whats, strict=True)])
    if answer.total > len(rows):
        note(f"{len(rows):,} of {count(answer.total, 'approval')}")
    note("answer: error-cli approve ERROR, or deny; error-cli approvals ERROR shows all that is to be known before")


def _watch(wishes: Wishes, error_id: str, opened: Iterator[recovery_pb2.Event]) -> None:
    from error_cli.watching import events

    note("watching what is asked and answered; Ctrl-C ends it")
    for event in events(wishes, error_id, again=True, opened=opened):
        if event.kind != "approval":
            continue
        if wishes.for_programs:
            document(event)
        else:
            print_event(event, with_error_id=True)


def _row(approval: recovery_pb2.Approval) -> list[Cell]:
    severity = word(SEVERITIES, approval.severity)
    return [
        approval.error_id,
        Styled(severity, SEVERITY_STYLES.get(severity, "")),
        approval.target,
        until(approval.expires_at),
        approval.unanswered.replace("_", " "),
    ]


def _what(approval: recovery_pb2.Approval) -> str:
    return f"{approval.strategy_id} {approval.does}"
