"""The DuckDB file: how it is opened, written and asked. Used in the writer's process only.

Opening ends in one of three ways.

    open     perhaps after a damaged file was put aside: file and write-ahead log are renamed to `<name>.damaged-<n>`,
             nothing of them is deleted, and a new file is begun
    Shut, forever      an operator has to act: another process holds the file, a newer program wrote it, no permission.
             Nothing is renamed then: the file is fine
    Shut, for now      the disk is full, memory or file descriptors ran out

A batch is one transaction. The rows of each table come as the text of one JSON array, and DuckDB parses it (strictly: a
value that does not fit its column is an error, not a null). When DuckDB refuses the content of a batch, the rows at fault
are found by halving, appended to `<file>.refused` as lines of JSON, and all others are written. Anything else that goes
wrong leaves the file as it was and is worth another try.
"""

from __future__ import annotations

import errno
import fcntl
import glob
import json
import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import duckdb

from error_daemon.errors import ErrorRecoveryError
from error_daemon.store.queries import QUERIES
from error_daemon.store.schema import MIGRATIONS, NEWEST, TABLES, Table

# What DuckDB raises because of what a row holds, and not because of the state of the world.
_CONTENT = (duckdb.DataError, duckdb.IntegrityError, duckdb.ProgrammingError, duckdb.NotSupportedError)
# After these the connection answers nothing any more.
_FATAL = (duckdb.FatalException, duckdb.InternalError)
# With these the file could not be looked at, which says nothing about what is in it.
_SURROUNDINGS = (
    *(errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE),
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO),
)
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,  # never reach for the network: JSON is built in
    "autoload_known_extensions": False,
    "enable_external_access": False,
    "threads": 1,  # a commit has little to share out, and the other cores are for recoveries
    "memory_limit": "1GB",
}
_LOCK_POLL_S = 0.05
_REFUSED_FILE_BYTES = 16 << 20
_ROWS_A_CHUNK = 100


class Shut(ErrorRecoveryError):
    """The file can't be opened. `forever`: not before a person did what `mend` says."""

    def __init__(self, problem: str, mend: str = "", *, forever: bool) -> None:
        self.problem, self.mend, self.forever = problem, mend, forever
        super().__init__(problem)


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


def open_database(path: str, lock_wait_s: float, begin_anew: bool = False) -> tuple[Database, list[str]]:
    """Open the file, or begin it, and bring its schema up to date. Returns what people must be told beside it.

    A file that another process holds is waited for `lock_wait_s`: the writer of a daemon that was killed needs a moment
    to end. `begin_anew` puts a file aside unseen. Raises Shut.
    """
    _check_access(path)
    problems = []
    if begin_anew and os.path.exists(path):
        problems.append(_put_aside(path, "opening it makes DuckDB crash"))
    try:
        connection = _connect(path, lock_wait_s)
    except duckdb.Error as error:
        problems.append(_put_aside(path, str(error).splitlines()[0]))
        connection = _connect_new(path)
    try:
        _migrate(path, connection)
        return Database(path, connection), problems
    except duckdb.Error as error:
        connection.close()
        forever = isinstance(error, _CONTENT)
        raise Shut(f"{path}: its tables can't be brought up to date: {error}", forever=forever) from error
    except Shut:
        connection.close()
        raise


def _connect(path: str, lock_wait_s: float) -> duckdb.DuckDBPyConnection:
    """Raises duckdb.Error when the file is damaged, and Shut for everything else that can be wrong."""
    until = time.perf_counter() + lock_wait_s
    while True:
        try:
            return duckdb.connect(path, config=_CONFIG)
        except duckdb.Error as error:
            problem = str(error)
            if not _is_locked(path):
                _raise_if_not_damaged(path, error)
                raise
        if time.perf_counter() >= until:
            raise Shut(f"{path}: another process has it open: {problem}", "end that process first", forever=True)
        time.sleep(_LOCK_POLL_S)


def _connect_new(path: str) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(path, config=_CONFIG)
    except duckdb.Error as error:
        raise Shut(f"{path}: a new file can't be begun: {error}", forever=False) from error


def _raise_if_not_damaged(path: str, error: duckdb.Error) -> None:
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) or any(os.strerror(n) in text for n in _SURROUNDINGS):
        raise Shut(f"{path}: {text}", forever=False) from error
    if re.search(r"version number \d+", text):
        mend = "install the DuckDB that wrote it, or move the file away"
        raise Shut(f"{path}: written by another version of DuckDB: {text}", mend, forever=True) from error


def _check_access(path: str) -> None:
    folder = os.path.dirname(os.path.abspath(path))
    if not os.path.isdir(folder):
        raise Shut(f"{path}: there is no directory {folder}", "create it", forever=True)
    if not os.path.lexists(path):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise Shut(f"{path}: {folder} can't be written", "give this user the permission", forever=True)
        return
    if not os.path.isfile(path):
        raise Shut(f"{path}: is not a file", "move it away", forever=True)
    if not os.access(path, os.R_OK | os.W_OK):
        raise Shut(f"{path}: can't be read and written", "give this user the permission", forever=True)


def _is_locked(path: str) -> bool:
    """Another process has it open. Asked with the kind of lock that DuckDB takes, instead of by the text of its error:
    a file in use must never be renamed."""
    try:
        with open(path, "r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES)
    return False


def _put_aside(path: str, why: str) -> str:
    """Rename the file and its log; what to tell people. The log goes first: a log alone would be replayed into a new file."""
    n = 1
    while glob.glob(f"{glob.escape(path)}*.damaged-{n}"):
        n += 1
    logs = [name for name in glob.glob(f"{glob.escape(path)}.wal*") if ".damaged-" not in name]
    aside = [*logs, path] if os.path.exists(path) else logs
    for name in aside:
        os.rename(name, f"{name}.damaged-{n}")
    return f"the record {path} was damaged and has been put aside as {path}.damaged-{n}; a new one was begun ({why})"


def _migrate(path: str, connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_migrations (number INTEGER PRIMARY KEY, name VARCHAR, applied_at TIMESTAMP)"
    )
    row = connection.execute("SELECT coalesce(max(number), 0) FROM schema_migrations").fetchone()
    present = row[0] if row else 0
    if present > NEWEST:
        raise Shut(
            f"{path}: has schema {present}, and this program knows schemas up to {NEWEST}",
            "a newer error-recovery wrote it: install that version again, or move the file away",
            forever=True,
        )
    for migration in MIGRATIONS[present:]:
        connection.begin()
        for statement in migration.statements:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO schema_migrations VALUES ($1, $2, now() AT TIME ZONE 'UTC')", [migration.number, migration.name]
        )
        connection.commit()


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
