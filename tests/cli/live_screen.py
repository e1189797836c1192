"""error-cli on a terminal that is drawn into memory: what a person sees at this moment, and the keys that they press."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pyte

PATIENCE_S = 60.0  # for what takes a tenth of a second on a machine that is not busy


class LiveScreen:
    """A terminal of so many columns and rows with error-cli on it. `sent`: how many bytes it was sent, so far."""

    def __init__(self, *arguments: str, columns: int = 80, rows: int = 24, **environment: str) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.sent = 0
        self.raw = b""
        self._master, slave = pty.openpty()
        self._size(columns, rows)
        self.settings_before = termios.tcgetattr(slave)
        given = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", **environment}
        command = [sys.executable, "-m", "error_cli", *arguments]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=given, start_new_session=True
        )
        self._slave = slave

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self._size(columns, rows)
        self.process.send_signal(signal.SIGWINCH)

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def read(self, for_s: float) -> None:
        """What comes within that time, or nothing."""
        if select.select([self._master], [], [], for_s)[0]:
            with suppress(OSError):
                some = os.read(self._master, 1 << 16)
                self.sent += len(some)
                self.raw += some
                self._stream.feed(some)

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines())

    def until(self, *texts: str, gone: str = "") -> str:
        """Read until all texts are on the screen, and `gone` is not; the screen then."""
        end = time.monotonic() + PATIENCE_S
        while not all(text in self.text for text in texts) or (gone and gone in self.text):
            assert time.monotonic() < end, f"{texts} did not come (or {gone!r} stayed):\n{self.text}"
            assert self.process.poll() is None or self._may_read(), (
                f"it ended with {self.process.returncode}:\n{self.text}"
            )
            self.read(0.1)
        return self.text

    def _may_read(self) -> bool:
        return bool(select.select([self._master], [], [], 0)[0])

    def ended(self) -> int:
        """Its exit code, when it has ended by itself."""
        end = time.monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert time.monotonic() < end, f"it does not end:\n{self.text}"
            self.read(0.05)
        while self._may_read():
            self.read(0.05)
        return self.process.returncode

    def settings(self) -> list[object]:
        """Of the terminal, as termios has them."""
        return termios.tcgetattr(self._slave)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._slave)
        os.close(self._master)


@contextmanager
def live(*arguments: str, columns: int = 80, rows: int = 24, **environment: str) -> Iterator[LiveScreen]:
    screen = LiveScreen(*arguments, columns=columns, rows=rows, **environment)
    try:
        yield screen
    finally:
        screen.close()
