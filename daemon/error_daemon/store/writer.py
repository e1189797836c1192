"""The store's writer: a process of its own that has the DuckDB file open and does what the daemon asks (frames.py).

    python -m error_daemon.store.writer --fd N --path FILE [--lock-wait SECONDS] [--begin-anew]

Started by the daemon (process.py) with one end of a socket pair as descriptor N. Three threads: the first reads the socket
and hands messages on, one writes, one answers queries on a cursor of its own, so that a long query holds up no commit.

Signals: SIGINT and SIGTERM are ignored, because they are sent to the whole group or unit and the daemon still has rows to
write; the daemon ends the writer by closing the socket, its death does the same. Exit codes: 0 ended when the daemon closed
the socket · 3 the file could not be opened (a `shut` message said why) · 70 a bug, with a traceback on standard error.
Files: FILE, FILE.wal, FILE.refused, and what was put aside as *.damaged-<n>.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import duckdb

from error_daemon.store.database import Database, Reader, is_fatal
from error_daemon.store.datafile import Shut, open_connection
from error_daemon.store.frames import Unpacker, pack_message, parse_message
from error_daemon.store.rows import unpack_rows

_SHUT = 3
_BUG = 70
_READ_BYTES = 1 << 18
_SHOWN_CHARACTERS = 300

Message = dict[str, Any]
Work = queue.SimpleQueue["partial[None] | None"]


class Link:
    """The writer's end of the socket pair. Any thread may send."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """A daemon that is gone is not told anything; the reading thread sees the end of the stream."""
        data = pack_message(message)
        try:
            with self._sending:
                self._connection.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            return

    def frames(self) -> Iterator[bytes]:
        """All frames until the daemon closes its end."""
        unpacker = Unpacker()
        while True:
            try:
                data = self._connection.recv(_READ_BYTES)
            except ConnectionResetError:
                return
            if not data:
                return
            unpacker.feed(data)
            yield from unpacker.frames()


def serve(link: Link, database: Database) -> None:
    """Do what the daemon asks until it closes its end, then finish what is in hand."""
    writing: Work = queue.SimpleQueue()
    asking: Work = queue.SimpleQueue()
    threads = [_start_thread("commits", writing), _start_thread("queries", asking)]
    reader = database.reader()
    frames = link.frames()
    for frame in frames:
        message = parse_message(frame)
        kind = message["kind"]
        if kind == "batch":
            packed = list(islice(frames, len(message["tables"])))
            if len(packed) < len(message["tables"]):
                break  # the daemon died while it was sending: it will send all of it again
            writing.put(partial(_commit, link, database, message, packed))
        elif kind == "forget":
            writing.put(partial(_forget, link, database, message))
        elif kind == "query":
            asking.put(partial(_query, link, reader, message))
    reader.interrupt()
    for work, thread in zip((writing, asking), threads, strict=True):
        work.put(None)
        thread.join()


def _start_thread(name: str, work: Work) -> threading.Thread:
    def run() -> None:
        try:
            while (task := work.get()) is not None:
                task()
        except BaseException:  # noqa: BLE001  a thread that ends alone would leave a process that answers nothing
            traceback.print_exc()
            os._exit(_BUG)

    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def _commit(link: Link, database: Database, message: Message, packed: Sequence[bytes]) -> None:
    rows = {table: unpack_rows(table, one) for table, one in zip(message["tables"], packed, strict=True)}
    try:
        refused = database.commit(rows)
    except (duckdb.Error, OSError) as error:
        link.send(_failed(message, error))
        return
    told = [{"table": row.table, "problem": row.problem, "row": row.text()[:_SHOWN_CHARACTERS]} for row in refused]
    link.send({"kind": "done", "id": message["id"], "refused": told})


def _forget(link: Link, database: Database, message: Message) -> None:
    try:
        rows = database.forget(message["error_type"], message["strategy_id"])
    except duckdb.Error as error:
        link.send(_failed(message, error))
        return
    link.send({"kind": "done", "id": message["id"], "rows": rows})


def _query(link: Link, reader: Reader, message: Message) -> None:
    try:
        for rows in reader.query(message["name"], message["params"]):
            link.send({"kind": "rows", "id": message["id"], "rows": rows, "more": True})
    except duckdb.Error as error:
        link.send(_failed(message, error))
        return
    link.send({"kind": "rows", "id": message["id"], "rows": [], "more": False})


def _failed(message: Message, error: duckdb.Error | OSError) -> Message:
    fatal = isinstance(error, duckdb.Error) and is_fatal(error)
    return {"kind": "failed", "id": message["id"], "problem": str(error), "fatal": fatal}


def main(arguments: Sequence[str] | None = None) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parser = argparse.ArgumentParser(prog="error_daemon.store.writer")
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--path", required=True)
    parser.add_argument("--lock-wait", type=float, default=5.0)
    parser.add_argument("--begin-anew", action="store_true")
    options = parser.parse_args(arguments)
    with socket.socket(fileno=options.fd) as connection:
        link = Link(connection)
        try:
            opened, problems = open_connection(options.path, options.lock_wait, options.begin_anew)
        except Shut as shut:
            link.send({"kind": "shut", "problem": shut.problem, "mend": shut.mend, "forever": shut.forever})
            return _SHUT
        database = Database(options.path, opened)
        link.send({"kind": "ready", "problems": problems})
        serve(link, database)
        database.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
