"""A first-in-first-out store of records on disk, bounded in bytes: the part of a lane that outlives the process.

It is a row of segments (segment.py). The last one is written to, the first one is read from, and is deleted once all of it
is delivered. Above the bound the oldest segment goes and its records are counted as dropped: of a long outage the newest
faults matter most. The segment whose records are on their way at that moment is spared.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from error_recovery.segment import Segment, record_bytes
from error_recovery.spool_home import SpoolHome

_SEGMENTS = 8  # so that dropping the oldest loses an eighth
_CHUNK_RECORDS = 256

_log = logging.getLogger("error_recovery")


class Spool:
    """The spool of one lane. Not safe for several threads at once: its lane holds a lock."""

    def __init__(self, lane: str, home: SpoolHome, limit_bytes: int) -> None:
        self._lane = lane
        self._home = home
        self._limit_bytes = limit_bytes
        self.segment_bytes = limit_bytes // _SEGMENTS
        self._segments: deque[Segment] = deque()
        self._first_is_sent = False
        self.dropped = 0
        """Records that were given up to keep the bound, or skipped as damaged."""

    def __len__(self) -> int:
        return sum(segment.records for segment in self._segments)

    def append(self, records: Sequence[bytes]) -> None:
        """Adds records behind all others. Raises OSError; what was added before it stays added, and `__len__` tells."""
        chunk: list[bytes] = []
        chunk_bytes = 0
        for record in records:
            if chunk and (len(chunk) == _CHUNK_RECORDS or chunk_bytes + record_bytes(record) > self.segment_bytes):
                self._append_chunk(chunk)
                chunk, chunk_bytes = [], 0
            chunk.append(record)
            chunk_bytes += record_bytes(record)
        if chunk:
            self._append_chunk(chunk)

    def prepend(self, records: Sequence[bytes]) -> None:
        """Puts records before all others. Raises OSError."""
        segment = Segment.create(self._home.oldest_path(self._lane))
        try:
            segment.append(records)
        except OSError:
            segment.remove()
            raise
        self._segments.appendleft(segment)

    def adopt(self, path: Path) -> int:
        """Takes over a segment file, before all others; how many records it brings. Raises OSError."""
        segment = Segment.open(path)
        self.dropped += segment.torn
        if not segment.records:
            segment.remove()
            return 0
        self._segments.appendleft(segment)
        return segment.records

    def first(self, limit_records: int, limit_bytes: int) -> list[bytes]:
        """The oldest records, from one segment; they are spared by the bound until `sent` or `keep`. Raises OSError."""
        while self._segments:
            found = self._segments[0].first(limit_records, limit_bytes)
            if found:
                self._first_is_sent = True
                return found
            self._drop(0)  # damaged since it was written: what cannot be read cannot be delivered
        return []

    def pin(self) -> None:
        """The oldest segment holds records that are on their way: spare it until `sent` or `keep`."""
        self._first_is_sent = True

    def keep(self) -> None:
        """What was on its way was not delivered: it stays where it is."""
        self._first_is_sent = False
        self.trim()

    def sent(self, records: Sequence[bytes]) -> None:
        """The oldest records, which are these, are done with. Raises OSError."""
        self._first_is_sent = False
        segment = self._segments[0]
        if segment.records == len(records):
            self._segments.popleft().remove()
        else:
            segment.advance(records)

    def trim(self) -> None:
        """Drops the oldest segments until the bound is kept."""
        while len(self._segments) > 1 + self._first_is_sent and self._size_bytes() > self._limit_bytes:
            self._drop(int(self._first_is_sent))

    def close(self) -> None:
        """Closes the files and forgets them; they stay on disk."""
        for segment in self._segments:
            segment.close()
        self._segments.clear()
        self._first_is_sent = False

    def _append_chunk(self, chunk: Sequence[bytes]) -> None:
        if not self._segments or self._segments[-1].size_bytes + sum(map(record_bytes, chunk)) > self.segment_bytes:
            self._segments.append(Segment.create(self._home.newest_path(self._lane)))
        self._segments[-1].append(chunk)
        self.trim()

    def _drop(self, position: int) -> None:
        segment = self._segments[position]
        del self._segments[position]
        self.dropped += segment.records
        _log.warning("%d faults were dropped: the spool of lane %s was full or damaged", segment.records, self._lane)
        segment.remove()

    def _size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self._segments)
