"""`error-cli errors`: the errors that the daemon knows."""

from __future__ import annotations

import click

from error_cli.command import Group, examples
from error_cli.documents import document, json_line
from error_cli.event_line import print_event
from error_cli.lines import line, note, on_terminal
from error_cli.phrase import count
from error_cli.wishes import Wishes, wishing
from error_cli.words import SEVERITIES, STATES, STATUSES, TYPES, number


@click.group(
    cls=Group,
    epilog=examples("error-cli errors list", "error-cli errors show 3f2a9c0d", "error-cli errors watch"),
)
def command() -> None:
    """List, show, resolve and watch errors."""


@command.command(
    "list", epilog=examples("error-cli errors list --status failed", "error-cli errors list --min-severity high --json")
)
@click.option("--status", type=click.Choice(STATUSES), help="Only errors in this status.")
@click.option(
    "--type", "type_", type=click.Choice(TYPES), metavar="TYPE", help="Only errors of this type, as in network."
)
@click.option("--component", default="", help="Only errors of this component.")
@click.option("--target", default="", help="Only errors of this target.")
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="This severity or worse.")
@click.option("--state", type=click.Choice(STATES), metavar="STATE", help="Only errors in this state, as in parked.")
@click.option("--held-by", default="", metavar="BRAKE", help="Only errors that this brake holds, as in throttle.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@wishing
def list_errors(  # noqa: PLR0913  (one parameter for each option)
    wishes: Wishes,
    *,
    status: str | None,
    type_: str | None,
    component: str,
    target: str,
    min_severity: str | None,
    state: str | None,
    held_by: str,
    limit: int,
) -> None:
    """List errors, the one with the newest fault first."""
    from error_cli.connection import connect
    from error_cli.error_list import print_errors
    from error_recovery.v1 import fault_pb2, recovery_pb2

    request = recovery_pb2.ListErrorsRequest(
        status=recovery_pb2.Status.ValueType(number(STATUSES, status)),
        type=type_ or "",
        component=component,
        target=target,
        min_severity=fault_pb2.Severity.ValueType(number(SEVERITIES, min_severity)),
        state=state or "",
        held_by=held_by,
        limit=limit,
    )
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.ListErrors, request)
    if wishes.for_programs:
        document(answer)
        return
    print_errors(answer.errors)
    if not answer.errors:
        note("no error matches")
    elif answer.total > len(answer.errors):
        note(f"{len(answer.errors):,} of {count(answer.total, 'error')}; --limit shows more")


@command.command(
    "show", epilog=examples("error-cli errors show 3f2a9c0d", "error-cli errors show 3f2a --json | jq .attempts")
)
@click.argument("error_id", metavar="ID")
@wishing
def show(wishes: Wishes, error_id: str) -> None:
    """Show an error, its newest fault, and what was done about it."""
    from error_cli.connection import connect
    from error_cli.error_page import print_error_page
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.GetError, recovery_pb2.GetErrorRequest(error_id=error_id))
    if wishes.for_programs:
        document(answer)
    else:
        print_error_page(answer)


@command.command("resolve", epilog=examples('error-cli errors resolve 3f2a9c0d --note "disk replaced"'))
@click.argument("error_id", metavar="ID")
@click.option("--note", "note_", default="", metavar="TEXT", help="What was done, for the record.")
@wishing
def resolve(wishes: Wishes, error_id: str, note_: str) -> None:
    """Say that an error is gone.

    Its ticket is closed, and nothing more is done about it.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        request = recovery_pb2.ResolveErrorRequest(error_id=daemon.error_id(error_id), note=note_, by=caller())
        answer = daemon.ask(daemon.recovery.ResolveError, request)
    if wishes.for_programs:
        document(answer)
    else:
        line(f"error {answer.error.error_id} is resolved: {answer.error.message}")


@command.command("watch", epilog=examples("error-cli errors watch", "error-cli errors watch 3f2a9c0d --json"))
@click.argument("error_id", metavar="[ID]", default="")
@click.option("--once", is_flag=True, help="End with code 6 when the daemon goes away, instead of waiting for it.")
@wishing
def watch(wishes: Wishes, error_id: str, once: bool) -> None:
    """Print what happens to errors, as it happens.

    To all errors, or to that with ID. Ctrl-C ends it. When the daemon is restarted, it says so, and goes on when it is back.
    """
    from error_cli.connection import connect
    from error_cli.watching import events

    with connect(wishes) as daemon:
        whole_id = daemon.error_id(error_id)
    if on_terminal():
        note(f"watching {whole_id or 'all errors'} at {wishes.address}; Ctrl-C ends it")
    for event in events(wishes, whole_id, again=not once):
        if wishes.for_programs:
            json_line(event)
        else:
            print_event(event, with_error_id=not whole_id)
