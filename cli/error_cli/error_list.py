"""Errors as a table: one line each, and on a terminal that is too narrow for that, or where one waits, their texts beneath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from error_cli.lines import Cell, Styled, on_terminal
from error_cli.phrase import ago
from error_cli.tables import Column, stacked, table
from error_cli.waiting import answer, waits
from error_cli.words import SEVERITIES, SEVERITY_STYLES, STATUS_STYLES, STATUSES, TYPES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column("ERROR"),
    Column("STATUS", beneath=True),
    Column("STATE"),
    Column("SEVERITY"),
    Column("TYPE"),
    Column("LEVEL", right=True),
    Column("COUNT", right=True),
    Column("LAST", right=True),
    Column("COMPONENT", beneath=True),
    Column("TARGET", beneath=True),
    Column("MESSAGE", flexible=True, beneath=True),
)


def print_errors(errors: Sequence[recovery_pb2.Error]) -> None:
    rows, below = [_row(error) for error in errors], [list(_beneath(error)) for error in errors]
    if on_terminal() and any(map(waits, errors)):
        stacked(_COLUMNS, rows, below)
    else:
        table(_COLUMNS, rows, below)


def _row(error: recovery_pb2.Error) -> list[Cell]:
    status, severity = word(STATUSES, error.status), word(SEVERITIES, error.severity)
    style = STATUS_STYLES.get(status, "")
    waiting = waits(error)
    return [
        error.error_id,
        Styled(status, style),
        Styled(error.state + (" (flapping)" if error.flapping else ""), style),
        Styled(severity, SEVERITY_STYLES.get(severity, "")),
        word(TYPES, error.type),
        str(error.level or "-"),
        f"{error.count:,}",
        Styled(ago(error.last_at), "dim"),
        error.component,
        error.target,
        f"{error.message} | {waiting}" if waiting else error.message,
    ]


def _beneath(error: recovery_pb2.Error) -> Iterator[Cell]:
    where = " → ".join(part for part in (error.component, error.target) if part)
    yield ": ".join(part for part in (where, error.message) if part)
    yield Styled(waits(error), "yellow")
    yield Styled(answer(error), "yellow")
