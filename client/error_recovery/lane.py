"""The way of faults of one severity from the caller to the daemon: a queue in memory, then a spool on disk.

    put ──► queue ──────────────► take ──► settle     the daemon answers
              │                    ▲
              └── spill ──► spool ─┘                  it is away, hangs, or has no room: everything goes to disk

Order is kept: the spool is always older than the queue, and what is on its way is older than both. So a batch taken from
the queue is written to the spool first, whenever anything of the queue has to be written there.

The daemon keeps faults in rings of their own by severity; so does the client, and a flood of trivia that the daemon refuses
never holds up what is critical.

`put` takes no lock and does no I/O: it may run in a signal handler or a finalizer, in any thread, on any event loop. Only
when the queue is full does it move the oldest 256 records to disk itself (one write into the page cache), and only if
nobody else is at it; above twice the bound, which means that the disk stalls, the new record is dropped and counted.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import deque
from collections.abc import Collection
from pathlib import Path

from error_recovery.spool import Spool

BATCH_RECORDS = 256
BATCH_BYTES = 512 << 10

_log = logging.getLogger("error_recovery")


class Lane:
    """Safe for any number of threads that `put`, and one that takes and settles."""

    def __init__(self, name: str, spool: Spool, queue_records: int) -> None:
        self.name = name
        self._spool = spool
        self._queue: deque[bytes] = deque()
        self._queue_records = queue_records
        self._lock = threading.Lock()
        self._on_their_way: list[bytes] = []
        self._way_from_spool = False
        self._overflow = itertools.count()
        self._overflown = 0
        self._taken = 0  # of the queue, ever
        self._foreign = 0  # in the spool, from other processes: before all of our own
        self._handed_over = 0
        self.delivered = 0
        self._refused = 0

    def put(self, record: bytes) -> None:
        """Queues one record; never waits."""
        waiting = len(self._queue)
        if waiting >= 2 * self._queue_records:
            self._overflown = next(self._overflow) + 1
            return
        self._queue.append(record)
        if waiting >= self._queue_records and self._lock.acquire(blocking=False):
            try:
                self._spill(BATCH_RECORDS)
            finally:
                self._lock.release()

    def take(self, limit_records: int = BATCH_RECORDS) -> list[bytes]:
        """The next batch, which is on its way until `settle` or `give_back`; empty where nothing waits."""
        with self._lock:
            limit_bytes = min(BATCH_BYTES, self._spool.segment_bytes)
            self._way_from_spool = len(self._spool) > 0
            if self._way_from_spool:
                self._on_their_way = self._spool.first(limit_records, limit_bytes)
            else:
                self._on_their_way = self._dequeued(limit_records, limit_bytes)
            return self._on_their_way

    def settle(self, kept: Collection[int], refused: Collection[int]) -> None:
        """The daemon has answered: it wants the records at the positions `kept` again, and never those of `refused`."""
        with self._lock:
            again = [self._on_their_way[position] for position in sorted(kept)]
            done = len(self._on_their_way) - len(again)
            self.delivered += done - len(refused)
            self._refused += len(refused)
            if self._way_from_spool:
                self._foreign -= min(done, self._foreign)
                self._settle_spool(again, done)
            else:
                self._queue.extendleft(reversed(again))
                self._taken -= len(again)
            self._on_their_way = []

    def give_back(self) -> None:
        """The batch on its way was not answered: everything goes to disk."""
        with self._lock:
            self._spill()
            if self._way_from_spool:
                self._spool.keep()
            else:
                self._queue.extendleft(reversed(self._on_their_way))
                self._taken -= len(self._on_their_way)
            self._on_their_way = []

    def spill(self) -> None:
        """Moves everything in memory to disk, so that it outlives the process. What cannot be written stays in memory."""
        with self._lock:
            self._spill()

    def adopt(self, path: Path) -> None:
        """Takes over a segment of another process; not while a batch is on its way. Raises OSError."""
        with self._lock:
            self._foreign += self._spool.adopt(path)
            self._trim()

    def hand_over(self) -> None:
        """Closes the spool and leaves it to others."""
        with self._lock:
            self._handed_over += len(self._spool)
            self._spool.close()
            self._foreign = 0

    def abandon(self) -> None:
        """For the child of a fork: closes its copies of the parent's files. Takes no lock: its holder may not exist here."""
        self._spool.close()

    @property
    def waiting(self) -> int:
        """Records in memory, those on their way included."""
        return len(self._queue) + (0 if self._way_from_spool else len(self._on_their_way))

    @property
    def spooled(self) -> int:
        """Records on disk, those of adopted segments included."""
        return len(self._spool) + self._handed_over

    @property
    def dropped(self) -> int:
        """Records that will never be delivered: refused for good, overflown, or given up by the spool."""
        return self._refused + self._overflown + self._spool.dropped

    @property
    def reported(self) -> int:
        """Records that this process put."""
        return self._taken + len(self._queue) + (0 if self._way_from_spool else 0) + self._overflown

    def mark(self) -> int:
        """For `has_settled`: stands for everything put so far."""
        with self._lock:
            return self._taken + len(self._queue)

    def has_settled(self, mark: int) -> bool:
        """True once everything before the mark was delivered or dropped."""
        with self._lock:
            own_pending = self.waiting + len(self._spool) - self._foreign + self._handed_over
            return self._taken + len(self._queue) - own_pending >= mark

    def _settle_spool(self, again: list[bytes], done: int) -> None:
        if not done:
            self._spool.keep()
            return
        try:
            self._spool.sent(self._on_their_way)
            if again:
                self._spool.prepend(again)
        except OSError as problem:
            _log.warning("the spool of faults cannot be written: %s", problem)
            self._queue.extendleft(reversed(again))
            self._taken -= len(again)

    def _dequeued(self, limit_records: int, limit_bytes: int) -> list[bytes]:
        found: list[bytes] = []
        size_bytes = 0
        while self._queue and len(found) < limit_records:
            size_bytes += len(self._queue[0])
            if found and size_bytes > limit_bytes:
                break
            found.append(self._queue.popleft())
        self._taken += len(found)
        return found

    def _spill(self, limit_records: int | None = None) -> None:
        limit = len(self._queue) if limit_records is None else min(limit_records, len(self._queue))
        if self._on_their_way and not self._way_from_spool:
            if not self._written(self._on_their_way):
                return
            self._way_from_spool = True
            self._spool.pin()
        while limit > 0:
            chunk = self._dequeued(min(limit, BATCH_RECORDS), self._spool.segment_bytes)
            if not self._written(chunk):
                self._queue.extendleft(reversed(chunk))
                self._taken -= len(chunk)
                return
            limit -= len(chunk)
