"""`error-cli scores`: how good each strategy was as time went by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.curves import bars
from error_cli.documents import document
from error_cli.lines import Cell, note
from error_cli.phrase import count, duration, instant, instant_option, percent
from error_cli.tables import Column, table
from error_cli.wishes import Wishes, wishing
from error_cli.words import TYPES

if TYPE_CHECKING:
    from error_recovery.v1 import view_pb2

_ATTEMPTS = Column("ATTEMPTS", right=True)
_FIGURES = (
    Column("SUCCESS", right=True),
    Column("90 % INTERVAL", right=True),
    Column("SCORE", right=True),
    Column("BEFORE", right=True),
    Column("SUCCESS OVER TIME"),
)
_POINTS = 24
_WORKED_OUT_WITHIN_S = 60.0


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli scores", "error-cli scores --by target --since 30d", "error-cli scores --type network --json"
    ),
)
@click.option(
    "--by",
    type=click.Choice(("type", "level", "target")),
    default="type",
    show_default=True,
    help="What each line is of.",
)
@click.option("--type", "type_", type=click.Choice(TYPES), metavar="TYPE", help="Only for errors of this type.")
@click.option("--strategy", default="", help="Only this strategy.")
@click.option("--target", default="", help="Only attempts on this target.")
@click.option("--level", type=click.IntRange(1, 5), help="Only attempts of this level.")
@click.option(
    "--since", type=instant_option, default="7d", show_default=True, metavar="WHEN", help="1h, 30d, or a time."
)
@click.option("--until", type=instant_option, metavar="WHEN", help="Likewise; without it till now.")
@wishing
def command(
    wishes: Wishes,
    *,
    by: str,
    type_: str | None,
    strategy: str,
    target: str,
    level: int | None,
    since: float,
    until: float | None,
) -> None:
    """Show how good each strategy was as time went by.

    From the attempts of the record, by the learning that decides: what it knew at the end of each interval in which there were any.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import view_pb2

    request = view_pb2.ListScoresRequest(
        since=since,
        until=until or 0.0,
        by=by,
        error_type=type_ or "",
        strategy_id=strategy,
        target=target,
        level=level or 0,
        points=_POINTS,
    )
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.views.ListScores, request, _WORKED_OUT_WITHIN_S)
    if wishes.for_programs:
        document(answer)
    elif answer.series:
        _print(answer, by)
    else:
        note(f"nothing was attempted from {instant(answer.since)} to {instant(answer.until)}")


def _print(answer: view_pb2.ListScoresResponse, by: str) -> None:
    group = () if by == "type" else (Column(by.upper()),)
    columns = (Column("STRATEGY"), Column("TYPE"), *group, _ATTEMPTS, *_FIGURES)
    table(columns, [_row(series, by) for series in answer.series])
    note(f"{instant(answer.since)} to {instant(answer.until)}, in intervals of {duration(answer.interval_s)}")
    if answer.series_more:
        note(f"and {count(answer.series_more, 'line')} more, of what was attempted less often")


def _row(series: view_pb2.ScoreSeries, by: str) -> list[Cell]:
    first, last = series.points[0], series.points[-1]
    group = {"type": (), "level": (f"{series.level}",), "target": (series.target,)}[by]
    return [
        series.strategy_id,
        series.error_type,
        *group,
        f"{series.attempts:,}",
        percent(last.success_mean),
        f"{100 * last.success_low:.0f} to {100 * last.success_high:.0f} %",
        f"{last.score:.3f}",
        f"{first.score:.3f}",
        bars([point.success_mean for point in series.points], 1.0),
    ]
