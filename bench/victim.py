"""The program that is killed: a shell script that says its process id into a pipe as the very first thing, then sleeps.

So the time from its death to that word is the supervisor's alone, and the kernel's. A large one takes memory after that.
"""

from __future__ import annotations

import os
import select
import sys
import time
from pathlib import Path

_GROWS = (
    "import sys, time; b = bytearray(int(sys.argv[1]) << 20); b[::4096] = bytes([1]) * len(b[::4096]); time.sleep(1e6)"
)


class Victim:
    """`directory` holds all of it: the script, its pid file, and the pipe. `resident_mib`: what it takes of memory when it has begun."""

    def __init__(self, directory: Path, resident_mib: int = 0) -> None:
        self.directory = directory
        self._resident_mib = resident_mib
        self.pid_file = directory / "victim.pid"
        self.script = directory / "victim"
        self._pipe = directory / "started"
        os.mkfifo(self._pipe)
        self.mark = str(self._pipe.stat().st_ino)  # which of all victims it is: its last argument
        goes_on = f"{sys.executable} -S -c '{_GROWS}' {resident_mib}" if resident_mib else f"sleep 1000000 {self.mark}"
        self.script.write_text(f"#!/bin/sh\necho $$ > {self.pid_file}\necho $$ > {self._pipe}\nexec {goes_on}\n")
        self.script.chmod(0o755)
        self._reader = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)  # also a writer: so it never ends

    def started(self, within_s: float) -> tuple[int, float]:
        """The process id of the next that starts, as it sees it, and when (CLOCK_MONOTONIC). Raises TimeoutError."""
        if not select.select([self._reader], [], [], within_s)[0]:
            raise TimeoutError(f"nothing was started within {within_s} s")
        at = time.monotonic()
        return int(os.read(self._reader, 64).split()[0]), at

    def close(self) -> None:
        os.close(self._reader)

    def wait_until_grown(self, pid: int, within_s: float) -> None:
        """Until the process has its memory. Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while self._resident_mib and _resident_bytes(pid) < self._resident_mib << 20:
            if time.monotonic() > deadline:
                raise TimeoutError(f"it did not grow within {within_s} s")
            time.sleep(0.01)


def _resident_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
