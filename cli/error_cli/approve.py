"""`error-cli approve`: say yes to what waits for a person."""

from __future__ import annotations

import click

from error_cli.command import Command, Wishes, examples, wishing
from error_cli.page import document, line


@click.command(cls=Command, epilog=examples("error-cli approve 3f2a9c0d", "error-cli approvals"))
@click.argument("error_id", metavar="ID")
@wishing
def command(wishes: Wishes, error_id: str) -> None:
    """Say yes to what is proposed for an error: it is done then.

    The yes is for this one attempt. At another level it asks again.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        request = recovery_pb2.ApproveRequest(error_id=daemon.error_id(error_id), by=caller())
        answer = daemon.ask(daemon.recovery.Approve, request)
    if wishes.json:
        document(answer)
    else:
        line(
            f"error {answer.error.error_id} is approved; see what comes of it: error-cli errors show {request.error_id}"
        )
