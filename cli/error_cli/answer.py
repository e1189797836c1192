"""`error-cli approve` and `error-cli deny`: a person's yes or no to what waits for one."""

from __future__ import annotations

import click

from error_cli.command import Command, Wishes, examples, wishing
from error_cli.documents import document
from error_cli.lines import line


@click.command("approve", cls=Command, epilog=examples("error-cli approve 3f2a9c0d", "error-cli approvals"))
@click.argument("error_id", metavar="ID")
@wishing
def approve(wishes: Wishes, error_id: str) -> None:
    """Say yes to what is proposed for an error: it is done then.

    The yes is for this one attempt. At another level it asks again.
    """
    _answer(wishes, error_id, yes=True)


@click.command("deny", cls=Command, epilog=examples("error-cli deny 3f2a9c0d", "error-cli approvals"))
@click.argument("error_id", metavar="ID")
@wishing
def deny(wishes: Wishes, error_id: str) -> None:
    """Say no to what is proposed for an error.

    Nothing is done then, and the error has failed: it needs a person.
    """
    _answer(wishes, error_id, yes=False)


def _answer(wishes: Wishes, prefix: str, *, yes: bool) -> None:
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    answer: recovery_pb2.ApproveResponse | recovery_pb2.DenyResponse
    with connect(wishes) as daemon:
        error_id, by = daemon.error_id(prefix), caller()
        if yes:
            answer = daemon.ask(daemon.recovery.Approve, recovery_pb2.ApproveRequest(error_id=error_id, by=by))
            what = f"is approved; see what comes of it: error-cli errors show {error_id}"
        else:
            answer = daemon.ask(daemon.recovery.Deny, recovery_pb2.DenyRequest(error_id=error_id, by=by))
            what = "is denied: nothing is done, and it needs a person"
    if wishes.for_programs:
        document(answer)
    else:
        line(f"error {answer.error.error_id} {what}")
