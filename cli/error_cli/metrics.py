"""`error-cli metrics`: how well recovery works. What is not met stands first, for those who have five seconds."""

from __future__ import annotations

import click

from error_cli.command import Command, examples, period
from error_cli.documents import document
from error_cli.wishes import Wishes, wishing


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli metrics",
        "error-cli metrics --since 7d --all",
        "error-cli metrics --since all --json | jq '.figures[] | select(.is_met == false)'",
    ),
)
@period
@click.option(
    "--all", "all_", is_flag=True, help="Everything: all targets, and counts by type, level, target and time."
)
@wishing
def command(wishes: Wishes, since: float, until: float | None, all_: bool) -> None:
    """Show what of recovery's goals is met and what is not.

    With downtime, what was attempted and what came of it, and what was learned. A figure without samples is not known.
    """
    from error_cli.connection import connect
    from error_cli.metrics_page import print_metrics
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        request = recovery_pb2.GetMetricsRequest(since=since, until=until or 0.0)
        answer = daemon.ask(daemon.recovery.GetMetrics, request)
    if wishes.for_programs:
        document(answer)
    else:
        print_metrics(answer, everything=all_)
