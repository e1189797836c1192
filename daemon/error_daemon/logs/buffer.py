"""Lines that are not written yet: a ring of bytes in memory, 64 to 512 KB.

**A producer never waits.** `add` copies a line in, or counts it as lost where there is no room. The last eighth is kept for lines that
are vital (ERROR and above): what tells of the trouble must not be lost to the trouble's own noise.

**Positions** count bytes since the buffer was made, so `head - tail` is what waits. `tail` is moved by `written` only: readers may
read the same bytes as often as they like. A line is added whole or not at all.

**After kill -9.** With a file, the memory is mapped from it: the kernel keeps the pages of a process that was killed, so the next
start finds the lines that were not written (`pending`). The file is allocated in full before it is mapped, or a full disk would end
the daemon with SIGBUS. Without a file (no room, or another daemon has it), at most the buffer's size is lost, and status says so.

    header (64 bytes): magic · capacity · head · tail, 8 bytes each, little-endian
"""

from __future__ import annotations

import fcntl
import mmap
import os
import struct
import threading
from pathlib import Path

_MAGIC = b"ERLOGB01"
_HEADER_BYTES = 64
_NUMBERS = struct.Struct("<QQQ")
_HEAD_AT = 16
_TAIL_AT = 24
_NUMBER = struct.Struct("<Q")
_VITAL_SHARE = 8


class LogBuffer:
    """`add` and `read` from any thread; `written` from one."""

    def __init__(self, memory: mmap.mmap, capacity: int, fd: int = -1) -> None:
        self.capacity = capacity
        self.survives_kill = fd >= 0
        self.lines = 0  # ever added
        self.bytes = 0
        self.lost = 0  # lines for which there was no room
        self.peak_bytes = 0
        self._memory = memory
        self._fd = fd
        self._lock = threading.Lock()
        self._head = self._tail = 0
        self._is_closed = False
        _NUMBERS.pack_into(memory, len(_MAGIC), capacity, 0, 0)
        memory[: len(_MAGIC)] = _MAGIC

    @property
    def head(self) -> int:
        return self._head

    @property
    def tail(self) -> int:
        return self._tail

    @property
    def used_bytes(self) -> int:
        return self._head - self._tail

    def add(self, line: bytes, is_vital: bool = False) -> int:
        """How many bytes wait now; 0 where the line found no room."""
        size = len(line)
        with self._lock:
            if self._is_closed:
                return 0
            used = self._head - self._tail + size
            if used > self.capacity - (0 if is_vital else self.capacity // _VITAL_SHARE):
                self.lost += 1
                return 0
            self._copy_in(self._head % self.capacity, line)
            self._head += size
            _NUMBER.pack_into(self._memory, _HEAD_AT, self._head)  # the bytes before the number that counts them
            self.lines += 1
            self.bytes += size
            self.peak_bytes = max(self.peak_bytes, used)
            return used

    def _copy_in(self, at: int, line: bytes) -> None:
        first = min(len(line), self.capacity - at)
        begin = _HEADER_BYTES + at
        self._memory[begin : begin + first] = line[:first]
        if first < len(line):
            self._memory[_HEADER_BYTES : _HEADER_BYTES + len(line) - first] = line[first:]

    def read(self, position: int) -> bytes:
        """What was added from `position` on, which is not before the tail."""
        return _between(self._memory, self.capacity, position, self._head)

    def written(self, size: int) -> None:
        """The oldest `size` bytes need not be kept any more."""
        with self._lock:
            self._tail += size
            _NUMBER.pack_into(self._memory, _TAIL_AT, self._tail)

    def close(self) -> None:
        """What is added from now on goes nowhere."""
        with self._lock:
            self._is_closed = True
            self._memory.close()
        if self._fd >= 0:
            os.close(self._fd)


def open_buffer(path: Path | None, capacity: int) -> tuple[LogBuffer, bytes]:
    """The buffer, and what the last daemon had not written yet. In memory only where the file cannot be had."""
    if path is not None:
        try:
            return _mapped(path, capacity)
        except OSError:
            pass
    return LogBuffer(mmap.mmap(-1, _HEADER_BYTES + capacity), capacity), b""


def _mapped(path: Path, capacity: int) -> tuple[LogBuffer, bytes]:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)  # another daemon's lines are its own
        pending = pending_of(os.pread(fd, os.fstat(fd).st_size, 0))
        size = _HEADER_BYTES + capacity
        os.ftruncate(fd, size)
        os.posix_fallocate(fd, 0, size)
        memory = mmap.mmap(fd, size)
    except BaseException:
        os.close(fd)
        raise
    return LogBuffer(memory, capacity, fd), pending


def pending_of(raw: bytes) -> bytes:
    """What waits in a buffer's file; nothing where it is not one, or is damaged."""
    if len(raw) < _HEADER_BYTES or not raw.startswith(_MAGIC):
        return b""
    capacity, head, tail = _NUMBERS.unpack_from(raw, len(_MAGIC))
    if capacity != len(raw) - _HEADER_BYTES or not 0 <= head - tail <= capacity:
        return b""
    return _between(raw, capacity, tail, head)


def _between(memory: bytes | mmap.mmap, capacity: int, position: int, head: int) -> bytes:
    at, size = position % capacity, head - position
    first = min(size, capacity - at)
    begin = _HEADER_BYTES + at
    return memory[begin : begin + first] + memory[_HEADER_BYTES : _HEADER_BYTES + size - first]


def not_yet_in(end_of_file: bytes, pending: bytes) -> bytes:
    """`pending` without the lines that the file ends with: they were written in the moment of the kill, and not yet counted.
    A line of which the kill left only the beginning is not there yet."""
    end_of_file = end_of_file[: end_of_file.rfind(b"\n") + 1]
    size = len(pending)
    while size > 0:
        if end_of_file.endswith(pending[:size]):
            return pending[size:]
        size = pending.rfind(b"\n", 0, size - 1) + 1
    return pending
