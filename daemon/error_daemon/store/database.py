"""An open DuckDB file: how it is written and asked. Used in the writer's process only.

A batch is one transaction, with one statement for each table, which gets a list of values for each column: that takes two
thirds of the time of a JSON text of all rows, and far less than `executemany`. A value that cannot be made one of its column's
type is an error, not a null; in a document NaN and infinity are null. When DuckDB refuses the content of a batch, the rows at
fault are found by halving, appended to `<file>.refused` as lines of JSON (up to 16 MiB of them), and all others are written.
Anything else that goes wrong leaves the file as it was and is worth another try.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb
from pydantic_core import to_json

from error_daemon.model import Json
from error_daemon.store.queries import QUERIES
from error_daemon.store.rows import Values
from error_daemon.store.schema import TABLES, Table

# What is raised because of what a row holds, and not because of the state of the world; ValueError: a text that is not Unicode;
# TypeError: a value of no kind that is known there.
_CONTENT = (
    duckdb.DataError,
    duckdb.IntegrityError,
    duckdb.ProgrammingError,
    duckdb.NotSupportedError,
    ValueError,
    TypeError,
)
# After these the connection answers nothing any more.
_FATAL = (duckdb.FatalException, duckdb.InternalError)
_REFUSED_FILE_BYTES = 16 << 20
_ROWS_A_CHUNK = 100


@dataclass(frozen=True, slots=True)
class RefusedRow:
    table: str
    problem: str
    values: Values

    def text(self) -> str:
        """The row as JSON; what is none of that, as Python writes it."""
        return json.dumps(dict(zip(TABLES[self.table].names, self.values, strict=True)), default=repr, skipkeys=True)


class Database:
    """An open file. Writes happen on one thread; each reader has a cursor of its own."""

    def __init__(self, path: str, connection: duckdb.DuckDBPyConnection) -> None:
        self._path = path
        self._connection = connection
        for table in TABLES:  # the first use of a function takes longer: not in the first commit
            self._insert(table, [])

    def commit(self, batch: Mapping[str, Sequence[Values]]) -> list[RefusedRow]:
        """Write all rows in one transaction, except those returned. Raises duckdb.Error: nothing was changed."""
        try:
            self._write(batch)
        except _CONTENT:
            refused = [row for table, rows in batch.items() for row in self._refused_of(table, rows)]
            if not refused:
                raise
            self._set_aside(refused)
            bad = {id(row.values) for row in refused}
            self._write({table: [row for row in rows if id(row) not in bad] for table, rows in batch.items()})
            return refused
        return []

    def forget(self, error_type: str | None, strategy_id: str | None) -> int:
        """Delete learned rows; how many. Raises duckdb.Error: nothing was changed."""
        parameters = {"error_type": error_type, "strategy_id": strategy_id}
        deleted = 0
        self._connection.begin()
        try:
            for table in ("strategy_scores", "adaptive_timeouts"):
                self._connection.execute(
                    f"DELETE FROM {table} WHERE ($error_type IS NULL OR error_type = $error_type)"
                    " AND ($strategy_id IS NULL OR strategy_id = $strategy_id)",
                    parameters,
                )
                count = self._connection.fetchone()
                deleted += count[0] if count else 0
            self._connection.commit()
        except duckdb.Error:
            self._undo()
            raise
        return deleted

    def reader(self) -> Reader:
        return Reader(self._connection.cursor())

    def close(self) -> None:
        self._connection.close()

    def _write(self, batch: Mapping[str, Sequence[Values]]) -> None:
        self._connection.begin()
        try:
            for table, rows in batch.items():
                self._insert(table, rows)
            self._connection.commit()
        except BaseException:
            self._undo()
            raise

    def _insert(self, table: str, rows: Sequence[Values]) -> None:
        self._connection.execute(_statement(table), _columns(TABLES[table], rows))

    def _undo(self) -> None:
        with suppress(duckdb.Error):  # there may be no transaction any more; the error that led here tells the story
            self._connection.rollback()

    def _refused_of(self, table: str, rows: Sequence[Values]) -> Iterator[RefusedRow]:
        """The rows of a table that DuckDB does not take, found by halving; nothing is written."""
        waiting = [rows]
        while waiting:
            rows = waiting.pop()
            problem = self._problem_with(table, rows)
            if problem and len(rows) == 1:
                yield RefusedRow(table, problem, rows[0])
            elif problem:
                half = len(rows) // 2
                waiting += [rows[half:], rows[:half]]

    def _problem_with(self, table: str, rows: Sequence[Values]) -> str:
        self._connection.begin()
        try:
            self._insert(table, rows)
        except _CONTENT as error:
            return str(error).splitlines()[0]
        finally:
            self._undo()
        return ""

    def _set_aside(self, refused: list[RefusedRow]) -> None:
        path = f"{self._path}.refused"
        with open(path, "a", encoding="ascii") as file:
            for row in refused:
                if file.tell() >= _REFUSED_FILE_BYTES:
                    break
                file.write(f'{{"table":"{row.table}","problem":{json.dumps(row.problem)},"row":{row.text()}}}\n')


class Reader:
    """Answers named queries, beside the writing."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def interrupt(self) -> None:
        """End the query that is running; from another thread."""
        self._cursor.interrupt()

    def query(self, name: str, parameters: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
        """The rows in chunks that are quick to send, JSON columns parsed. Raises duckdb.Error."""
        self._cursor.execute(QUERIES[name].sql, dict(parameters))
        columns = [(column[0], str(column[1]) == "JSON") for column in self._cursor.description or ()]
        while rows := self._cursor.fetchmany(_ROWS_A_CHUNK):
            yield [
                {
                    name: json.loads(value) if is_json and value is not None else value
                    for (name, is_json), value in zip(columns, row, strict=True)
                }
                for row in rows
            ]


def is_fatal(error: duckdb.Error) -> bool:
    """The connection is of no use after this."""
    return isinstance(error, _FATAL) or "database has been invalidated" in str(error)


@cache
def _statement(name: str) -> str:
    """Writes rows, given as a list for each column. Timestamps come as seconds."""
    table = TABLES[name]
    names = ", ".join(f'"{column}"' for column in table.columns)
    values = ", ".join(_value(place, kind) for place, kind in enumerate(table.columns.values(), start=1))
    return f"INSERT OR REPLACE INTO {name} ({names}) SELECT {values}"


def _value(place: int, kind: str) -> str:
    if kind == "TIMESTAMP":
        return f"make_timestamp(CAST(round(unnest(${place}::DOUBLE[]) * 1e6) AS BIGINT))"
    return f"unnest(${place}::{kind}[])"


def _columns(table: Table, rows: Sequence[Values]) -> list[list[Json]]:
    """A list of values for each column; those of JSON as text."""
    columns = [list(values) for values in zip(*rows, strict=True)] or [[] for _ in table.columns]
    return [
        [value if value is None else to_json(value, inf_nan_mode="null").decode() for value in values]
        if kind == "JSON"
        else values
        for values, kind in zip(columns, table.columns.values(), strict=True)
    ]
