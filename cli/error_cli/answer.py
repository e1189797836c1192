"""`error-cli approve` and `error-cli deny`: a person's yes or no to what waits for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.lines import line, note
from error_cli.phrase import instant
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_note = click.option("--note", default="", metavar="TEXT", help="Why, for the record and for those who will wonder.")
_decision = click.option(
    "--decision", "decision_id", default="", metavar="DECISION", help="Refuse where something else is proposed by now."
)


@click.command("approve", cls=Command, epilog=examples("error-cli approve 3f2a9c0d", "error-cli approvals"))
@click.argument("error_id", metavar="ID")
@_note
@_decision
@wishing
def approve(wishes: Wishes, error_id: str, note: str, decision_id: str) -> None:
    """Say yes to what is proposed for an error: it is done then.

    The yes is for this one attempt. At another level it asks again.
    """
    _answer(wishes, error_id, yes=True, why=note, decision_id=decision_id)


@click.command("deny", cls=Command, epilog=examples("error-cli deny 3f2a9c0d", "error-cli approvals"))
@click.argument("error_id", metavar="ID")
@_note
@_decision
@wishing
def deny(wishes: Wishes, error_id: str, note: str, decision_id: str) -> None:
    """Say no to what is proposed for an error.

    Nothing is done then, and the error has failed: it needs a person.
    """
    _answer(wishes, error_id, yes=False, why=note, decision_id=decision_id)


def _answer(wishes: Wishes, prefix: str, *, yes: bool, why: str, decision_id: str) -> None:
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    answer: recovery_pb2.ApproveResponse | recovery_pb2.DenyResponse
    with connect(wishes) as daemon:
        error_id, by = daemon.error_id(prefix), caller()
        if yes:
            request = recovery_pb2.ApproveRequest(error_id=error_id, by=by, note=why, decision_id=decision_id)
            answer = daemon.ask(daemon.recovery.Approve, request)
            what = f"is approved; see what comes of it: error-cli errors show {error_id}"
        else:
            refusal = recovery_pb2.DenyRequest(error_id=error_id, by=by, note=why, decision_id=decision_id)
            answer = daemon.ask(daemon.recovery.Deny, refusal)
            what = "is denied: nothing is done, and it needs a person"
    if wishes.for_programs:
        document(answer)
    else:
        _tell(answer, what)


def _tell(answer: recovery_pb2.ApproveResponse | recovery_pb2.DenyResponse, what: str) -> None:
    line(f"error {answer.error.error_id} {what}")
    if answer.is_repeated:
        note(f"that was so already: {answer.answer.by} said it at {instant(answer.answer.at)}")
    elif answer.approval.does:
        line(f"  {answer.approval.strategy_id} {answer.approval.does}")
    if not answer.is_kept:
        note("the record does not have the answer yet: a daemon that dies before it is carried out asks again")
