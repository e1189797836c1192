"""`error-cli report`: report a fault by hand, and, with --wait, see what becomes of it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import click

from error_cli.command import Command, examples
from error_cli.documents import document, json_line
from error_cli.event_line import print_event
from error_cli.failure import Exit, Failure
from error_cli.follow import end_of, follow
from error_cli.lines import line, note
from error_cli.phrase import duration, seconds_option
from error_cli.wishes import Wishes, wishing
from error_cli.words import SEVERITIES, TYPES, number

if TYPE_CHECKING:
    from error_cli.connection import Daemon
    from error_recovery.v1 import fault_pb2

_FOREVER = "100000d"


def attribute_option(text: str) -> tuple[str, str]:
    """`key=value`."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text!r} is not of the form key=value")
    return key, value


class ReportCommand(Command):
    """--wait takes its value with an equals sign only, so that `report --wait MESSAGE` means what it says."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        end = args.index("--") if "--" in args else len(args)
        options = [f"--wait={_FOREVER}" if arg == "--wait" else arg for arg in args[:end]]
        return super().parse_args(ctx, options + args[end:])


@click.command(
    cls=ReportCommand,
    epilog=examples(
        'error-cli report "disk almost full" --type resource --severity high --component backup',
        'error-cli report "no answer on 5432" --type database --target postgres --wait=60',
        'error-cli report --exception "redis.ConnectionError: refused" -a region=eu -a shard=7',
    ),
)
@click.argument("message", default="")
@click.option(
    "--type",
    "type_",
    type=click.Choice(TYPES),
    metavar="TYPE",
    help=f"What kind of thing went wrong: {', '.join(TYPES)}.",
)
@click.option("--severity", type=click.Choice(SEVERITIES), help="How bad it is; without it the rule decides.")
@click.option("--component", default="", help="The part of the application or host concerned.")
@click.option("--operation", default="", help="What it was doing.")
@click.option("--target", default="", help="Id of the target concerned; without it the rules decide.")
@click.option(
    "--attribute", "-a", "attributes", type=attribute_option, multiple=True, metavar="KEY=VALUE", help="Repeatable."
)
@click.option(
    "--exception", default="", metavar="TYPE[: TEXT]", help="Qualified type of an exception, and what it said."
)
@click.option(
    "--count", type=click.IntRange(1, (1 << 64) - 1), default=1, help="Equal faults that this report stands for."
)
@click.option("--fingerprint", default="", help="Explicit grouping key; without it the daemon works it out.")
@click.option(
    "--wait", "wait_s", type=seconds_option, metavar="[=SECONDS]", help="Follow the error until it has ended."
)
@wishing
def command(wishes: Wishes, /, message: str, exception: str, wait_s: float | None, **details: Any) -> None:
    """Report a fault, and print the id of the error it belongs to.

    With --wait each step of the recovery is printed; the exit code is 0 only if the error ends resolved.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import fault_pb2

    if not message and not exception:
        raise click.UsageError("a fault needs a MESSAGE or an --exception")
    request = fault_pb2.ReportRequest(fault=_fault(message, exception, **details))
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.faults.Report, request)
        if wishes.for_programs:
            (json_line if wait_s else document)(answer)
        else:
            _print_receipt(answer.receipt)
        if wait_s:
            _wait(daemon, answer.receipt.error_id, wait_s, wishes.for_programs)


def _fault(  # noqa: PLR0913  (one parameter for each option)
    message: str,
    exception: str,
    *,
    type_: str | None,
    severity: str | None,
    component: str,
    operation: str,
    target: str,
    attributes: tuple[tuple[str, str], ...],
    count: int,
    fingerprint: str,
) -> fault_pb2.Fault:
    from error_recovery.v1 import fault_pb2

    fault = fault_pb2.Fault(
        type=fault_pb2.ErrorType.ValueType(number(TYPES, type_)),
        severity=fault_pb2.Severity.ValueType(number(SEVERITIES, severity)),
        message=message,
        context=fault_pb2.Context(
            component=component, operation=operation, node=socket.gethostname(), attributes=dict(attributes)
        ),
        fingerprint=fingerprint,
        target=target,
        occurred_at_unix_ns=time.time_ns(),
        count=count,
        source="error-cli",
    )
    if exception:
        kind, _, said = exception.partition(": ")
        fault.exception.CopyFrom(fault_pb2.Exception(type=kind, message=said))
    return fault


def _print_receipt(receipt: fault_pb2.Receipt) -> None:
    """The id alone on standard output, so that `id=$(error-cli report ...)` works."""
    line(receipt.error_id)
    note("a new ticket was opened" if receipt.opened else "no new ticket; error-cli errors show has what became of it")


def _wait(daemon: Daemon, error_id: str, wait_s: float, as_json: bool) -> None:
    """Print what happens to the error until it has ended. Raises Failure unless it ended resolved."""
    for event in follow(daemon, error_id, wait_s):
        if as_json:
            json_line(event)
        else:
            print_event(event, with_error_id=False)
        end = end_of(event.error)
        if end == "resolved":
            return
        if end:
            because = f": {event.error.reason}" if event.error.reason else ""
            raise Failure(
                Exit.NO, f"error {error_id} ended as {end}{because}", f"see: error-cli errors show {error_id}"
            )
    raise Failure(
        Exit.NO, f"error {error_id} has not ended within {duration(wait_s)}", f"see: error-cli errors show {error_id}"
    )
