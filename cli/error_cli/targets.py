"""`error-cli targets`: how each target is, as far as it is known without looking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.error_page import print_reading
from error_cli.figures import share
from error_cli.lines import Cell, Styled, line, note, on_terminal
from error_cli.page import facts, heading
from error_cli.phrase import ago, count, instant_and_ago, percent, until
from error_cli.tables import Column, stacked, table
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2, view_pb2

HEALTH_STYLES = {"failing": "red", "recovering": "yellow", "reported": "yellow", "well": "green"}
_SHORT = (
    Column("TARGET"),
    Column("HEALTH"),
    Column("SINCE", right=True),
    Column("OPEN", right=True),
    Column("WAITING", right=True),
    Column("TRIED 24 H", right=True),
    Column("HELPED", right=True),
    Column("AVAILABLE", right=True),
)
_COLUMNS = (*_SHORT, Column("WHAT IS KNOWN", flexible=True))


@click.command(
    cls=Command, epilog=examples("error-cli targets", "error-cli targets shop-db", "error-cli targets --json")
)
@click.argument("target", default="")
@wishing
def command(wishes: Wishes, target: str) -> None:
    """Show how each target is, and what it depends on.

    What is shown is known without looking: from open errors, and from what probes saw when they were last asked. Attempts, their
    success and availability are those of the last 24 hours.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import view_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.views.ListTargets, view_pb2.ListTargetsRequest(target=target))
    if wishes.for_programs:
        document(answer)
        return
    if target:
        _print_one(answer.targets[0])
    else:
        _print_all(answer)
    for stale in answer.stale:
        note(f"error-cli: {stale.why}")


def _print_all(answer: view_pb2.ListTargetsResponse) -> None:
    rows = [_row(target, answer.at) for target in answer.targets]
    if not rows:
        note("no target is defined")
        return
    said = [_said(target) for target in answer.targets]
    if on_terminal():
        stacked(_SHORT, rows, [[text] for text in said])
    else:
        table(_COLUMNS, [[*row, text] for row, text in zip(rows, said, strict=True)])


def _row(target: view_pb2.TargetView, now: float) -> list[Cell]:
    return [
        target.name,
        Styled(target.health, HEALTH_STYLES.get(target.health, "")),
        ago(target.health_since, now) if target.health_since else "-",
        f"{target.open_errors:,}",
        f"{target.waiting:,}",
        f"{target.day.attempts:,}" if target.HasField("day") else "-",
        percent(target.day.ratio) if target.day.HasField("ratio") else "-",
        share(target.availability_ratio) if target.HasField("availability_ratio") else "-",
    ]


def _said(target: view_pb2.TargetView) -> str:
    needs = f"; needs {', '.join(target.depends_on)}" if target.depends_on else ""
    paused = "; PAUSED" if target.HasField("pause") else ""
    breaker = f"; breaker {target.breaker.state}" if target.breaker.state not in ("", "closed") else ""
    return f"{target.health_text}{needs}{paused}{breaker}"


def _print_one(target: view_pb2.TargetView) -> None:
    line(Styled(f"target {target.name}", "bold"), " is ", Styled(target.health, HEALTH_STYLES.get(target.health, "")))
    facts(_facts(target))
    if target.readings:
        heading("what its probes saw last")
        for reading in target.readings:
            print_reading(reading, "  ")


def _facts(target: view_pb2.TargetView) -> Iterator[tuple[str, Cell]]:
    yield "known", target.health_text
    yield "since", instant_and_ago(target.health_since) if target.health_since else ""
    yield "kind", target.kind
    yield "needs", ", ".join(target.depends_on)
    yield "needed by", ", ".join(target.dependents)
    yield "weight", f"{target.weight:g}; with what depends on it {target.impact:g}"
    yield "errors", _errors(target)
    yield "root cause", f"error {target.root_error_id}" if target.root_error_id else ""
    yield "isolated", "an attempt keeps what is wrong with it from spreading" if target.is_isolated else ""
    for brake in _brakes(target):
        yield brake.brake, _brake(brake)
    if target.HasField("day"):
        helped = f", {percent(target.day.ratio)} helped" if target.day.HasField("ratio") else ""
        yield "24 hours", f"{count(target.day.attempts, 'attempt')}{helped}"
    yield "available", share(target.availability_ratio) if target.HasField("availability_ratio") else ""


def _errors(target: view_pb2.TargetView) -> str:
    if not target.open_errors:
        return "none is open"
    return f"{target.open_errors:,} open, {target.failed_errors:,} of them failed, {target.waiting:,} waiting"


def _brakes(target: view_pb2.TargetView) -> Sequence[recovery_pb2.Brake]:
    single = [brake for name, brake in (("pause", target.pause), ("breaker", target.breaker)) if target.HasField(name)]  # type: ignore[arg-type]
    return [*single, *target.bulkheads]


def _brake(brake: recovery_pb2.Brake) -> str:
    when = f" until {until(brake.until)}" if brake.until else ""
    return f"{brake.state}{when}: {brake.reason}"
