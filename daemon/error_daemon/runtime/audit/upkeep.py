"""What the audit needs besides entries: its head is told, and what is old is deleted.

**The head** goes into the log every `head_interval`, and at the end: who has it from there, from the journal or from a log server,
can show later that nothing up to there was cut off or written anew.

**What is old** is deleted when the chain says so: first an entry with the file's first and last sequence, its last hash, size and SHA-256,
and when that stands on the disk, the file goes.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from error_daemon.audit.chain import DELETED
from error_daemon.audit.journal import Archive, Journal
from error_daemon.logs.levels import logger
from error_daemon.ports import Clock
from error_daemon.runtime.audit.audit import Audit

_log = logger()


class Upkeep:
    def __init__(self, audit: Audit, journal: Journal, clock: Clock, head_interval_s: float) -> None:
        self._audit, self._journal, self._clock = audit, journal, clock
        self._head_interval_s = head_interval_s
        self._told = 0
        self._task: asyncio.Task[None] | None = None
        self.problem = ""  # why what is old is not deleted

    def start(self) -> None:
        self._task = asyncio.ensure_future(self._run())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._tell_head()

    async def _run(self) -> None:
        while True:
            try:
                await self._delete_old()
            except Exception as error:  # noqa: BLE001  what goes wrong today may go well tomorrow
                _log.critical("bug", problem="of the upkeep of the audit", exc_info=error)
            self._tell_head()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._audit.put_aside.wait(), self._head_interval_s)
            self._audit.put_aside.clear()

    def _tell_head(self) -> None:
        head = self._audit.kept_head
        if head is not None and head.sequence > self._told:
            self._told = head.sequence
            _log.info("audit_head", sequence=head.sequence, hash=head.hash)

    async def _delete_old(self) -> None:
        try:
            for path in await self._audit.in_thread(self._journal.old, self._clock.now()):
                # one at a time: a person's act waits in the same thread for one file to be read, and not for all
                if not await self._is_deleted(await self._audit.in_thread(self._journal.facts, path)):
                    break  # the chain can't say so now
            self.problem = ""
        except OSError as error:
            if str(error) != self.problem:
                _log.error("audit_not_deleted", error=str(error))
            self.problem = str(error)

    async def _is_deleted(self, archive: Archive) -> bool:
        detail = {
            "first_sequence": archive.first.sequence,
            "last_sequence": archive.last.sequence,
            "last_hash": archive.last.hash,
            "bytes": archive.size_bytes,
            "sha256": archive.sha256,
        }
        is_noted = self._audit.did(
            DELETED, archive.path.name, why="its age, or the number of files, is more than is kept", detail=detail
        )
        if not is_noted or not await self._audit.kept():
            return False
        await self._audit.in_thread(self._journal.delete, archive)
        return True
