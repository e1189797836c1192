"""One file of the spool: records that are appended at its end and delivered from its begin.

    u64   where the first record begins that was not delivered yet        all numbers little-endian
    then for each record:  u32 length   u32 crc32 of the payload   payload

Everything is plain `pwrite`: what was written survives `kill -9` of the process, not a loss of power. A record that was cut
short or damaged ends the file: it and what follows are skipped and counted as one, never trusted. Should the begin not have
been moved on before the process died, records are delivered again: at least once, never less.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

_BEGIN = struct.Struct("<Q")
_RECORD = struct.Struct("<II")
_READ_BYTES = 256 << 10  # more than the largest fault can have


def record_bytes(payload: bytes) -> int:
    """What one record takes on disk."""
    return _RECORD.size + len(payload)


class Segment:
    """An open segment file. Not safe for several threads at once: its spool's owner holds a lock."""

    __slots__ = ("_begin", "_end", "_fd", "foreign", "path", "records", "torn")

    def __init__(self, path: Path, fd: int, begin: int, end: int) -> None:
        self.path = path
        self._fd = fd
        self._begin = begin
        self._end = end
        self.records = 0
        """How many records are not delivered yet."""
        self.foreign = False
        """True where the records were reported by another process."""
        self.torn = False
        """True where the file ended in a damaged record when it was opened."""

    @classmethod
    def create(cls, path: Path) -> Segment:
        """A new, empty file. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        segment = cls(path, fd, _BEGIN.size, _BEGIN.size)
        try:
            segment._write_begin()
        except OSError:
            segment.remove()
            raise
        return segment

    @classmethod
    def open(cls, path: Path) -> Segment:
        """A file that another process left behind. Raises OSError."""
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        content = _read_all(fd)
        begin = _BEGIN.unpack_from(content)[0] if len(content) >= _BEGIN.size else 0
        segment = cls(path, fd, begin if _BEGIN.size <= begin <= len(content) else _BEGIN.size, len(content))
        end = segment._begin
        while (payload := _record_at(content, end)) is not None:
            segment.records += 1
            end += record_bytes(payload)
        segment.torn = end < len(content)
        segment._end = max(end, _BEGIN.size)
        return segment

    @property
    def size_bytes(self) -> int:
        """Size of the file, delivered records included: what it takes on disk."""
        return self._end

    def append(self, payloads: Sequence[bytes]) -> None:
        """Adds records. Raises OSError (a full disk) and then has added none."""
        data = memoryview(b"".join(_RECORD.pack(len(each), zlib.crc32(each)) + each for each in payloads))
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._fd, data[written:], self._end + written)
        except OSError:
            os.ftruncate(self._fd, self._end)
            raise
        self._end += len(data)
        self.records += len(payloads)

    def first(self, limit_records: int, limit_bytes: int) -> list[bytes]:
        """The oldest undelivered records within both limits, but at least one where there is one. Raises OSError."""
        content = os.pread(self._fd, min(max(limit_bytes, _READ_BYTES), self._end - self._begin), self._begin)
        found: list[bytes] = []
        position = 0
        while len(found) < limit_records and (payload := _record_at(content, position)) is not None:
            position += record_bytes(payload)
            if found and position > limit_bytes:
                break
            found.append(payload)
        return found

    def advance(self, payloads: Sequence[bytes]) -> None:
        """The oldest records, which are these, need not be delivered again. Raises OSError."""
        self._begin += sum(record_bytes(each) for each in payloads)
        self.records -= len(payloads)
        self._write_begin()

    def close(self) -> None:
        """Closes the file and leaves it."""
        os.close(self._fd)

    def remove(self) -> None:
        """Closes and deletes the file."""
        os.close(self._fd)
        self.path.unlink(missing_ok=True)

    def _write_begin(self) -> None:
        os.pwrite(self._fd, _BEGIN.pack(self._begin), 0)


def _record_at(content: bytes, position: int) -> bytes | None:
    """The record that begins there, whole and undamaged, else None. None is empty: zeros of a lost write are no record."""
    if position + _RECORD.size > len(content):
        return None
    length, checksum = _RECORD.unpack_from(content, position)
    start = position + _RECORD.size
    payload = content[start : start + length]
    return payload if 0 < length == len(payload) and zlib.crc32(payload) == checksum else None


def _read_all(fd: int) -> bytes:
    chunks = []
    position = 0
    while chunk := os.pread(fd, 1 << 20, position):
        chunks.append(chunk)
        position += len(chunk)
    return b"".join(chunks)
