"""The file of the audit, as it is written: appended to, and nothing else, ever. Blocks: its owner calls it from a thread of its own.

**On the disk.** `write` returns when what it was given stands on the disk (fdatasync). Where it does not, because the disk is full, what
is left is kept and written first the next time, from the very byte on which it stopped: a line is never written twice, nor in half.

**Torn.** A power cut or `kill -9` may leave half a line at the end. It is not taken out: it gets its newline, and the next entry says how
many bytes it has and their SHA-256 (`audit_repaired`; the owner adds it). A whole line that lacks but its newline is an entry as any.

**Put aside.** A file of `rotate_bytes` is renamed, and a new one begun. The chain goes on over all of them. Archives beyond so many, or
older than so long, are told of by `old`, to be deleted when the chain says that they were (`delete`).

**Touched by others.** A file that was taken away or shortened under our hands is told of (`Touched`): the chain goes on in a new one,
and shows what is missing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path

from error_daemon.audit.chain import Line, torn_facts
from error_daemon.audit.entry import NOTHING_YET, read
from error_daemon.audit.files import (
    archive_name,
    archives,
    files,
    files_from,
    last_of,
    lines_in,
    sync_directory,
)
from error_daemon.model import Json
from error_daemon.model.audit import Entry, Head

_MODE = 0o600
_TAIL_BYTES = 64 << 10  # more than the longest entry


@dataclass(frozen=True, slots=True)
class Keep:
    """How large a file becomes, how many that were put aside are kept, and for how long (0: for ever)."""

    rotate_bytes: int
    files: int
    for_s: float


@dataclass(frozen=True, slots=True)
class Archive:
    """A file that is to be deleted for its age, as it was."""

    path: Path
    first: Head
    last: Head
    size_bytes: int
    sha256: str


class Touched(Exception):
    """Somebody else took the file away, or made it shorter. What was to be written is written, to a new file where there was none."""


class Journal:
    def __init__(self, path: Path, keep: Keep) -> None:
        self.path = path
        self._keep = keep
        self._descriptor = -1
        self._size_bytes = 0
        self._unwritten = bytearray()
        self._touched_says = ""  # of what was touched, until `write` has said so
        self._last = 0  # the sequence of the last entry that was given
        self.archived = 0  # files that were put aside, since it was opened
        self.problem = ""  # what does not work beside the writing

    # --- open

    def open(self) -> tuple[Head, Json]:
        """The head of what there is, and of a torn line at its end what an `audit_repaired` has to say; None: there is none.
        Raises OSError."""
        self._open()
        torn = self._torn()
        head = self._newest()
        self._last = head.sequence
        return head, torn

    def _open(self) -> None:
        """May be called after it failed half-way: one descriptor is open, at most."""
        self.close()
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _MODE)
        self._size_bytes = os.fstat(self._descriptor).st_size
        if not self._size_bytes:  # it is new, or was begun when its directory could not be synced
            sync_directory(self.path.parent)

    def _torn(self) -> Json:
        *whole, half = self._end().split(b"\n")
        if half:
            self._append(b"\n")
            return None if read(half) else torn_facts(half)
        if whole and read(whole[-1]) is None:  # it got its newline, and then the daemon was killed once more
            return torn_facts(whole[-1])
        return None

    def _append(self, data: bytes) -> None:
        self._size_bytes += os.write(self._descriptor, data)
        os.fdatasync(self._descriptor)

    def _end(self) -> bytes:
        """The last lines: at least a whole one, where there is any."""
        room = _TAIL_BYTES
        while True:
            start = max(0, self._size_bytes - room)
            end = os.pread(self._descriptor, self._size_bytes - start, start)
            if not start:
                return end
            if end.count(b"\n") > 1:
                return end[end.index(b"\n") + 1 :]
            room *= 2

    def _newest(self) -> Head:
        """Of the last line that is an entry, in whichever file that is."""
        for line in reversed(self._end().split(b"\n")):
            if entry := read(line):
                return entry.head
        for path in reversed(files(self.path)):
            newest = NOTHING_YET
            for entry in _entries([path]):
                newest = entry.head
            if newest.sequence:
                return newest
        return NOTHING_YET

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    # --- write

    def write(self, lines: bytes, last: int) -> None:
        """Append lines of entries, of which the last has that sequence, after all that was given before. Raises OSError: what could not be
        written is kept for the next time; Touched: it is written."""
        self._unwritten += lines
        self._last = max(last, self._last)
        if self._descriptor < 0:  # the last was put aside, and the next could not be begun
            self._open()
        self._look()
        while self._unwritten:
            written = os.write(self._descriptor, self._unwritten)
            del self._unwritten[:written]
            self._size_bytes += written
        os.fdatasync(self._descriptor)
        if self._size_bytes >= self._keep.rotate_bytes:
            self._put_aside()
        if self._touched_says:
            says, self._touched_says = self._touched_says, ""
            raise Touched(says)

    def _look(self) -> None:
        """Whether others have touched it. That is remembered until it is said: what is to be written now may find no room."""
        size_bytes = os.fstat(self._descriptor).st_size
        try:
            there = os.stat(self.path)
        except FileNotFoundError:
            there = None
        if there is None or there.st_ino != os.fstat(self._descriptor).st_ino:
            self._touched_says = f"{self.path} was taken away, or another one put in its place"
            self._open()
        elif size_bytes != self._size_bytes:
            was, self._size_bytes = self._size_bytes, size_bytes
            self._touched_says = f"{self.path} has {size_bytes} bytes, and had {was} when it was last written to"

    def _put_aside(self) -> None:
        try:
            os.rename(self.path, archive_name(self.path, self._last))
        except OSError as error:  # it grows on, and that is tried again with what comes next
            self.problem = f"{self.path} cannot be put aside: {error.strerror}"
            return
        self.problem = ""
        self.archived += 1
        self.close()  # before what may fail: nothing more is for the file that was put aside
        self._open()

    # --- what is old

    def old(self, now: float) -> list[Path]:
        """Archives that are to be deleted, oldest first. Raises OSError."""
        found = archives(self.path)
        too_many = max(0, len(found) - self._keep.files)
        since = now - self._keep.for_s if self._keep.for_s else 0.0
        return [path for number, path in enumerate(found) if number < too_many or path.stat().st_mtime < since]

    def facts(self, path: Path) -> Archive:
        """Of one file that is to be deleted: all of it is read. Raises OSError."""
        return _facts(path)

    def delete(self, archive: Archive) -> None:
        """Raises OSError."""
        archive.path.unlink(missing_ok=True)

    # --- read

    def entries_from(self, sequence: int) -> Iterator[Entry]:
        """Those from that sequence on, oldest first. Raises OSError. A file may be put aside between two of them: the next is looked for
        when the one before is read."""
        wanted = sequence
        while True:
            path = files_from(self.path, wanted)[0]
            yield from (entry for entry in _entries([path]) if entry.sequence >= sequence)
            if path == self.path:
                return
            wanted = last_of(path) + 1

    def first(self) -> int:
        """The sequence of the oldest entry that there is; 0: there is none. Raises OSError."""
        return next((entry.sequence for entry in islice(_entries(files(self.path)), 1)), 0)


def _entries(paths: Sequence[Path]) -> Iterator[Entry]:
    for line in _lines(paths):
        if entry := read(line.text):
            yield entry


def _lines(paths: Sequence[Path]) -> Iterator[Line]:
    for path in paths:
        with open(path, "rb") as file:
            yield from lines_in([(path.name, file)])


def _facts(path: Path) -> Archive:
    first = last = NOTHING_YET
    for entry in _entries([path]):
        first = first if first.sequence else entry.head
        last = entry.head
    data = path.read_bytes()
    return Archive(path, first, last, len(data), sha256(data).hexdigest())
