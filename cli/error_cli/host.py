"""`error-cli host`: the host as the daemon's sensors see it."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.curves import bars
from error_cli.documents import document
from error_cli.lines import Cell, Styled, line, note
from error_cli.page import heading
from error_cli.phrase import duration, percent, seconds_option
from error_cli.tables import Column, table
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2, view_pb2

_STANDING_STYLES = {"good": "green", "notice": "yellow", "bad": "red", "unavailable": "dim"}
_SENSORS = (Column("SENSOR"), Column("STANDING"), Column("WHAT IT SAYS", flexible=True))
_SIGNS = {"per_s": "/s", "celsius": " °C", "bytes": " B", "percent": " %", "us": " µs", "ms": " ms"}
_POINTS = 30
_FIGURES = (
    Column("FIGURE"),
    Column("NOW", right=True),
    Column("FAULT FROM", right=True),
    Column("OVER TIME"),
)


@click.command(
    cls=Command, epilog=examples("error-cli host", "error-cli host --figure steal --for 5m", "error-cli host --json")
)
@click.option("--figure", default="", metavar="NAME", help="Only figures whose names begin so.")
@click.option(
    "--for", "last_s", type=seconds_option, default="60s", show_default=True, metavar="DURATION", help="How far back."
)
@wishing
def command(wishes: Wishes, figure: str, last_s: float) -> None:
    """Show the host as the daemon's sensors see it.

    Each sensor and how it is, and the figures that are sampled or told by applications, with from where on each is a fault.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import view_pb2

    request = view_pb2.GetHostRequest(figure=figure, last_s=last_s, points=_POINTS)
    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.views.GetHost, request)
    if wishes.for_programs:
        document(answer)
        return
    if not figure:
        table(_SENSORS, [_sensor(sensor) for sensor in answer.sensors])
        heading(f"figures, over the last {duration(last_s)}")
    if answer.figures:
        table(_FIGURES, [_row(one) for one in answer.figures])
    else:
        line("  none is known")
        note("error-cli diagnose says why")


def _sensor(sensor: recovery_pb2.Diagnostic) -> list[Cell]:
    return [sensor.name, Styled(sensor.standing, _STANDING_STYLES.get(sensor.standing, "")), sensor.says]


def _row(figure: view_pb2.HostFigure) -> list[Cell]:
    is_in = any(threshold.is_in for threshold in figure.thresholds)
    value = _said(figure.value, figure.unit) if figure.HasField("value") else "-"
    return [figure.name, Styled(value, "red" if is_in else ""), _fault_from(figure), _curve(figure)]


def _fault_from(figure: view_pb2.HostFigure) -> str:
    return ", ".join(f"{'≤ ' if one.is_below else ''}{_said(one.enter, figure.unit)}" for one in figure.thresholds)


def _curve(figure: view_pb2.HostFigure) -> str:
    """Up to the first threshold, or where there is none to the largest."""
    above = [threshold.enter for threshold in figure.thresholds if not threshold.is_below]
    return bars(figure.values, max(_largest(figure.values), min(above, default=0.0)))


def _largest(numbers: Sequence[float]) -> float:
    return max((number for number in numbers if number < inf), default=0.0)


def _said(number: float, unit: str) -> str:
    if unit == "ratio":
        return percent(number)
    if unit == "s":
        return duration(number) if number > 0 else f"{number:g} s"
    return f"{number:,.6g}{_SIGNS.get(unit, ' ' + unit if unit else '')}"
