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
nobody else is at it; 10,000 records above the bound, which means that the disk stalls, new records are dropped and counted.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from error_recovery.spool import Spool

BATCH_RECORDS = 256
BATCH_BYTES = 512 << 10
HEADROOM_RECORDS = 10_000  # what busy threads may put while another one holds the disk: some 200 ms of nothing else


@dataclass(frozen=True, slots=True)
class LaneStats:
    """reported + adopted = delivered + waiting + spooled + dropped."""

    reported: int
    delivered: int
    waiting: int
    spooled: int
    dropped: int


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
        self.disk_problem = ""
        """Why the spool could not be written the last time; empty where it could."""
        self._taken = 0  # of the queue, ever
        self._delivered = 0
        self._refused = 0
        self._handed_over = 0
        self._overflow = itertools.count(1)
        self._overflown = 0

    def put(self, record: bytes) -> None:
        """Queues one record; never waits."""
        waiting = len(self._queue)
        if waiting >= self._queue_records + HEADROOM_RECORDS:
            self.refuse()
            return
        self._queue.append(record)
        if waiting >= self._queue_records and not self.disk_problem and self._lock.acquire(blocking=False):
            try:
                self._spill(BATCH_RECORDS)
            finally:
                self._lock.release()

    def refuse(self) -> None:
        """Counts a record that was reported and can't be taken."""
        self._overflown = next(self._overflow)

    def take(self, limit_records: int = BATCH_RECORDS) -> list[bytes]:
        """The next batch, which is on its way until `settle` or `give_back`; empty where nothing waits. Raises OSError."""
        with self._lock:
            limit_bytes = min(BATCH_BYTES, self._spool.segment_bytes)
            self._way_from_spool = len(self._spool) > 0
            if self._way_from_spool:
                self._on_their_way = self._spool.first(limit_records, limit_bytes)
            else:
                self._on_their_way = self._dequeued(limit_records, limit_bytes)
            return self._on_their_way

    def settle(self, kept: Collection[int], refused: int) -> None:
        """The daemon has answered: it wants the records at the positions `kept` again, took the others, but for as many as
        were `refused` for good."""
        with self._lock:
            again = [self._on_their_way[position] for position in sorted(kept)]
            self._delivered += len(self._on_their_way) - len(again) - refused
            self._refused += refused
            if not self._way_from_spool:
                self._put_back(again)
            elif len(again) == len(self._on_their_way):
                self._spool.keep()
            else:
                self._settle_spool(again)
            self._on_their_way = []

    def give_back(self) -> None:
        """The batch on its way was not answered: everything goes to disk."""
        with self._lock:
            self._spill()
            if self._way_from_spool:
                self._spool.keep()
            else:
                self._put_back(self._on_their_way)
            self._on_their_way = []

    def spill(self) -> None:
        """Moves everything in memory to disk, so that it outlives the process. What cannot be written stays in memory."""
        with self._lock:
            self._spill()

    def adopt(self, path: Path) -> None:
        """Takes over a segment of another process; not while a batch is on its way. Raises OSError."""
        with self._lock:
            self._spool.adopt(path)
            self._spool.trim()

    def hand_over(self) -> None:
        """Closes the spool and leaves it to other processes."""
        with self._lock:
            self._handed_over += self._spool.own
            self._spool.close()

    def abandon(self) -> None:
        """For the child of a fork: closes its copies of the parent's files. Takes no lock: its holder may not exist here."""
        self._spool.close()

    def stats(self) -> LaneStats:
        """The figures of this moment, consistent with each other."""
        with self._lock:
            in_memory = len(self._queue)
            return LaneStats(
                reported=self._taken + in_memory + self._overflown,
                delivered=self._delivered,
                waiting=in_memory + (0 if self._way_from_spool else len(self._on_their_way)),
                spooled=len(self._spool) + self._handed_over,
                dropped=self._refused + self._overflown + self._spool.dropped,
            )

    def mark(self) -> int:
        """Stands for everything put so far; for `has_settled`."""
        with self._lock:
            return self._taken + len(self._queue)

    def has_settled(self, mark: int) -> bool:
        """True once everything before the mark was delivered or dropped."""
        with self._lock:
            on_their_way = 0 if self._way_from_spool else len(self._on_their_way)
            return self._taken - on_their_way - self._spool.own - self._handed_over >= mark

    def _settle_spool(self, again: list[bytes]) -> None:
        try:
            self._spool.sent(self._on_their_way, again)
        except OSError as problem:  # they stay in the spool: delivered twice rather than never
            self.disk_problem = str(problem)

    def _spill(self, limit_records: int | None = None) -> None:
        left = len(self._queue) if limit_records is None else min(limit_records, len(self._queue))
        if self._on_their_way and not self._way_from_spool:
            if not self._is_written(self._on_their_way):
                return
            self._way_from_spool = True
            self._spool.pin()
        while left > 0:
            chunk = self._dequeued(min(left, BATCH_RECORDS), self._spool.segment_bytes)
            if not self._is_written(chunk):
                self._put_back(chunk)
                return
            left -= len(chunk)

    def _is_written(self, records: list[bytes]) -> bool:
        try:
            self._spool.append(records)
        except OSError as problem:
            self.disk_problem = str(problem)
            return False
        self.disk_problem = ""
        return True

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

    def _put_back(self, records: list[bytes]) -> None:
        self._queue.extendleft(reversed(records))
        self._taken -= len(records)
