"""A row as the record has it, whichever way it was given to the store."""

from __future__ import annotations

from error_daemon.model import Json
from error_daemon.ports import Row
from error_daemon.store.rows import pack_row, pack_rows, pack_values, unpack_rows
from error_daemon.store.schema import TABLES


def named_row(table: str, row: Row) -> dict[str, Json]:
    """Every column by its name, documents with theirs."""
    found = TABLES[table]
    packed = pack_values(found, row) if isinstance(row, tuple) else pack_row(found, row)
    (values,) = unpack_rows(table, pack_rows([packed]))
    return dict(zip(found.names, values, strict=True))
