"""`error-cli brakes` (also `breakers`): what holds recoveries back, and closing a breaker by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Group, examples
from error_cli.documents import document
from error_cli.lines import Cell, Styled, line, on_terminal
from error_cli.phrase import until
from error_cli.tables import Column, stacked, table
from error_cli.wishes import Wishes, wishing
from error_cli.words import BRAKE_STYLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from error_recovery.v1 import recovery_pb2

_SHORT = (Column("BRAKE"), Column("SUBJECT"), Column("STATE"), Column("WAITING", right=True), Column("UNTIL"))
_COLUMNS = (*_SHORT, Column("WHY", flexible=True))


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog=examples("error-cli brakes", "error-cli brakes --json", "error-cli brakes reset shop-db"),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show what holds recoveries back, and until when."""
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(Wishes))


def _list(wishes: Wishes) -> None:
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.ListBrakes, recovery_pb2.ListBrakesRequest())
    if wishes.for_programs:
        document(answer)
    else:
        print_brakes(answer.brakes)


def print_brakes(brakes: Sequence[recovery_pb2.Brake]) -> None:
    rows = [_row(brake) for brake in brakes]
    if on_terminal():
        stacked(_SHORT, rows, [[Styled(brake.reason, "dim")] for brake in brakes])
    else:
        table(_COLUMNS, [[*row, brake.reason] for row, brake in zip(rows, brakes, strict=True)])


def _row(brake: recovery_pb2.Brake) -> list[Cell]:
    return [
        brake.brake,
        brake.subject or "everything",
        Styled(brake.state, BRAKE_STYLES.get(brake.state, "")),
        f"{brake.waiting:,}",
        until(brake.until) if brake.until else "until resumed" if brake.state == "paused" else "-",
    ]


@command.command("reset", epilog=examples("error-cli brakes reset shop-db", "error-cli brakes reset"))
@click.argument("target", default="")
@wishing
def reset(wishes: Wishes, target: str) -> None:
    """Close the breaker of TARGET at once; without TARGET the global one.

    What it has counted is forgotten. It opens again when recoveries go on failing.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    request = recovery_pb2.ResetBreakerRequest(target=target, by=caller())
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.ResetBreaker, request)
    if wishes.for_programs:
        document(answer)
        return
    which = f"the breaker of {target}" if target else "the global breaker"
    line(f"{which} is closed" if answer.was_open else f"{which} was closed already")
