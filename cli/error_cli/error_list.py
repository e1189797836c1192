"""Errors as a table: one line each, and on a terminal that is too narrow for that, or where one waits, their texts beneath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from error_cli.page import Cell, Column, Styled, fits, on_terminal, stacked, table
from error_cli.phrase import ago
from error_cli.waiting import answer, waits
from error_cli.words import SEVERITIES, SEVERITY_STYLES, STATUS_STYLES, STATUSES, TYPES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column("ERROR"),
    Column("STATUS"),
    Column("STATE"),
    Column("SEVERITY"),
    Column("TYPE"),
    Column("LEVEL", right=True),
    Column("COUNT", right=True),
    Column("LAST", right=True),
    Column("COMPONENT"),
    Column("TARGET"),
    Column("MESSAGE", flexible=True),
)
_SHORT = tuple(column for column in _COLUMNS if column.title not in ("STATUS", "COMPONENT", "TARGET", "MESSAGE"))


def print_errors(errors: Sequence[recovery_pb2.Error]) -> None:
    rows = [_row(error) for error in errors]
    if on_terminal() and rows and (any(map(waits, errors)) or not fits(_COLUMNS, rows)):
        stacked(_SHORT, [_short(error) for error in errors], [list(_beneath(error)) for error in errors])
    else:
        table(_COLUMNS, rows)


def _row(error: recovery_pb2.Error) -> list[Cell]:
    status = word(STATUSES, error.status)
    waiting = waits(error)
    return [
        error.error_id,
        Styled(status, STATUS_STYLES.get(status, "")),
        error.state + (" (flapping)" if error.flapping else ""),
        *_how_bad(error),
        error.component,
        error.target,
        f"{error.message} | {waiting}" if waiting else error.message,
    ]


def _how_bad(error: recovery_pb2.Error) -> list[Cell]:
    severity = word(SEVERITIES, error.severity)
    return [
        Styled(severity, SEVERITY_STYLES.get(severity, "")),
        word(TYPES, error.type),
        str(error.level or "-"),
        f"{error.count:,}",
        Styled(ago(error.last_at), "dim"),
    ]


def _short(error: recovery_pb2.Error) -> list[Cell]:
    status = word(STATUSES, error.status)
    state = error.state + (" (flapping)" if error.flapping else "")
    return [error.error_id, Styled(state, STATUS_STYLES.get(status, "")), *_how_bad(error)]


def _beneath(error: recovery_pb2.Error) -> Iterator[Cell]:
    where = " → ".join(part for part in (error.component, error.target) if part)
    yield ": ".join(part for part in (where, error.message) if part)
    yield Styled(waits(error), "yellow")
    yield Styled(answer(error), "yellow")
