"""The record, as the daemon sees it: rows are appended and forgotten about, a process of its own writes them.

`append` keeps a row in memory (backlog.py). A batch goes to the writer `batch_interval` after its first row, or at once
when it is full; one batch is on its way at a time, and when the writer says that it is in the file, `on_committed` is called
with the number of its last row. The numbers only grow.

What can go wrong, and what is done:

    the writer dies, or does not answer in time   it is killed and started again, after a delay that doubles with each
                                                  failure; the batch on its way is sent again (rows are idempotent)
    the disk is full, an I/O error                the rows are kept, and tried again after such a delay
    a row that DuckDB refuses                     it is set aside in a file, `on_problem` tells, all others are written;
                                                  its number counts as committed, because trying again is useless
    a damaged file                                put aside, `on_problem` tells, a new one is begun (database.py)
    a file that an operator has to see to         at `start`: ConfigError; later: as if the disk were full

Meanwhile `available` is False and `detail` says why. More than `waiting_rows` rows should not gather: the daemon watches
`rows_waiting()` and opens no more tickets. Those already open still have rows to write, so twice as many are kept before
`append` raises StoreUnavailable.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from error_daemon.errors import ConfigError, InvariantError, Problem, StoreUnavailable
from error_daemon.model import Json
from error_daemon.ports import OnCommitted
from error_daemon.settings import StoreSettings
from error_daemon.store.backlog import Backlog, Batch, Forgetting
from error_daemon.store.process import Message, WriterProcess
from error_daemon.store.queries import complete

_CRASHES = frozenset((-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE))
_CRASHES_THAT_CONDEMN = 3
_PROBLEMS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the writer is waited for, in seconds, before it is taken for hung (or the other's lock for a lasting one)."""

    open_s: float = 120.0  # a long write-ahead log is replayed at some 50 MB/s
    commit_s: float = 30.0
    query_s: float = 30.0
    lock_s: float = 5.0
    stop_s: float = 20.0
    first_delay_s: float = 0.1
    longest_delay_s: float = 10.0


class DuckStore:
    """ports.Store on a DuckDB file. Belongs to the loop that `start` runs on; no method may be called from other threads."""

    def __init__(
        self,
        path: str,
        settings: StoreSettings,
        on_committed: OnCommitted,
        on_problem: Callable[[str], None],
        patience: Patience = Patience(),
    ) -> None:
        """`on_problem` gets a sentence for the operator. Both callbacks run on the loop and must not raise."""
        self.available = False
        self.detail = "not started"
        self.rows_written = 0
        self._path = path
        self._interval_s = settings.batch_interval
        self._on_committed = on_committed
        self._on_problem = on_problem
        self._patience = patience
        self._backlog = Backlog(settings.batch_rows, 2 * settings.waiting_rows)
        self._some = asyncio.Event()  # the backlog is not empty, or stop was asked for
        self._hurry = asyncio.Event()  # its head is full, or stop was asked for
        self._stopping = asyncio.Event()
        self._writer: WriterProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0
        self._crashes = 0

    # --- the contract ---

    def append(self, table: str, row: Mapping[str, Json]) -> int:
        """See ports.Store. Raises InputError and StoreUnavailable as Backlog.append does."""
        number = self._backlog.append(table, row)
        self._some.set()
        if self._backlog.ripe:
            self._hurry.set()
        return number

    def rows_waiting(self) -> int:
        return self._backlog.rows

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]:
        """Rows of a named query; it sees what is in the file, and not what still waits. Raises StoreUnavailable."""
        parameters = complete(name, params)
        message = await self._answer({"kind": "query", "name": name, "params": parameters}, self._patience.query_s)
        rows: list[dict[str, Json]] = message["rows"]
        return rows

    async def forget(self, error_type: str | None, strategy_id: str | None) -> int:
        """Delete what was learned about this error type and strategy (None: any), including what was appended before and
        still waits; the number of rows deleted. Raises StoreUnavailable: perhaps deleted, say it again later."""
        if self._writer is None or not self.available or self._stopping.is_set():
            raise StoreUnavailable(self.detail)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._backlog.append_forgetting(Forgetting(error_type, strategy_id, done))
        self._some.set()
        self._hurry.set()
        return await done

    async def start(self) -> None:
        """Open the file. Returns when rows can be written, or when that failed for now and will be tried again; raises
        ConfigError when a person has to do something first."""
        if self._task is not None:
            raise InvariantError("a store is started once")
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(opened), name="store")
        try:
            await opened
        except ConfigError:
            await self._task
            raise

    async def stop(self) -> None:
        """Write what is queued, then close. Rows that can't be written in time are reported; the ring still has their faults."""
        if self._task is None:
            return
        self._stopping.set()
        self._some.set()
        self._hurry.set()
        await asyncio.wait([self._task], timeout=self._patience.stop_s)
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._backlog.rows:
            self._on_problem(f"{self._backlog.rows} rows of the record could not be written before the end: {self.detail}")
        self._unavailable("stopped")

    # --- the lives of the writer ---

    async def _run(self, opened: asyncio.Future[None]) -> None:
        while True:
            try:
                writer = await self._open()
                _settle(opened)
                await self._serve(writer)
            except StoreUnavailable as error:
                _settle(opened)
                await self._end_writer()
                self._lost(str(error))
            except ConfigError as error:
                await self._end_writer()
                if not opened.done():
                    opened.set_exception(error)
                    return
                self._lost(str(error))
            except BaseException:
                await self._end_writer(at_once=True)
                raise
            else:
                await self._end_writer()
                return
            if self._stopping.is_set():
                return  # nothing was answered: it will not be in the time that is left
            await self._pause()

    async def _open(self) -> WriterProcess:
        begin_anew = self._crashes >= _CRASHES_THAT_CONDEMN
        try:
            writer = self._writer = await WriterProcess.start(self._path, self._patience.lock_s, begin_anew)
        except OSError as error:
            raise StoreUnavailable(f"the store's writer can't be started: {error}") from error
        try:
            message = await _within(self._patience.open_s, writer.ready, "open the file")
        except StoreUnavailable:
            status = await writer.end(0 if not writer.ready.done() else self._patience.stop_s)
            self._crashes = self._crashes + 1 if status in _CRASHES else 0
            raise StoreUnavailable(f"the store's writer ended with status {status} while it opened {self._path}") from None
        if message["kind"] == "shut":
            self._crashes = 0
            if message["forever"]:
                raise ConfigError([Problem(self._path, 0, 0, message["problem"], message["mend"])])
            raise StoreUnavailable(message["problem"])
        self._crashes = 0
        self.available, self.detail = True, ""
        for problem in message["problems"]:
            self._on_problem(problem)
        return writer

    async def _end_writer(self, at_once: bool = False) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            await writer.end(0 if at_once else self._patience.stop_s)

    async def _pause(self) -> None:
        """Wait before the next try: twice as long after each failure in a row; not at all once stop is asked for."""
        delay_s = self._patience.first_delay_s * 2 ** min(self._failures - 1, 30)
        await asyncio.wait([self._stop_wait()], timeout=min(delay_s, self._patience.longest_delay_s))
