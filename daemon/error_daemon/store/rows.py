"""Rows on their way from the daemon to the store's writer.

A row goes as its values in the order of the table's columns, written by `marshal`: nothing in Python makes bytes of plain values sooner, or
values of bytes. It is meant for one interpreter and one version of it, and for bytes that can be trusted: both ends of the private socket
pair are the same program, and nothing written so is ever kept.

What is recorded of every fault is made by the daemon as such a tuple, with documents that are tuples too (documents.py): names cost it more
than all the rest. Rarer rows are mappings.
"""

from __future__ import annotations

import json
import marshal
from collections.abc import Iterable, Mapping
from typing import Any

from error_daemon.errors import InputError
from error_daemon.model import Json
from error_daemon.store.documents import DOCUMENTS, Shape
from error_daemon.store.schema import Table

Values = tuple[Json, ...]
Key = str | tuple[str, ...]  # of a row: of several columns a tuple
_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack_values(table: Table, values: Values) -> bytes:
    """Of all columns, in their order; the first is the key. They are not looked at beyond what cannot be packed: InputError."""
    try:
        return marshal.dumps(values)
    except ValueError as error:
        raise InputError(table.name, f"not a row of plain values: {error}") from None


def pack_row(table: Table, row: Mapping[str, Json]) -> bytes:
    """Columns that it leaves out are null. Raises InputError for a column that the table does not have, and for a number in a column of
    its own that is none (NaN, infinity). Values are not looked at beyond that: what is none of JSON may be refused here, or by the
    database, which sets the row aside, or be written as what is nearest to it."""
    if type(row) is not dict or tuple(row) != table.names:
        row = _completed(table, row)
    values = tuple(row.values())
    for place in table.numbers:
        number = values[place]
        if type(number) is float and number - number != 0.0:
            raise InputError(f"{table.name}.{table.names[place]}", f"must be a finite number, not {number}")
    try:
        return marshal.dumps(values)
    except ValueError:
        return marshal.dumps(tuple([_plain(table, column, value) for column, value in row.items()]))


def pack_rows(rows: Iterable[bytes]) -> bytes:
    return marshal.dumps(list(rows))


def unpack_rows(table: str, packed: bytes) -> list[Values]:
    """With their documents as they are to be written."""
    rows: list[Values] = [marshal.loads(row) for row in marshal.loads(packed)]
    shape = DOCUMENTS.get(table)
    return rows if shape is None else [_with_names(shape, row) for row in rows]


def _with_names(shape: Shape, row: Values) -> Values:
    document = row[-1]
    return (*row[:-1], shape.named(document)) if type(document) is tuple else row


def _completed(table: Table, row: Mapping[str, Json]) -> dict[str, Json]:
    """With null for the columns that it leaves out."""
    unknown = row.keys() - table.columns.keys()
    if unknown:
        raise InputError(f"{table.name}.{min(unknown)}", "the record has no such column")
    return {**dict.fromkeys(table.columns), **row}


def _plain(table: Table, column: str, value: Json) -> Any:
    """What is a value of JSON, but of a kind of its own (the member of an enum), as a plain one."""
    try:
        return json.loads(_encode(value))
    except (TypeError, ValueError) as error:
        raise InputError(f"{table.name}.{column}", f"not a value of JSON: {error}") from None
