"""A second way out of the log, beside its file: to the journal, to a syslog server.

It may fail for days, and only status tells. Each outlet has a thread and a queue of its own, so that a server that does not answer
holds up neither the daemon nor the file. What does not fit the queue is dropped, oldest first, and counted. A link that fails is closed
and opened anew, after a pause that doubles from 0.5 s to 30 s; the line that it failed with is sent again. Not so where the failure is
none that links have: that is a bug, and the line is dropped lest it be the cause.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Protocol

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_END_S = 2.0


class Unsendable(Exception):
    """This line can never be sent; the link is well."""


class Link(Protocol):
    @property
    def name(self) -> str: ...

    def send(self, line: bytes) -> None:
        """Connects where it is not. Raises OSError (ssl.SSLError is one); Unsendable. `line` has no end of line."""

    def close(self) -> None: ...


class Outlet:
    def __init__(self, link: Link, most_bytes: int) -> None:
        self.link = link
        self.sent = 0
        self.dropped = 0
        self.failures = 0  # of the link
        self.problem = ""  # why it does not work; empty where it does
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name=f"log-{link.name.partition(':')[0]}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def offer(self, lines: bytes) -> None:
        """Whole lines. Returns at once."""
        with self._changed:
            for line in lines.splitlines():
                self._waiting.append(line)
                self._bytes += len(line)
            while self._bytes > self._most_bytes:
                self._bytes -= len(self._waiting.popleft())
                self.dropped += 1
            self._changed.notify()

    def end(self) -> None:
        """Send what waits, as far as that goes at once."""
        with self._changed:
            self._is_ending = True
            self._changed.notify()
        self._thread.join(_END_S)

    def waiting(self) -> int:
        return len(self._waiting)

    # --- its thread

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while (line := self._next()) is not None:
            try:
                self.link.send(line)
            except Unsendable:
                self.dropped += 1
            except Exception as error:  # noqa: BLE001 without its thread an outlet would be silent, with no word of it
                if self._pause_after(error, line, pause_s):
                    break
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            else:
                self.sent += 1
                self.problem, pause_s = "", _FIRST_PAUSE_S
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # it is given up either way
            self.link.close()

    def _next(self) -> bytes | None:
        """The oldest line, when there is one; None at the end."""
        with self._changed:
            while not self._waiting:
                if self._is_ending:
                    return None
                self._changed.wait()
            line = self._waiting.popleft()
            self._bytes -= len(line)
            return line

    def _pause_after(self, error: Exception, line: bytes, pause_s: float) -> bool:
        """Wait, with the line back in its place if the link is to blame; whether it is the end."""
        self.failures += 1
        why = (error.strerror or str(error)) if isinstance(error, OSError) else f"a bug: {error!r}"
        self.problem = f"{self.link.name}: {why}"
        self._close()
        with self._changed:
            if isinstance(error, OSError):
                self._waiting.appendleft(line)
                self._bytes += len(line)
            else:
                self.dropped += 1
            if not self._is_ending:
                self._changed.wait_for(lambda: self._is_ending, pause_s)
            if self._is_ending:
                self.dropped += len(self._waiting)
            return self._is_ending
