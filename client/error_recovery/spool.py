"""A first-in-first-out store of records on disk, bounded in bytes: the part of a lane that outlives the process.

It is a row of segments (segment.py). The last one is written to, the first one is read from, and is deleted once all of it
is delivered. Above the bound the oldest segment goes and its records are counted as dropped: of a long outage the newest
faults matter most. The segment whose records are on their way at that moment is spared.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from error_recovery.segment import Segment, record_bytes
from error_recovery.spool_home import SpoolHome

_SEGMENTS = 8  # so that dropping the oldest loses an eighth


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

    @property
    def own(self) -> int:
        """How many of its records this process reported itself."""
        return sum(segment.records for segment in self._segments if not segment.foreign)

    def append(self, records: Sequence[bytes]) -> None:
        """Adds records behind all others, all in one segment. Raises OSError and then has added none."""
        size_bytes = sum(map(record_bytes, records))
        if not self._segments or self._segments[-1].size_bytes + size_bytes > self.segment_bytes:
            self._segments.append(Segment.create(self._home.newest_path(self._lane)))
        self._segments[-1].append(records)
        self.trim()

    def adopt(self, path: Path) -> None:
        """Takes over a segment file of another process, before all others. Raises OSError."""
        segment = Segment.open(path)
        segment.foreign = True
        self.dropped += segment.torn
        self._segments.appendleft(segment)
        if not segment.records:
            self._drop(0)

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

    def sent(self, records: Sequence[bytes], again: Sequence[bytes]) -> None:
        """The oldest records, which are these, are done with, but for those wanted `again`. Raises OSError."""
        self._first_is_sent = False
        segment = self._segments[0]
        if again:
            self._prepend(again, segment.foreign)
        if segment.records > len(records):
            segment.advance(records)
        else:
            self._segments.remove(segment)
            segment.remove()

    def trim(self) -> None:
        """Drops the oldest segments until the bound is kept."""
        while len(self._segments) > 1 + self._first_is_sent and self._size_bytes() > self._limit_bytes:
            self._drop(int(self._first_is_sent))

    def close(self) -> None:
        """Closes the files and forgets them; they stay on disk."""
        self._first_is_sent = False
        while self._segments:
            self._segments.popleft().close()

    def _prepend(self, records: Sequence[bytes], foreign: bool) -> None:
        segment = Segment.create(self._home.oldest_path(self._lane))
        try:
            segment.append(records)
        except OSError:
            segment.remove()
            raise
        segment.foreign = foreign
        self._segments.appendleft(segment)

    def _drop(self, position: int) -> None:
        segment = self._segments[position]
        del self._segments[position]
        self.dropped += segment.records
        segment.remove()

    def _size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self._segments)
