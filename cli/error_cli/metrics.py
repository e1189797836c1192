"""`error-cli metrics`: how well recovery works, over all and for each strategy."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, Wishes, examples, wishing
from error_cli.page import Cell, Column, Styled, document, facts, heading, line, table
from error_cli.phrase import ago, duration, percent
from error_cli.status import lag

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column("TYPE"),
    Column("STRATEGY"),
    Column("SCORE", right=True),
    Column("SAMPLES", right=True),
    Column("SUCCESS", right=True),
    Column("MEAN TIME", right=True),
    Column("TIMEOUT", right=True),
    Column("UPDATED", right=True),
)


@click.command(cls=Command, epilog=examples("error-cli metrics", "error-cli metrics --json | jq .success_rate"))
@wishing
def command(wishes: Wishes) -> None:
    """Show success rates and times to recover.

    Over all, and what was learned about each strategy for each type of error.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.GetMetrics, recovery_pb2.GetMetricsRequest())
    if wishes.json:
        document(answer)
        return
    line(Styled("recovery", "bold"))
    facts(_facts(answer))
    if answer.strategies:
        heading("strategies, by the type of error")
        table(_COLUMNS, [_row(strategy) for strategy in answer.strategies])


def _facts(metrics: recovery_pb2.GetMetricsResponse) -> Iterator[tuple[str, Cell]]:
    if not metrics.attempts:
        yield "attempts", "none yet"
        return
    yield (
        "attempts",
        f"{metrics.attempts:,}, of which {metrics.recovered:,} recovered ({percent(metrics.success_rate)})",
    )
    if metrics.recovered:
        yield "time to recover", f"{duration(metrics.mean_time_to_recover_s)} on average"
        yield "first try", f"{percent(metrics.first_time_rate)} of the recovered errors"
    yield "escalated", f"{percent(metrics.escalation_rate)} of the errors with attempts"
    yield "lag", lag(metrics.lag)


def _row(strategy: recovery_pb2.StrategyMetrics) -> list[Cell]:
    return [
        strategy.error_type,
        strategy.strategy_id,
        f"{strategy.score:.3f}",
        f"{strategy.samples:,}",
        percent(strategy.success_rate) if strategy.samples else "-",
        duration(strategy.mean_time_s) if strategy.samples else "-",
        duration(strategy.timeout_s),
        Styled(ago(strategy.last_updated), "dim"),
    ]
