"""The table `audit`: a copy of the file, for questions.

Entries that stand on the disk are appended to the store. Where it has no room for one, or was away at the start, the copy is behind: from
then on it is made from the file, some entries at a time, until it has come up. Rows have the entry's hash as their key, so one that
is written twice is the same row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from error_daemon.audit.journal import Journal
from error_daemon.errors import ErrorRecoveryError
from error_daemon.logs.levels import logger
from error_daemon.model.audit import Entry, Head
from error_daemon.ports import Store

_log = logger()
_AT_ONCE = 500  # entries, in a turn of the loop
_MOST_ROWS_WAITING = 20_000  # of the store's: the copy is never what fills it
_TRY_AGAIN_S = 1.0
InThread = Callable[..., Awaitable[Any]]


class TableCopy:
    def __init__(self, store: Store, journal: Journal) -> None:
        self._store, self._journal = store, journal
        self._due = 0  # behind: the first sequence that is not in the table; 0: it is not behind
        self._newest = 0  # on the disk
        self._is_said = False  # that it is behind
        self._coming_up: asyncio.Task[None] | None = None

    @property
    def behind(self) -> int:
        """How many entries are still to be copied; all, until it is known which."""
        return self._newest - self._due + 1 if self._due else 0

    async def newest(self) -> Head | None:
        """What the table remembers as the newest; None: nothing, or it cannot be asked."""
        try:
            found: list[dict[str, Any]] = await self._store.query("audit_newest")
        except ErrorRecoveryError:
            return None
        return Head(found[0]["sequence"], found[0]["hash"]) if found else None

    def begin(self, head: Head, in_thread: InThread) -> None:
        """Make up what the table lacks, beside all else. `head`: of the file. `in_thread(call, ...)`: awaits what blocks."""
        self._newest, self._due = head.sequence, 1
        self._coming_up = asyncio.ensure_future(self._look(head, in_thread))

    async def _look(self, head: Head, in_thread: InThread) -> None:
        first = 1
        try:
            first = await in_thread(self._journal.first) or head.sequence + 1
            found: list[dict[str, Any]] = await self._store.query("audit_missing", first=first)
            self._due = found[0]["sequence"] if found else first
        except Exception as error:  # noqa: BLE001  whatever it is, the copy must come up
            self._say(error)
            self._due = first  # all of it once more: what is written twice is the same row
        await self._come_up(in_thread)

    def take(self, entries: Sequence[Entry], in_thread: InThread) -> None:
        """These are on the disk now."""
        self._newest = entries[-1].sequence
        if self._due:
            return
        for entry in entries:
            try:
                self._store.append("audit", _row(entry))
            except Exception as error:  # noqa: BLE001  it is kept, and who did it must hear that, whatever is wrong with the copy
                self._say(error)
                self._due = entry.sequence
                self._coming_up = asyncio.ensure_future(self._come_up(in_thread))
                return

    def _say(self, problem: Exception) -> None:
        """Once, until the copy has come up."""
        if not self._is_said and not isinstance(problem, (OSError, ErrorRecoveryError)):
            _log.critical("bug", problem="the audit was not copied", sequence=self._due, exc_info=problem)
        elif not self._is_said:
            _log.warning("audit_not_copied", sequence=self._due, error=str(problem), note="it is in the file")
        self._is_said = True

    async def _come_up(self, in_thread: InThread) -> None:
        while self._due <= self._newest:
            due, newest = self._due, self._newest
            try:
                await self._copy(self._journal.entries_from(due), in_thread)
            except Exception as error:  # noqa: BLE001  a copy that is given up is never fed again
                self._say(error)
                await asyncio.sleep(_TRY_AGAIN_S)
                continue
            if self._due == due:  # somebody has taken them out of the file
                _log.warning("audit_not_copied", sequence=due, error=f"the file has no entries from {due} to {newest}")
                self._due = newest + 1
        self._due, self._is_said = 0, False

    async def _copy(self, entries: Iterator[Entry], in_thread: InThread) -> None:
        while some := await in_thread(lambda: list(islice(entries, _AT_ONCE))):
            for entry in some:
                self._store.append("audit", _row(entry))
                self._due = entry.sequence + 1
            if self._store.rows_waiting() > _MOST_ROWS_WAITING:
                await asyncio.sleep(_TRY_AGAIN_S)

    async def close(self) -> None:
        """What is not copied soon is made up at the next start."""
        if self._coming_up is not None:
            await asyncio.wait({self._coming_up}, timeout=_TRY_AGAIN_S)
            self._coming_up.cancel()
            await asyncio.wait({self._coming_up})


def _row(entry: Entry) -> tuple[Any, ...]:
    """In the order of the table's columns."""
    return (
        entry.hash,
        entry.at,
        entry.actor,
        entry.action,
        entry.subject,
        entry.detail,
        entry.sequence,
        entry.why,
        entry.before,
        entry.after,
        entry.previous,
        entry.hash,
    )
