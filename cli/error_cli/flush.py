"""`error-cli flush`: purge tickets that have not been started. What runs is left alone."""

from __future__ import annotations

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.lines import line
from error_cli.phrase import count
from error_cli.wishes import Wishes, wishing


@click.command(cls=Command, epilog=examples("error-cli flush --all", "error-cli flush 3f2a9c0d"))
@click.argument("error_id", metavar="[ERROR_ID]", default="")
@click.option("--all", "all_", is_flag=True, help="Every pending ticket.")
@wishing
def command(wishes: Wishes, error_id: str, all_: bool) -> None:
    """Purge pending tickets: all, or that of one error.

    Attempts already running are left alone.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    if bool(error_id) == all_:
        raise click.UsageError("name either an ERROR_ID or --all")
    with connect(wishes) as daemon:
        request = recovery_pb2.FlushRequest(all=all_, error_id=daemon.error_id(error_id), by=caller())
        answer = daemon.ask(daemon.recovery.Flush, request)
    if wishes.for_programs:
        document(answer)
    else:
        line(f"purged {count(answer.purged, 'pending ticket')}; {count(answer.running, 'running attempt')} left alone")
