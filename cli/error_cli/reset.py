"""`error-cli reset`: an error back to its first level, or what was learned forgotten."""

from __future__ import annotations

import sys

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.failure import Exit, Failure
from error_cli.lines import line
from error_cli.phrase import count
from error_cli.wishes import Wishes, wishing


@click.command(
    cls=Command,
    epilog=examples(
        "error-cli reset 3f2a9c0d", "error-cli reset --learned --strategy restart-db", "error-cli reset --learned --yes"
    ),
)
@click.argument("error_id", metavar="[ERROR_ID]", default="")
@click.option("--learned", is_flag=True, help="Forget what was learned about strategies.")
@click.option("--strategy", default="", help="With --learned: only about this strategy.")
@click.option("--yes", is_flag=True, help="With --learned: don't ask.")
@wishing
def command(wishes: Wishes, error_id: str, learned: bool, strategy: str, yes: bool) -> None:
    """Reset an error, or what was learned.

    An error goes back to its first level; --learned forgets the scores of strategies.

    Learned scores can't be brought back: it asks first, and refuses without --yes where nobody can be asked.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    if bool(error_id) == learned:
        raise click.UsageError("name either an ERROR_ID or --learned")
    if strategy and not learned:
        raise click.UsageError("--strategy goes with --learned")
    if learned and not yes:
        _ask_first(strategy)
    with connect(wishes) as daemon:
        request = recovery_pb2.ResetRequest(
            error_id=daemon.error_id(error_id), learned=learned, strategy_id=strategy, by=caller()
        )
        answer = daemon.ask(daemon.recovery.Reset, request)
    if wishes.for_programs:
        document(answer)
    elif learned:
        line(f"forgot {count(answer.scores_reset, 'score')}")
    elif answer.errors_reset:
        line(f"error {request.error_id} is back at its first level; if it had failed, it is tried again now")
    else:
        line(f"error {request.error_id} was at its first level already")


def _ask_first(strategy: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here whether to forget what was learned: say --yes")
    about = f"strategy {strategy}" if strategy else "all strategies"
    if not click.confirm(f"Forget everything learned about {about}?", err=True):
        raise Failure(Exit.NO, "nothing was forgotten")
