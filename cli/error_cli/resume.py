"""`error-cli resume`: let go on what was paused."""

from __future__ import annotations

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.lines import line, note
from error_cli.phrase import until
from error_cli.wishes import Wishes, wishing


@click.command(cls=Command, epilog=examples("error-cli resume", "error-cli resume shop-db"))
@click.argument("target", default="")
@wishing
def command(wishes: Wishes, target: str) -> None:
    """Let recoveries go on that were paused.

    Without TARGET the pause of everything is let go; pauses of targets each by itself. What has waited starts slowly.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        request = recovery_pb2.ResumeRequest(target=target, by=caller())
        answer = daemon.ask(daemon.recovery.Resume, request)
    if wishes.for_programs:
        document(answer)
        return
    what = f"recoveries of {target}" if target else "recoveries"
    line(f"{what} go on" if answer.was_paused else f"{what} were not paused{'' if target else ' as a whole'}")
    for pause in answer.pauses:
        when = f" until {until(pause.until)}" if pause.until else ""
        mend = f"error-cli resume {pause.subject}".rstrip()
        note(f"still paused: {pause.subject or 'everything'}{when}; let it go on with: {mend}")
