"""Where lines go: the log file, and standard error while the file cannot be written.

**Rotation.** Before a write that would make the file larger than `rotate_bytes`, it is put aside (archives.py). A file that somebody
else has moved or deleted (logrotate) is opened anew.

**Torn lines.** A full disk, or a kill in the middle of a write, leaves the beginning of a line at the end of the file. It is ended before
the next line is written, so that it costs nobody but itself.

**When the file cannot be written** (disk full, no rights, a read-only mount) lines go to standard error, where under systemd the journal
takes them. That is said once, and once more when the file is back, with how many lines went there. Every write tries the file again, so a
disk with room is used at once. What standard error does not take either is lost, and counted. Nobody waits for any of this.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from error_daemon.logs.archives import archive_name

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY
_MODE = 0o640
STDERR = 2
Say = Callable[..., bytes]  # (level, event, **fields) → the line


class LogFile:
    """`path` None: standard error only. `say` makes a line, `on_rotated()` is called behind each rotation, `now()` is wall time.

    For one thread. Figures may be read by any."""

    def __init__(
        self, path: Path | None, rotate_bytes: int, say: Say, now: Callable[[], float], on_rotated: Callable[[], None]
    ) -> None:
        self.path = path
        self.rotations = 0
        self.elsewhere = 0  # lines that went to standard error because the file could not be written
        self.lost = 0  # lines that went nowhere
        self.problem = ""  # why the file cannot be written; empty where it can
        self._rotate_bytes = rotate_bytes
        self._say = say
        self._now = now
        self._on_rotated = on_rotated
        self._fd = -1
        self._size = 0
        self._inode = (0, 0)
        self._is_torn = False  # the file ends in the middle of a line
        self._told = 0  # of `elsewhere`, when it was last said

    def write(self, lines: bytes) -> None:
        """Whole lines. Never raises."""
        if self.path is None:
            self._to_stderr(lines)
            return
        done = 0
        try:
            self._prepare(self.path, len(lines))
            if self._is_torn:
                self._write_some(b"\n")
                self._is_torn = False
            while done < len(lines):
                done += self._write_some(lines[done:])
            if self.problem:
                self._write_some(self._told_that_it_is_back())
        except OSError as error:
            begin = lines.rfind(b"\n", 0, done) + 1
            self._is_torn = self._is_torn or done > begin
            self._fail(error, lines[begin:])
        else:
            self.problem = ""

    def _write_some(self, rest: bytes) -> int:
        """On a full disk, part of the bytes may still find room."""
        written = os.write(self._fd, rest)
        self._size += written
        return written

    def _told_that_it_is_back(self) -> bytes:
        elsewhere, self._told = self.elsewhere - self._told, self.elsewhere
        return self._say("warning", "log_file_again", file=str(self.path), elsewhere=elsewhere, lost=self.lost)

    def _fail(self, error: OSError, lines: bytes) -> None:
        self._close()
        problem = f"{self.path} cannot be written: {error.strerror or error}"
        if not self.problem:
            where = "lines go to standard error until it can"
            self._to_stderr(self._say("error", "log_file_unwritable", problem=problem, mend=where))
        self.problem = problem
        self.elsewhere += lines.count(b"\n")
        self._to_stderr(lines)

    def _to_stderr(self, lines: bytes) -> None:
        done = 0
        try:
            while done < len(lines):
                done += os.write(STDERR, lines[done:])
        except OSError:
            self.lost += lines.count(b"\n", done)

    # --- the file

    def _prepare(self, path: Path, coming_bytes: int) -> None:
        """Open, and with room for what is coming. Raises OSError."""
        if self._fd >= 0 and not self._is_there(path):
            self._close()
        if self._fd < 0:
            self._open(path)
        if self._size and self._size + coming_bytes > self._rotate_bytes and self._is_regular():
            self._rotate(path)

    def _is_there(self, path: Path) -> bool:
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return False
        return (found.st_dev, found.st_ino) == self._inode

    def _open(self, path: Path) -> None:
        fd = os.open(path, _FLAGS, _MODE)
        found = os.fstat(fd)
        self._fd, self._size, self._inode = fd, found.st_size, (found.st_dev, found.st_ino)
        if stat.S_ISREG(found.st_mode):
            self._is_torn = self.end_of_file(1) not in (b"", b"\n")

    def _is_regular(self) -> bool:
        return stat.S_ISREG(os.fstat(self._fd).st_mode)

    def _rotate(self, path: Path) -> None:
        os.rename(path, path.parent / archive_name(path.name, self._now(), os.listdir(path.parent)))
        self._close()
        self.rotations += 1
        self._on_rotated()
        self._open(path)

    def end_of_file(self, size: int) -> bytes:
        """The last `size` bytes of the file; none where it cannot be read."""
        if self.path is None:
            return b""
        try:
            with open(self.path, "rb") as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    return b""
                file.seek(max(0, os.fstat(file.fileno()).st_size - size))
                return file.read(size)
        except OSError:
            return b""

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        self._close()
