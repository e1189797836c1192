"""`error-cli top`: what is broken, what is being done and what waits for you, live on a terminal.

ask.py        threads ask the daemon; answers come through a queue
screen.py     what is shown and chosen, and what a key changes of it: pure
page.py       the screen as lines of so many columns, from rows.py and columns.py: pure
terminal.py   curses: draws what has changed, leaves the terminal as it was
run.py        joins them
"""

from __future__ import annotations

import os
import sys

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.failure import Exit, Failure
from error_cli.lines import line
from error_cli.phrase import seconds_option
from error_cli.wishes import Wishes, wishing


@click.command(
    cls=Command,
    epilog=examples("error-cli top", "error-cli top --every 5s", "error-cli top --once", "ssh -t db7 error-cli top"),
)
@click.option("--once", is_flag=True, help="Print it once and end, as is done where there is no terminal.")
@click.option(
    "--every",
    "every_s",
    type=seconds_option,
    default="1s",
    show_default=True,
    metavar="SECONDS",
    help="How often to ask.",
)
@wishing
def command(wishes: Wishes, once: bool, every_s: float) -> None:
    """Show what is broken and what is done about it, live.

    Errors are grouped by root cause. Keys: arrows choose, enter shows one error, a and d answer what is asked, p pauses and
    resumes everything, r resolves, / filters, ? shows all keys, q ends.
    """
    if wishes.for_programs or once or not _has_terminal():
        _print_once(wishes)
        return
    try:
        from error_cli.top.run import run
    except ImportError as error:
        raise Failure(Exit.USAGE, f"this Python has no curses: {error}", "see: error-cli top --once") from error
    run(wishes, every_s)


def _has_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


def _print_once(wishes: Wishes) -> None:
    from error_cli.connection import connect
    from error_cli.top.page import whole_page
    from error_cli.top.screen import Screen
    from error_recovery.v1 import view_pb2

    with connect(wishes) as daemon:
        now = daemon.ask(daemon.views.GetNow, view_pb2.GetNowRequest())
    if wishes.for_programs:
        document(now)
        return
    for row in whole_page(Screen(wishes.address, now=now, asked_at=now.at, clock=now.at)):
        line(*row)
