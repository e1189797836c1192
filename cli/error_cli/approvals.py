"""`error-cli approvals`: what waits for a person to say yes or no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Command, Wishes, examples, wishing
from error_cli.documents import document
from error_cli.lines import Cell, Styled, note, on_terminal
from error_cli.phrase import count, until
from error_cli.tables import Column, stacked, table
from error_cli.waiting import APPROVAL
from error_cli.words import SEVERITIES, SEVERITY_STYLES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_MOST = 1000
_SHORT = (Column("ERROR"), Column("SEVERITY"), Column("TARGET"), Column("ANSWER BEFORE"))
_COLUMNS = (*_SHORT, Column("WHAT", flexible=True))


@click.command(
    cls=Command, epilog=examples("error-cli approvals", "error-cli approvals --json | jq -r .errors[].error_id")
)
@wishing
def command(wishes: Wishes) -> None:
    """List what waits for a person to approve or deny it."""
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        request = recovery_pb2.ListErrorsRequest(held_by=APPROVAL, limit=_MOST)
        answer = daemon.ask(daemon.recovery.ListErrors, request)
    if wishes.for_programs:
        document(answer)
        return
    soonest = sorted(answer.errors, key=lambda error: error.parked_until)
    rows = [_row(error) for error in soonest]
    if not rows:
        note("nothing waits for a person")
        return
    if on_terminal():
        stacked(_SHORT, rows, [[error.reason, Styled(error.message, "dim")] for error in soonest])
    else:
        table(_COLUMNS, [[*row, f"{error.reason} | {error.message}"] for row, error in zip(rows, soonest, strict=True)])
    if answer.total > len(rows):
        note(f"{len(rows):,} of {count(answer.total, 'error')}")
    note("answer: error-cli approve ERROR, or deny; error-cli explain ERROR says why it was chosen")


def _row(error: recovery_pb2.Error) -> list[Cell]:
    severity = word(SEVERITIES, error.severity)
    return [
        error.error_id,
        Styled(severity, SEVERITY_STYLES.get(severity, "")),
        error.target,
        until(error.parked_until) if error.parked_until else "-",
    ]
