"""The kernel log: machine checks, OOM kills, errors of disks and file systems, hung tasks, from /dev/kmsg as they are written.

A record is `priority,sequence,µs,flags;text`, with more lines that begin with a space. Only what the kernel itself says counts (facility
0): everybody with the right to write there has another facility. What was said before the start is not read. Lines that were overwritten
before they were read are counted, and shown.

Who may read it: with kernel.dmesg_restrict=1 it takes CAP_SYSLOG when the file is opened, not when it is read. So systemd can open it and
hand it over, and the daemon needs no capability (docs/sensors.md).
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from error_daemon.ingest.sensors.contract import Desk, Unavailable
from error_daemon.ingest.sensors.kernel_patterns import sighting_of
from error_daemon.model.diagnostic import Diagnostic, Standing

_RECORD_BYTES = 8192  # the kernel's own bound
_MOST_AT_ONCE = 64  # records in one turn of the loop
_FACILITY_SHIFT = 3
KERNEL = 0


class KernelLog:
    """`given_fd`: open already, by systemd. `facilities`: whose lines count."""

    name = "kernel-log"
    needs = "/dev/kmsg opened for reading: CAP_SYSLOG where kernel.dmesg_restrict is 1"

    def __init__(
        self, root: Path = Path("/"), given_fd: int | None = None, facilities: frozenset[int] = frozenset({KERNEL})
    ) -> None:
        self._path = root / "dev/kmsg"
        self._given_fd = given_fd
        self._facilities = facilities
        self._fd = -1
        self._lines = 0
        self._reported = 0
        self._overwritten = 0

    def start(self, desk: Desk) -> None:
        self._desk = desk
        self._fd = self._opened()
        with suppress(OSError):  # a pipe has no end to go to
            os.lseek(self._fd, 0, os.SEEK_END)
        desk.on_readable(self._fd, self._read)

    def _opened(self) -> int:
        try:
            if self._given_fd is not None:
                fd = os.dup(self._given_fd)
                os.set_blocking(fd, False)
                return fd
            return os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError as error:
            mend = "systemd 253 opens it for the daemon; for older ones docs/sensors.md has a drop-in"
            raise Unavailable(f"{self._path} cannot be read: {error.strerror}", mend) from error
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be opened: {error.strerror}") from error

    def stop(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read(self) -> None:
        for _ in range(_MOST_AT_ONCE):
            try:
                raw = os.read(self._fd, _RECORD_BYTES)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno != errno.EPIPE:
                    raise
                self._overwritten += 1  # the next read goes on with the oldest that is left
                continue
            if not raw:
                return
            self._take(raw.decode("utf-8", "replace"))

    def _take(self, text: str) -> None:
        for record in text.split("\n"):
            if not record or record.startswith(" "):
                continue  # the rest of the record before it: which device
            self._lines += 1
            prefix, _, line = record.partition(";")
            priority = prefix.partition(",")[0]
            if not priority.isdigit() or int(priority) >> _FACILITY_SHIFT not in self._facilities:
                continue
            sighting = sighting_of(line)
            if sighting is not None:
                self._reported += 1
                self._desk.happened(sighting)

    def diagnostic(self) -> Diagnostic:
        figures = {
            "lines": float(self._lines),
            "reported": float(self._reported),
            "overwritten": float(self._overwritten),
        }
        says = f"{self._lines} lines read, {self._reported} reported"
        if self._overwritten:
            return Diagnostic(
                "sensors",
                self.name,
                Standing.NOTICE,
                f"{says}; {self._overwritten} times lines were overwritten before they were read",
                "a larger log_buf_len on the kernel's command line",
                figures,
            )
        return Diagnostic("sensors", self.name, Standing.GOOD, says, figures=figures)
