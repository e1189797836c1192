"""`error-cli history`: what was attempted, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.lines import Cell, Styled, note
from error_cli.phrase import ago, duration, instant, since_option
from error_cli.tables import Column, table
from error_cli.wishes import Wishes, wishing
from error_cli.words import TYPES, VERDICT_STYLES

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column("STARTED"),
    Column("AGO", right=True, beneath=True),
    Column("ERROR", beneath=True),
    Column("TYPE", beneath=True),
    Column("TARGET", beneath=True),
    Column("LEVEL", right=True),
    Column("STRATEGY"),
    Column("OUTCOME"),
    Column("VERDICT"),
    Column("TOOK", right=True),
    Column("LAG", right=True, beneath=True),
    Column("DETAIL", flexible=True, beneath=True),
)
NOTHING_YET = (
    "nothing was attempted yet; error-cli errors list shows what is known, errors show ID why nothing is done about it"
)


@click.command(
    cls=Command,
    epilog=examples("error-cli history --since 1h", "error-cli history --strategy restart-db --limit 200 --json"),
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--error", "error_id", default="", metavar="ID", help="Only attempts for this error.")
@click.option("--strategy", default="", help="Only attempts with this strategy.")
@click.option(
    "--type", "type_", type=click.Choice(TYPES), metavar="TYPE", help="Only attempts for errors of this type."
)
@click.option("--since", type=since_option, metavar="WHEN", help="1h, 2d, or a time such as 2026-03-01 03:00.")
@wishing
def command(
    wishes: Wishes, *, limit: int, error_id: str, strategy: str, type_: str | None, since: float | None
) -> None:
    """List recovery attempts, the newest first."""
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        request = recovery_pb2.ListHistoryRequest(
            limit=limit,
            error_id=daemon.error_id(error_id),
            strategy_id=strategy,
            error_type=type_ or "",
            since=since or 0.0,
        )
        answer = daemon.ask(daemon.recovery.ListHistory, request)
    if wishes.for_programs:
        document(answer)
        return
    _print(answer.attempts)
    if not answer.attempts:
        note("no attempt matches" if error_id or strategy or type_ or since else NOTHING_YET)
    elif len(answer.attempts) == limit:
        note(f"the newest {limit:,}; --limit shows more")


def _print(attempts: Sequence[recovery_pb2.Attempt]) -> None:
    """One line each; on a terminal that is too narrow for that, what is long or concerns the error beneath."""
    below: list[list[Cell]] = [[_beneath(attempt), Styled(attempt.detail, "dim")] for attempt in attempts]
    table(_COLUMNS, [_row(attempt) for attempt in attempts], below)


def _beneath(attempt: recovery_pb2.Attempt) -> Cell:
    lag = f", lag {duration(attempt.lag_s)}" if attempt.lag_s else ""
    return f"error {attempt.error_id} ({attempt.error_type}) on {attempt.target}, {ago(attempt.started_at)}{lag}"


def _row(attempt: recovery_pb2.Attempt) -> list[Cell]:
    return [
        instant(attempt.started_at),
        Styled(ago(attempt.started_at), "dim"),
        attempt.error_id,
        attempt.error_type,
        attempt.target,
        str(attempt.level or "-"),
        attempt.strategy_id,
        attempt.outcome or "running",
        Styled(attempt.verdict or "-", VERDICT_STYLES.get(attempt.verdict, "")),
        duration(attempt.execution_time_s) if attempt.outcome else "-",
        duration(attempt.lag_s) if attempt.lag_s else "-",
        attempt.detail,
    ]
