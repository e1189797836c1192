"""Acts become entries: chained on the loop, written by a thread of their own, copied into the table `audit`, told in the log.

    acted (a person)   ──► chained, written at once ──► on the disk ──► the person is answered     log: USER_ACTION, sequence, hash
    did (the daemon)   ──► noted ──► chained and written with others, `_GATHERED_S` later

**Nobody is kept from acting.** An act is told of when it is done, and so it never undoes one. A person is answered when the act stands on
the disk; where the disk is full or does not answer within `_PATIENCE_S`, the person is answered all the same, because at three in the
morning a full disk must not keep anybody from pausing recoveries. That is said as CRITICAL, the acts are kept in memory, in their order,
and written when there is room.

**Bounds.** Of the daemon's own acts at most `_MOST_WAITING` wait for a disk; further ones are counted, and an entry says how many. What
people do is never left out. Secrets are withheld as in the log: what is chained can't be taken out again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from math import inf
from typing import Any

from error_daemon.audit.chain import REPAIRED
from error_daemon.audit.entry import chained
from error_daemon.audit.journal import Journal, Touched
from error_daemon.logs.levels import logger
from error_daemon.model import Json
from error_daemon.model.audit import DAEMON, Act, Entry, Head
from error_daemon.ports import Clock
from error_daemon.redact import may_hold_a_secret, redacted
from error_daemon.runtime.audit.table import TableCopy

_log = logger()
_UNNAMED = "unnamed"
_GATHERED_S = 0.1  # how long the daemon's own acts wait for each other
_TRY_AGAIN_S = 1.0
_PATIENCE_S = 2.0
_MOST_WAITING = 20_000
_MOST_RECENT = 500
_CHAINED_AT_ONCE = 200  # some milliseconds: the loop has other things to do, and most when many acts wait
CUT = "audit_cut"
TOUCHED = "audit_touched"
LEFT_OUT = "audit_left_out"


class Audit:
    def __init__(self, journal: Journal, clock: Clock, table: TableCopy) -> None:
        self._journal, self._clock, self._table = journal, clock, table
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audit")
        self._head: Head | None = None  # None: the chain is not begun
        self._noted: deque[Act] = deque()  # not chained yet
        self._left_out = 0  # acts of the daemon, since the last entry
        self._given: list[Entry] = []  # to the thread, and not on the disk yet
        self._writing: asyncio.Future[None] | None = None
        self._unwritten = bytearray()  # lines of entries that were not given to the thread yet
        self._timer: asyncio.TimerHandle | None = None
        self._beginning: asyncio.TimerHandle | None = None  # once more
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self.recent: deque[Entry] = deque(maxlen=_MOST_RECENT)  # what may not be in the table yet
        self._archived = 0  # files of the journal, as far as was told
        self.kept_head: Head | None = None  # of what is on the disk
        self.problem = ""  # why nothing is written at the moment
        self.put_aside = asyncio.Event()  # a file was, since somebody cleared it
        self.on_acted: Callable[[], None] = lambda: None  # a person has

    # --- acts

    def acted(
        self,
        action: str,
        subject: str,
        detail: Mapping[str, Json],
        by: str,
        *,
        why: str = "",
        before: Json = None,
        after: Json = None,
    ) -> None:
        """A person has acted. `subject`: what it was done to. `by`: who, as they say. `why`: in their words. `before`, `after`: how that
        was, and is. Does not raise."""
        actor = by or _UNNAMED
        self._noted.append(Act(self._clock.now(), actor, action, subject, why, before, after, dict(detail)))
        place: dict[str, Json] = {}
        if self._head is not None:
            if self._chain_some(self._head):  # else too many are before it: its line does not know its place
                place = {"sequence": self._head.sequence, "hash": self._head.hash}
            self._write()
        _log.user_action(action, by=actor, subject=subject, **detail, **place)
        self.on_acted()

    def did(
        self,
        action: str,
        subject: str,
        *,
        why: str = "",
        before: Json = None,
        after: Json = None,
        detail: Json = None,
    ) -> bool:
        """The daemon has acted by itself. As `acted`, but for the line. Whether it was noted, or left out because too many wait."""
        if len(self._noted) + len(self._given) >= _MOST_WAITING:
            self._left_out += 1
            return False
        self._noted.append(Act(self._clock.now(), DAEMON, action, subject, why, before, after, detail))
        self._write_soon()
        return True

    async def kept(self) -> bool:
        """Returns when all acts so far are on the disk, or when they could not be written, which is logged then: False."""
        if self._head is None:
            return False
        self._note_left_out()
        if not self._given and not self._noted:
            return True
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append((self._head.sequence + len(self._noted), waiter))
        self._write()
        await asyncio.wait([waiter], timeout=_PATIENCE_S)
        if not waiter.done():
            waiter.cancel()
            self._fail(f"the disk of {self._journal.path} does not answer")
        return not self.problem

    @property
    def waiting(self) -> int:
        """How many acts are not on the disk."""
        return len(self._noted) + len(self._given) + self._left_out

    # --- begin and end

    async def begin(self) -> None:
        """Read where the chain has come to, beside what the record remembers of it. Does not raise: what cannot be read is tried again."""
        try:
            head, torn = await self.in_thread(self._journal.open)
        except OSError as error:
            self._fail(str(error))
            self._beginning = asyncio.get_running_loop().call_later(_TRY_AGAIN_S, self._begin_again)
            return
        remembered = await self._table.newest()
        self.problem = ""
        self._head = self.kept_head = head
        if torn is not None:
            _log.warning("audit_repaired", file=str(self._journal.path), **torn)
            self._noted.appendleft(Act(self._clock.now(), DAEMON, REPAIRED, self._journal.path.name, detail=torn))
        if remembered is not None and remembered.sequence > head.sequence:
            self._go_on_behind(remembered, head)
        self._write()
        self._table.begin(head, self.in_thread)

    def _begin_again(self) -> None:
        self._begun = asyncio.ensure_future(self.begin())

    def _go_on_behind(self, remembered: Head, found: Head) -> None:
        """The record has entries that the file no longer has: the chain goes on behind them, so that they are missed."""
        before, after = _json(remembered), _json(found)
        why = "the record has entries that the file has not: it was cut, replaced or lost"
        _log.critical(CUT, file=str(self._journal.path), remembered=str(remembered), found=str(found), reason=why)
        self._noted.append(Act(self._clock.now(), DAEMON, CUT, self._journal.path.name, why, before, after))
        self._head = remembered

    async def close(self) -> None:
        """Write what waits. Nothing is kept after this."""
        for timer in (self._timer, self._beginning):
            if timer is not None:
                timer.cancel()
        try:
            await self.kept()
            await self._table.close()
        finally:
            self._head = None
            await self._close_journal()

    async def _close_journal(self) -> None:
        """A disk that hangs is not waited for: the record and the ring are still to be closed, which may be on another one."""
        try:
            await asyncio.wait_for(self.in_thread(self._journal.close), _PATIENCE_S)
        except asyncio.TimeoutError:
            self._fail(f"the disk of {self._journal.path} does not answer")
        finally:
            self._thread.shutdown(wait=False)

    async def in_thread(self, call: Callable[..., Any], *arguments: object) -> Any:
        """What reads or deletes files, in the thread that writes them: never beside it."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    # --- chained and written

    def _note_left_out(self) -> None:
        if self._left_out:
            self._noted.append(Act(self._clock.now(), DAEMON, LEFT_OUT, "", detail={"acts": self._left_out}))
            self._left_out = 0

    def _chain_some(self, head: Head) -> bool:
        """What was noted becomes entries behind that head, in its order, so many at once. Whether that is all of it."""
        for _ in range(min(_CHAINED_AT_ONCE, len(self._noted))):
            entry, line = chained(_without_secrets(self._noted.popleft()), head)
            self._head = head = entry.head
            self._given.append(entry)
            self._unwritten += line
        return not self._noted

    def _write_soon(self) -> None:
        if self._timer is None:
            self._later(_GATHERED_S)

    def _later(self, after_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(after_s, self._write)

    def _write(self) -> None:
        """Chain some of what was noted (the rest in the next turns of the loop), and give what is chained to the thread, unless that is
        still at the last: it is written next then."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._head is None:
            return
        self._note_left_out()
        if not self._chain_some(self._head):
            self._later(0.0)
        if self._writing is not None or not self._given:
            return
        lines, self._unwritten = bytes(self._unwritten), bytearray()
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._thread, self._journal.write, lines, self._head.sequence)
        self._writing.add_done_callback(partial(self._written, len(self._given)))

    def _written(self, count: int, writing: asyncio.Future[None]) -> None:
        """`count`: of the entries that were given."""
        self._writing = None
        error = writing.exception()
        if isinstance(error, Touched):
            _log.critical(TOUCHED, file=str(self._journal.path), reason=str(error))
            self._noted.append(
                Act(self._clock.now(), DAEMON, TOUCHED, self._journal.path.name, str(error))
            )  # never left out
        elif error is not None:
            self._fail(str(error), bug=None if isinstance(error, OSError) else error)
            self._release(inf)
            self._later(_TRY_AGAIN_S)
            return
        if self.problem:
            _log.warning("audit_kept_again", entries=count)
            self.problem = ""
        entries, self._given = self._given[:count], self._given[count:]
        self.recent.extend(entries)
        self.kept_head = entries[-1].head
        self._table.take(entries, self.in_thread)
        self._release(entries[-1].sequence)
        if self._unwritten or self._waiters:
            self._write()
        elif self._noted or self._left_out:
            self._write_soon()
        if self._journal.archived != self._archived:
            self._archived = self._journal.archived
            self.put_aside.set()

    def _release(self, up_to: float) -> None:
        """Who waits for entries up to that one."""
        for sequence, waiter in self._waiters:
            if sequence <= up_to and not waiter.done():
                waiter.set_result(None)
        self._waiters = [(sequence, waiter) for sequence, waiter in self._waiters if not waiter.done()]

    def _fail(self, problem: str, bug: BaseException | None = None) -> None:
        """It is said once, and not with every act."""
        if problem != self.problem:
            note = "what people do is done all the same, and kept in memory until it can be written"
            _log.critical("audit_not_kept", error=problem, note=note, exc_info=bug)
        self.problem = problem


def _without_secrets(act: Act) -> Act:
    """As in the log: what is chained can't be taken out again."""
    parts = {name: getattr(act, name) for name in ("actor", "subject", "why", "before", "after", "detail")}
    texts = {name: part for name, part in parts.items() if isinstance(part, str)}
    others = [part for part in parts.values() if part is not None and not isinstance(part, str)]
    if not may_hold_a_secret(texts) and not any(map(_may_hold_a_secret, others)):
        return act
    return replace(act, **{name: redacted(part) for name, part in parts.items()})


def _may_hold_a_secret(part: Json) -> bool:
    return not isinstance(part, dict) or may_hold_a_secret(part)


def _json(head: Head) -> Json:
    return {"sequence": head.sequence, "hash": head.hash}
