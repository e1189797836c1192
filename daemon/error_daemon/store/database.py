"""An open DuckDB file: how it is written and asked. Used in the writer's process only.

A batch is one transaction. The rows of each table come as the text of one JSON array, and DuckDB parses it (strictly: a
value that does not fit its column is an error, not a null). When DuckDB refuses the content of a batch, the rows at fault
are found by halving, appended to `<file>.refused` as lines of JSON (up to 16 MiB of them), and all others are written.
Anything else that goes wrong leaves the file as it was and is worth another try.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from error_daemon.store.queries import QUERIES
from error_daemon.store.schema import TABLES, Table

# What DuckDB raises because of what a row holds, and not because of the state of the world.
_CONTENT = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)
# After these the connection answers nothing any more.
_FATAL = (duckdb.FatalException, duckdb.InternalError)
_REFUSED_FILE_BYTES = 16 << 20
_ROWS_A_CHUNK = 100


@dataclass(frozen=True, slots=True)
class RefusedRow:
    table: str
    problem: str
    row: str  # JSON text


class Database:
    """An open file. Writes happen on one thread; each reader has a cursor of its own."""

    def __init__(self, path: str, connection: duckdb.DuckDBPyConnection) -> None:
        self._path = path
        self._connection = connection
        for table in TABLES:  # the first use of a function takes longer: not in the first commit
            self._connection.execute(_insert(TABLES[table]), ["[]"])

    def commit(self, arrays: Mapping[str, str]) -> list[RefusedRow]:
        """Write all rows in one transaction, except those returned. Raises duckdb.Error: nothing was changed."""
        try:
            self._write(arrays)
        except _CONTENT:
            refused = [row for table, text in arrays.items() for row in self._refused_of(table, text)]
            if not refused:
                raise
            self._set_aside(refused)
            bad = {(row.table, row.row) for row in refused}
            self._write({table: _without(table, text, bad) for table, text in arrays.items()})
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

    def _write(self, arrays: Mapping[str, str]) -> None:
        self._connection.begin()
        try:
            for table, text in arrays.items():
                self._connection.execute(_insert(TABLES[table]), [text])
            self._connection.commit()
        except duckdb.Error:
            self._undo()
            raise

    def _undo(self) -> None:
        with suppress(duckdb.Error):  # there may be no transaction any more; the error that led here tells the story
            self._connection.rollback()

    def _refused_of(self, table: str, text: str) -> Iterator[RefusedRow]:
        """The rows of a table that DuckDB does not take, found by halving; nothing is written."""
        waiting = [json.loads(text)]
        while waiting:
            rows = waiting.pop()
            problem = self._problem_with(table, json.dumps(rows))
            if problem and len(rows) == 1:
                yield RefusedRow(table, problem, json.dumps(rows[0]))
            elif problem:
                half = len(rows) // 2
                waiting += [rows[half:], rows[:half]]

    def _problem_with(self, table: str, text: str) -> str:
        self._connection.begin()
        try:
            self._connection.execute(_insert(TABLES[table]), [text])
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
                file.write(f'{{"table":"{row.table}","problem":{json.dumps(row.problem)},"row":{row.row}}}\n')


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


def _insert(table: Table) -> str:
    """The statement that writes an array of rows, given as $1. Timestamps come as seconds."""
    types = {name: "DOUBLE" if kind == "TIMESTAMP" else kind for name, kind in table.columns.items()}
    values = (
        f'make_timestamp(CAST(round("{name}" * 1e6) AS BIGINT))' if kind == "TIMESTAMP" else f'"{name}"'
        for name, kind in table.columns.items()
    )
    names = ", ".join(f'"{name}"' for name in table.columns)
    rows = f"unnest(from_json_strict($1::JSON, '[{json.dumps(types)}]'), recursive := true)"
    return f"INSERT OR REPLACE INTO {table.name} ({names}) SELECT {', '.join(values)} FROM (SELECT {rows})"


def _without(table: str, text: str, bad: set[tuple[str, str]]) -> str:
    return json.dumps([row for row in json.loads(text) if (table, json.dumps(row)) not in bad])
