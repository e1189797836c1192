"""What hooks still have to send, in a file that survives `kill -9`: SQLite, in the state directory.

The outboxes have all of it in memory; this is their copy. A change is written in the turn of the loop in which it happens, in one
transaction for all changes of that turn. With a write-ahead log and `synchronous=NORMAL` a commit makes no call that waits for the disk:
it survives the death of the daemon, and after a loss of power the last moments may be missing, as with the ring. What does wait for the
disk (a checkpoint) is done by a thread.

Where the file cannot be written, hooks go on without, and `problem` says so. What was to be written then is in no later change, so the file
is behind from then on, and whoever owns the outboxes writes all that they have (`write_all`) until that is done once.

A file that is none, or that cannot be read further on (only the first page is read when it is opened), is put aside as `*.damaged`, and a
new one is begun; of what hooks had to send is there again what was read before. `problem` says so until the daemon ends.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from error_daemon.hooks.outbox import Changes
from error_daemon.model.hook import Delivery, HookEvent

FILE = "hooks.sqlite"
_VERSION = 1
_SCHEMA = """
CREATE TABLE deliveries (
    id TEXT PRIMARY KEY, hook TEXT NOT NULL, type TEXT NOT NULL, at REAL NOT NULL, error_id TEXT NOT NULL, root TEXT NOT NULL,
    body TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_at REAL NOT NULL, ended_at REAL NOT NULL,
    detail TEXT NOT NULL, events INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE told (number INTEGER PRIMARY KEY, hook TEXT NOT NULL, error_id TEXT NOT NULL, UNIQUE (hook, error_id));
"""
_KEEP = "INSERT OR REPLACE INTO deliveries VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"
_TELL = "INSERT OR IGNORE INTO told (hook, error_id) VALUES (?,?)"
_KEPT = "SELECT * FROM deliveries WHERE hook = ? ORDER BY at, id"
_TOLD = "SELECT error_id FROM told WHERE hook = ? ORDER BY number"
_PAGES_OF_LOG = 500  # of 4 KiB, before it is worth a checkpoint


class Shelf:
    """Belongs to the loop; only `checkpoint` may be called from another thread."""

    def __init__(self, directory: Path) -> None:
        self.is_behind = False
        """It misses what the outboxes have: `write_all` is due."""
        self._lost = ""
        self._failure = ""
        self._path = directory / FILE
        self._connection: sqlite3.Connection | None = None
        self._written = 0

    @property
    def problem(self) -> str:
        """What was lost, and why nothing is kept; empty where all is well."""
        return "; ".join(filter(None, (self._lost, self._failure)))

    def open(self) -> None:
        """Does not raise: where that is not possible nothing is kept, and `problem` says why."""
        try:
            self._connection = _opened(self._path)
        except (sqlite3.Error, OSError) as error:
            if _is_damage(error):
                self._begin_anew(error)
            else:
                self._failure = f"{self._path} cannot be opened: {error}: what hooks have to send is in memory only"

    def _begin_anew(self, why: Exception) -> None:
        self.close()
        try:
            aside = self._put_aside()
            self._connection = _opened(self._path)
        except (sqlite3.Error, OSError) as error:
            self._failure = f"{self._path} is damaged ({why}) and cannot be put aside: {error}: nothing is kept"
            return
        self.is_behind = True
        self._lost = (
            f"{self._path} was damaged ({why}) and was put aside as {aside.name}: what was not read of it is lost"
        )

    def _put_aside(self) -> Path:
        """With its log, in which the last of it may be."""
        aside = self._path.with_suffix(".damaged")
        self._path.replace(aside)
        for end in ("-wal", "-shm"):
            aside.with_name(aside.name + end).unlink(missing_ok=True)
            with suppress(FileNotFoundError):
                self._path.with_name(self._path.name + end).replace(aside.with_name(aside.name + end))
        return aside

    def close(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None

    # --- back

    def kept(self, hook: str) -> tuple[list[Delivery], list[str]]:
        """The deliveries of a hook, in the order of their events, and the errors that it was told of, in theirs. Does not raise: of a file
        that is damaged it is what could be read."""
        deliveries: list[Delivery] = []
        told: list[str] = []
        if self._connection is not None:
            try:
                rows = self._connection.execute(_KEPT, (hook,))
                deliveries.extend(_delivery(row) for row in rows)  # and up to one that is none
                told.extend(error_id for (error_id,) in self._connection.execute(_TOLD, (hook,)))
            except (sqlite3.Error, ValueError) as error:
                self._begin_anew(error)
        return deliveries, told

    # --- written

    def write(self, changes: Mapping[str, Changes]) -> None:
        """By hook. Does not raise."""

        def write(connection: sqlite3.Connection) -> None:
            for hook, one in changes.items():
                _write(connection, hook, one)

        self._do(write)
        self._written += sum(len(one.kept) + len(one.gone) for one in changes.values())

    def write_all(self, everything: Mapping[str, Changes]) -> None:
        """By hook all that its outbox has, in the place of what is there. Does not raise."""

        def write(connection: sqlite3.Connection) -> None:
            for table in ("deliveries", "told"):
                connection.execute(f"DELETE FROM {table}")
            for hook, one in everything.items():
                _write(connection, hook, one)

        if self._do(write):
            self.is_behind, self._failure = False, ""
        self._written += sum(len(one.kept) for one in everything.values())

    def forget_others(self, hooks: Iterable[str]) -> None:
        """Nothing is kept for a hook that is not defined any more."""
        known = list(hooks)
        marks = ",".join("?" * len(known))

        def forget(connection: sqlite3.Connection) -> None:
            for table in ("deliveries", "told"):
                connection.execute(f"DELETE FROM {table} WHERE hook NOT IN ({marks})", known)

        self._do(forget)

    def _do(self, work: Callable[[sqlite3.Connection], None]) -> bool:
        """Whether it is done."""
        connection = self._connection
        if connection is None:
            return False
        try:
            with connection:
                connection.execute("BEGIN")
                work(connection)
        except sqlite3.Error as error:
            self.is_behind = True
            if _is_damage(error):
                self._begin_anew(error)
            else:
                self._failure = f"{self._path} cannot be written: {error}: what hooks have to send is in memory only"
            return False
        return True

    @property
    def is_due_for_checkpoint(self) -> bool:
        return self._written > _PAGES_OF_LOG

    def checkpoint(self) -> None:
        """Move what was written from the log into the file. In a thread: it waits for the disk."""
        self._written = 0
        with suppress(sqlite3.Error):
            connection = sqlite3.connect(self._path, timeout=0.0)
            try:
                connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()


def _is_damage(error: Exception) -> bool:
    """Its narrower classes are other things: a full disk, a file that somebody holds."""
    return type(error) is sqlite3.DatabaseError


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    try:
        path.chmod(0o600)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version={_VERSION}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _write(connection: sqlite3.Connection, hook: str, changes: Changes) -> None:
    connection.executemany("DELETE FROM deliveries WHERE id = ?", [(one,) for one in changes.gone])
    connection.executemany(_KEEP, [_row(one) for one in changes.kept.values()])
    connection.executemany(_TELL, [(hook, error_id) for error_id, is_told in changes.told.items() if is_told])
    over = [(hook, error_id) for error_id, is_told in changes.told.items() if not is_told]
    connection.executemany("DELETE FROM told WHERE hook = ? AND error_id = ?", over)


def _row(one: Delivery) -> tuple[object, ...]:
    event = one.event
    about = (one.delivery_id, one.hook, event.type, event.at, event.error_id, event.root)
    return (*about, event.text, one.state, one.attempts, one.due_at, one.ended_at, one.detail, one.events)


def _delivery(row: tuple[object, ...]) -> Delivery:
    """Raises ValueError for what was never written so."""
    (delivery_id, hook, kind, at, error_id, root, body, state, attempts, due_at, ended_at, detail, events) = row
    parsed = json.loads(body)  # type: ignore[arg-type]
    if state not in ("waiting", "dead", "sent") or not isinstance(parsed, dict):
        raise ValueError(f"the delivery {delivery_id} is none")
    event = HookEvent(kind, at, error_id, parsed, body, root)  # type: ignore[arg-type]
    return Delivery(delivery_id, hook, event, state, attempts, due_at, ended_at, detail, events)  # type: ignore[arg-type]
