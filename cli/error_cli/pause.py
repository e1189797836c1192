"""`error-cli pause`: begin no recovery, on one target or at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.lines import line, note
from error_cli.phrase import count, seconds_option, until
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli pause",
        'error-cli pause --for 30m --reason "network maintenance"',
        "error-cli pause shop-db --for 2h",
    ),
)
@click.argument("target", default="")
@click.option(
    "--for", "for_s", type=seconds_option, metavar="DURATION", help="30m, 2h; without it until error-cli resume."
)
@click.option("--reason", default="", metavar="TEXT", help="Why, for those who will wonder.")
@wishing
def command(wishes: Wishes, target: str, for_s: float | None, reason: str) -> None:
    """Begin no recovery: of one target, or at all.

    Without TARGET everything is paused.

    Faults are taken and recorded meanwhile, and tickets wait. What runs comes to its end. The time counts as planned.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    request = recovery_pb2.PauseRequest(target=target, for_s=for_s or 0.0, reason=reason, by=caller())
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.Pause, request)
    if wishes.for_programs:
        document(answer)
        return
    what = f"recoveries of {target} are" if target else "all recoveries are"
    line(f"{what} paused {_until(answer, target)}")
    line(f"{_still(answer.attempts_running)}; {_waiting(answer.tickets_waiting)}")
    note("let it go on with: error-cli resume" + (f" {target}" if target else ""))


def _until(answer: recovery_pb2.PauseResponse, target: str) -> str:
    ends = [pause.until for pause in answer.pauses if pause.subject == target and pause.until]
    return f"until {until(ends[0])}" if ends else "until they are resumed"


def _still(attempts: int) -> str:
    if not attempts:
        return "no attempt is running"
    return f"{count(attempts, 'attempt')} still running, and left to end"


def _waiting(tickets: int) -> str:
    return f"{count(tickets, 'ticket')} {'waits' if tickets == 1 else 'wait'}" if tickets else "no ticket waits"
