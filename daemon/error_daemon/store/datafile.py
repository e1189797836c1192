"""The DuckDB file: how it is opened, begun, put aside and brought up to date. Used in the writer's process only.

Opening ends in one of three ways.

    open               perhaps after a damaged file was put aside: file and write-ahead log are renamed to
                       `<name>.damaged-<n>`, nothing of them is deleted, and a new file is begun
    Shut, forever      an operator has to act: another process holds the file, a newer program wrote it, no permission.
                       Nothing is renamed then: the file is fine
    Shut, for now      the disk is full, memory or file descriptors ran out
"""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import time

import duckdb

from error_daemon.errors import ErrorRecoveryError
from error_daemon.store.schema import MIGRATIONS, NEWEST

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


class Shut(ErrorRecoveryError):
    """The file can't be opened. `forever`: not before a person did what `mend` says."""

    def __init__(self, problem: str, mend: str = "", *, forever: bool) -> None:
        self.problem, self.mend, self.forever = problem, mend, forever
        super().__init__(problem)


def open_connection(
    path: str, lock_wait_s: float, begin_anew: bool = False
) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """Open the file, or begin it, and bring its schema up to date. Returns what people must be told beside it.

    A file that another process holds is waited for `lock_wait_s`: the writer of a daemon that was killed needs a moment
    to end. `begin_anew` puts a file aside unseen. Raises Shut.
    """
    _check_access(path)
    problems = []
    if begin_anew and os.path.exists(path) and not _is_locked(path):
        problems.append(_put_aside(path, "opening it makes DuckDB crash"))
    try:
        connection = _connect(path, lock_wait_s)
    except duckdb.Error as error:
        problems.append(_put_aside(path, str(error).splitlines()[0]))
        connection = _connect_new(path)
    try:
        _migrate(path, connection)
        return connection, problems
    except duckdb.Error as error:
        connection.close()
        forever = isinstance(error, duckdb.ProgrammingError)
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
            "INSERT INTO schema_migrations VALUES ($1, $2, now() AT TIME ZONE 'UTC')",
            [migration.number, migration.name],
        )
        connection.commit()
