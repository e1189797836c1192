"""`error-cli hooks`: who is told of what happens, what became of it, and telling it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Group, examples
from error_cli.documents import document
from error_cli.failure import Exit, Failure
from error_cli.lines import Cell, Styled, line, note, on_terminal
from error_cli.phrase import ago, count, duration, instant, until
from error_cli.tables import Column, stacked, table
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import hook_pb2

_STATES = ("waiting", "sent", "dead")
_STYLES = {"ready": "green", "failing": "red", "held": "yellow", "disabled": "red", "dead": "red", "sent": "green"}
_TEST_WITHIN_S = 310.0  # the longest timeout of a hook, and some
_HOOKS = (
    Column("HOOK"),
    Column("KIND"),
    Column("STATE"),
    Column("SENT", right=True),
    Column("WAITING", right=True),
    Column("DEAD", right=True),
    Column("TO", flexible=True),
)
_SHORT = (
    Column("DELIVERY"),
    Column("HOOK"),
    Column("EVENT"),
    Column("AT"),
    Column("STATE"),
    Column("TRIED", right=True),
)
_DELIVERIES = (*_SHORT, Column("WHAT", flexible=True))


@click.group(
    cls=Group,
    invoke_without_command=True,
    epilog=examples(
        "error-cli hooks",
        "error-cli hooks test on-call",
        "error-cli hooks deliveries --state dead",
        "error-cli hooks redeliver --hook on-call",
    ),
)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show who is told of what happens, and whether that works."""
    if ctx.invoked_subcommand is None:
        _list(ctx.ensure_object(Wishes))


def _list(wishes: Wishes) -> None:
    from error_cli.connection import connect
    from error_recovery.v1 import hook_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.hooks.ListHooks, hook_pb2.ListHooksRequest())
    if wishes.for_programs:
        document(answer)
        return
    if not answer.hooks:
        note("no hook is defined: nobody is told")
        return
    rows = [_row(hook) for hook in answer.hooks]
    if on_terminal():
        stacked(_HOOKS, rows, [[_why(hook)] for hook in answer.hooks])
    else:
        table(
            _HOOKS,
            [
                [*row[:-1], f"{hook.to} | {_why(hook)}".rstrip(" |")]
                for row, hook in zip(rows, answer.hooks, strict=True)
            ],
        )
    if answer.problem:
        note(f"what waits would not survive a restart: {answer.problem}")


def _row(hook: hook_pb2.Hook) -> list[Cell]:
    counts = (f"{hook.sent:,}", f"{hook.waiting:,}", f"{hook.dead:,}")
    return [hook.hook_id, hook.kind, Styled(hook.state, _STYLES.get(hook.state, "")), *counts, hook.to]


def _why(hook: hook_pb2.Hook) -> str:
    again = f"; tried again {until(hook.until)}" if hook.until else ""
    return f"{hook.detail}{again}" if hook.detail else ""


@command.command(
    "deliveries",
    epilog=examples("error-cli hooks deliveries", "error-cli hooks deliveries --hook on-call --state dead --json"),
)
@click.option("--hook", default="", metavar="HOOK", help="Of one hook.")
@click.option("--state", type=click.Choice(_STATES), help="Only those that wait, were sent, or were given up.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="The newest so many.")
@wishing
def deliveries(wishes: Wishes, hook: str, state: str | None, limit: int) -> None:
    """List what was sent, what waits, and what was given up.

    For programs there is also what is sent, as JSON.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import hook_pb2

    request = hook_pb2.ListDeliveriesRequest(
        hook_id=hook, state=state or "", limit=limit, with_body=wishes.for_programs
    )
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.hooks.ListDeliveries, request)
    if wishes.for_programs:
        document(answer)
        return
    rows = [_delivery(one) for one in answer.deliveries]
    if not rows:
        note("there is none")
        return
    if on_terminal():
        stacked(_SHORT, rows, [[one.text, Styled(_became(one), "dim")] for one in answer.deliveries])
    else:
        table(
            _DELIVERIES,
            [[*row, f"{one.text} | {_became(one)}"] for row, one in zip(rows, answer.deliveries, strict=True)],
        )
    if answer.total > len(rows):
        note(f"{len(rows):,} of {count(answer.total, 'delivery', 'deliveries')}")


def _delivery(one: hook_pb2.Delivery) -> list[Cell]:
    state = Styled(one.state, _STYLES.get(one.state, ""))
    return [one.delivery_id, one.hook_id, one.event_type, instant(one.at), state, f"{one.attempts:,}"]


def _became(one: hook_pb2.Delivery) -> str:
    if one.state == "waiting":
        return "; ".join(filter(None, (one.detail, f"due {until(one.due_at)}")))
    return f"{one.detail} ({ago(one.ended_at)})"


@command.command(
    "redeliver", epilog=examples("error-cli hooks redeliver msg_3f2a9c", "error-cli hooks redeliver --hook on-call")
)
@click.argument("delivery", default="")
@click.option("--hook", default="", metavar="HOOK", help="All that this hook has given up.")
@wishing
def redeliver(wishes: Wishes, delivery: str, hook: str) -> None:
    """Send again what was given up or waits, at once.

    It keeps its id, so who has it already can tell. A hook that was disabled is tried again.
    """
    if not delivery and not hook:
        raise click.UsageError("say which DELIVERY, or whose with --hook")
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import hook_pb2

    request = hook_pb2.RedeliverRequest(hook_id=hook, delivery_id=delivery, by=caller())
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.hooks.Redeliver, request)
    if wishes.for_programs:
        document(answer)
    elif answer.deliveries:
        line(f"{count(answer.deliveries, 'delivery is', 'deliveries are')} due now")
        note("see what becomes of it: error-cli hooks deliveries" + (f" --hook {hook}" if hook else ""))
    else:
        line(f"{hook} has given up none")


@command.command("test", epilog=examples("error-cli hooks test on-call"))
@click.argument("hook")
@wishing
def test(wishes: Wishes, hook: str) -> None:
    """Send a test to HOOK now, and say whether it arrived.

    It goes beside what waits. When it arrives, a hook that was disabled is in use again. Exit code 1: it did not arrive.
    """
    from error_cli.caller import caller
    from error_cli.connection import connect
    from error_recovery.v1 import hook_pb2

    request = hook_pb2.SendTestRequest(hook_id=hook, by=caller())
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.hooks.SendTest, request, at_least_s=_TEST_WITHIN_S)
    if wishes.for_programs:
        document(answer)
    elif answer.arrived:
        line(f"it arrived after {duration(answer.took_s)}: {answer.detail}")
    if not answer.arrived:
        raise Failure(Exit.NO, f"it did not arrive: {answer.detail}")
