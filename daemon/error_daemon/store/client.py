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
from collections.abc import Callable, Mapping

from error_daemon.errors import ConfigError, InvariantError, StoreUnavailable, TransientError
from error_daemon.model import Json
from error_daemon.ports import OnCommitted, Row
from error_daemon.settings import StoreSettings
from error_daemon.store.backlog import Backlog, Batch, Forgetting
from error_daemon.store.opening import Opener, Patience
from error_daemon.store.process import Message, WriterProcess
from error_daemon.store.queries import complete
from error_daemon.store.waiting import settle, wait_for_event, within

_PATIENCE = Patience()
_REFUSALS_TOLD = 10
_MOST_QUERIES = 64  # that wait for the one thread which answers them
_QUERY_TAKES_S = 0.5
_FORGETTING_TAKES_S = 1.0


class DuckStore:
    """ports.Store on a DuckDB file. Belongs to the loop that `start` runs on; no method may be called from other threads."""

    def __init__(
        self,
        path: str,
        settings: StoreSettings,
        on_committed: OnCommitted,
        on_problem: Callable[[str], None],
        patience: Patience = _PATIENCE,
    ) -> None:
        """`on_problem` gets a sentence for the operator. Both callbacks run on the loop and must not raise."""
        self.available = False
        self.detail = "not started"
        self.rows_written = 0
        self._interval_s = settings.batch_interval
        self._on_committed = on_committed
        self._on_problem = on_problem
        self._patience = patience
        self._opener = Opener(path, patience)
        self._backlog = Backlog(settings.batch_rows, 2 * settings.waiting_rows)
        self._wake = asyncio.Event()  # rows came, a batch is full, the writer is lost, or stop was asked for
        self._stopping = asyncio.Event()
        self._writer: WriterProcess | None = None
        self._task: asyncio.Task[None] | None = None
        self._failures = 0  # in a row
        self._queries = 0

    # --- the contract ---

    def append(self, table: str, row: Row) -> int:
        """See ports.Store. Raises InputError and StoreUnavailable as Backlog.append does."""
        was_empty = not self._backlog.rows
        number = self._backlog.append(table, row)
        if was_empty or self._backlog.ripe:
            self._wake.set()
        return number

    def rows_waiting(self) -> int:
        return self._backlog.rows

    @property
    def writer_pid(self) -> int | None:
        """The process that has the file open; None while there is none."""
        return None if self._writer is None else self._writer.pid

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]:
        """Rows of a named query; it sees what is in the file, and not what still waits. Raises StoreUnavailable."""
        message = {"kind": "query", "name": name, "params": complete(name, params)}
        if self._writer is None:
            raise StoreUnavailable(self.detail)
        if self._queries >= _MOST_QUERIES:
            raise TransientError(f"{self._queries} queries are being answered already", _QUERY_TAKES_S)
        self._queries += 1
        try:
            answer = await within(self._patience.query_s, self._writer.ask(message), f"the query {name} took too long")
        finally:
            self._queries -= 1
        if answer["kind"] == "failed":
            raise StoreUnavailable(f"the query {name} failed: {answer['problem']}")
        rows: list[dict[str, Json]] = answer["rows"]
        return rows

    async def forget(self, error_type: str | None, strategy_id: str | None) -> int:
        """Delete what was learned about this error type and strategy (None: any), including what was appended before and
        still waits; the number of rows deleted. Raises StoreUnavailable: perhaps deleted, say it again later; TransientError
        while another is waiting."""
        if not self.available or self._stopping.is_set():
            raise StoreUnavailable(self.detail)
        if self._backlog.is_forgetting:
            raise TransientError("something is being forgotten already", _FORGETTING_TAKES_S)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._backlog.append_forgetting(Forgetting(error_type, strategy_id, done))
        self._wake.set()
        return await done

    async def start(self) -> None:
        """Open the file. Returns when rows can be written, or when that failed for now and will be tried again; raises
        ConfigError when a person has to do something first."""
        if self._task is not None:
            raise InvariantError("a store is started once")
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._run(opened), name="store")
        await opened

    async def stop(self) -> None:
        """Write what is queued, then close. Rows that can't be written in time are reported; the ring still has their
        faults."""
        if self._task is None:
            return
        self._stopping.set()
        self._wake.set()
        await asyncio.wait([self._task], timeout=self._patience.stop_s)
        self._task.cancel()
        await asyncio.wait([self._task])
        if self._backlog.rows:
            self._on_problem(f"{self._backlog.rows} rows of the record were not written before the end: {self.detail}")
        self.available, self.detail = False, "stopped"
        if not self._task.cancelled():
            self._task.result()

    # --- the lives of the writer ---

    async def _run(self, opened: asyncio.Future[None]) -> None:
        """One life of the writer after the other, until `stop`."""
        try:
            while await self._live(opened) and (self._backlog or not self._stopping.is_set()):
                await self._pause()
        except Exception as error:
            settle(opened, error)
            self._lost(f"a bug ended the writing of the record: {error!r}")
            raise

    async def _live(self, opened: asyncio.Future[None]) -> bool:
        """Open the file and write until that ends. True: there should be another life."""
        try:
            self._writer, problems = await self._opener.open(on_lost=self._wake.set)
            self.available, self.detail = True, ""
            for problem in problems:
                self._on_problem(problem)
            settle(opened, None)
            await self._write_all(self._writer)
        except StoreUnavailable as error:
            self._lost(str(error))
            settle(opened, None)
            return True
        except ConfigError as error:
            if not opened.done():
                self.detail = str(error)
                opened.set_exception(error)
                return False
            self._lost(str(error))
            return True
        finally:
            writer, self._writer = self._writer, None
            if writer is not None:
                await writer.end(self._patience.close_s)
        return False

    async def _write_all(self, writer: WriterProcess) -> None:
        """Write what comes until `stop` was asked for and nothing is left. Raises StoreUnavailable: a new writer is
        needed."""
        while (item := await self._next(writer)) is not None:
            answer = await self._ask(writer, item)
            if answer["kind"] == "done":
                self._written(item, answer)
                continue
            problem = f"the record can't be written: {answer['problem']}"
            if answer["fatal"]:
                raise StoreUnavailable(problem)
            self._lost(problem)
            await self._pause()

    async def _next(self, writer: WriterProcess) -> Batch | Forgetting | None:
        """What is to be written next, when it is due; None when `stop` was asked for and nothing is left."""
        while True:
            if not writer.connected:
                raise StoreUnavailable("the store's writer has ended")
            if self._backlog.ripe or self._stopping.is_set():
                return self._backlog.head()
            self._wake.clear()
            if not self._backlog:
                await self._wake.wait()
            elif not await wait_for_event(self._wake, self._interval_s):
                return self._backlog.head()

    async def _ask(self, writer: WriterProcess, item: Batch | Forgetting) -> Message:
        payloads: Mapping[str, bytes] = {}
        if isinstance(item, Batch):
            payloads = item.packed()
            message: Message = {"kind": "batch", "tables": list(payloads)}
        else:
            message = {"kind": "forget", "error_type": item.error_type, "strategy_id": item.strategy_id}
        answer = writer.ask(message, payloads)
        try:
            return await within(self._patience.commit_s, answer, "the store's writer does not answer")
        except StoreUnavailable:
            writer.kill()
            raise

    async def _pause(self) -> None:
        """Wait before the next try: twice as long after each failure in a row, and not longer than `longest_delay_s`."""
        delay_s = self._patience.first_delay_s * 2 ** min(self._failures - 1, 30)
        await asyncio.sleep(min(delay_s, self._patience.longest_delay_s))

    # --- what came of it ---

    def _written(self, item: Batch | Forgetting, answer: Message) -> None:
        self.available, self.detail, self._failures = True, "", 0
        self._backlog.drop_head()
        if isinstance(item, Forgetting):
            settle(item.done, answer["rows"])
            return
        refused = answer["refused"]
        self.rows_written += item.rows - len(refused)
        for row in refused[:_REFUSALS_TOLD]:
            self._on_problem(
                f"a row of {row['table']} was refused and set aside in {self._opener.path}.refused: {row['problem']}: {row['row']}"
            )
        if len(refused) > _REFUSALS_TOLD:
            self._on_problem(f"{len(refused) - _REFUSALS_TOLD} more rows of the same batch were set aside")
        self._on_committed(item.number)

    def _lost(self, problem: str) -> None:
        """Nothing can be written at the moment. The same problem is told once."""
        self._failures += 1
        self.available = False
        if problem != self.detail:
            self.detail = problem
            self._on_problem(problem)
        for forgetting in self._backlog.drop_forgettings():
            settle(forgetting.done, StoreUnavailable(problem))
