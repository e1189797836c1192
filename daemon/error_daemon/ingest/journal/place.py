"""
How far the journal has been read, kept in the state directory: after a restart it is read on from there.

    s=8a02...;i=2b;b=5a63...;m=be58...;t=660e...;x=d4b0...   after the entry with this cursor
    @1795372181.506619                                       no entry was read yet: from this time on

One line with its CRC-32 before it, of a fixed length, written in place by one system call: it survives `kill -9` as the ring does. It is
written when the faults of an entry are in the ring. A daemon that is killed between the two, a few microseconds, reads one entry again;
one fault is then counted twice, of the same error.
"""

from __future__ import annotations

import os
import re
import zlib
from pathlib import Path

from error_daemon.ingest.journal.entry import is_cursor

_BYTES = 512
_TIME = re.compile(r"@\d{1,12}\.\d{6}", re.ASCII)


class Place:
    """`value` is what the file holds; empty: nothing is known."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1
        self.value = ""

    def open(self, now: float) -> str:
        """Read it, or begin with `now`, in seconds since 1970. Why what stood there could not be used; empty where there was nothing, or it
        could. Raises OSError."""
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        raw = os.pread(self._fd, _BYTES, 0)
        self.value = _read(raw)
        if self.value:
            return ""
        self.begin_at(now)
        return f"{self._path} is damaged" if raw else ""

    def begin_at(self, now: float) -> None:
        self.write(f"@{now:.6f}")

    def write(self, value: str) -> None:
        """Raises OSError; the value holds for this run."""
        self.value = value
        if self._fd >= 0:
            os.pwrite(self._fd, _line(value), 0)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def as_option(self) -> str:
        """Of journalctl."""
        return f"--since={self.value}" if self.value.startswith("@") else f"--after-cursor={self.value}"


def _line(value: str) -> bytes:
    raw = value.encode()
    return f"{zlib.crc32(raw):08x} {value}".encode().ljust(_BYTES - 1) + b"\n"


def _read(raw: bytes) -> str:
    """Empty for what was not written here."""
    try:
        checksum, _, value = raw.decode("ascii").rstrip().partition(" ")
    except UnicodeDecodeError:
        return ""
    is_whole = len(raw) == _BYTES and checksum == f"{zlib.crc32(value.encode()):08x}"
    return value if is_whole and (is_cursor(value) or _TIME.fullmatch(value)) else ""
