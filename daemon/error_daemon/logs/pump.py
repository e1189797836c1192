"""The thread that takes lines out of the buffer: to the file, and to the outlets.

It wakes on a timer, when the buffer is half full, when a critical line was added, and at the end. The loop is never asked to wait: what
the thread cannot get rid of stays in the buffer until that is full, and is counted then.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from error_daemon.logs.buffer import LogBuffer
from error_daemon.logs.logfile import LogFile, Say
from error_daemon.logs.outlet import Outlet

_END_S = 3.0


class Pump:
    def __init__(
        self, buffer: LogBuffer, file: LogFile, outlets: Sequence[Outlet], say: Say, flush_interval_s: float
    ) -> None:
        self.buffer = buffer
        self.file = file
        self.outlets = tuple(outlets)
        self.flushes = 0
        self._say = say
        self._interval_s = flush_interval_s
        self._half_bytes = buffer.capacity // 2
        self._wake = threading.Event()
        self._is_ending = False
        self._told_lost = 0
        self._flushing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)

    def start(self) -> None:
        for outlet in self.outlets:
            outlet.start()
        self._thread.start()

    def add(self, line: bytes, *, is_vital: bool = False, at_once: bool = False) -> None:
        """From any thread; returns at once."""
        waiting_bytes = self.buffer.add(line, is_vital)
        if at_once or waiting_bytes > self._half_bytes:
            self._wake.set()

    def end(self) -> None:
        """Write what waits; what a disk that hangs does not take is left behind, and found by the next daemon."""
        self._is_ending = True
        self._wake.set()
        self._thread.join(_END_S)
        for outlet in self.outlets:
            outlet.end()
        if not self._thread.is_alive():
            self.file.close()
            self.buffer.close()

    def flush(self) -> None:
        """Write what there is. For the thread, and for tests that have none."""
        buffer = self.buffer
        with self._flushing:
            lines = buffer.read(buffer.tail)
            if lines:
                for outlet in self.outlets:
                    outlet.offer(lines)
                self.file.write(lines)
                buffer.written(len(lines))
                self.flushes += 1
            if buffer.lost > self._told_lost:
                count, self._told_lost = buffer.lost - self._told_lost, buffer.lost
                self.add(
                    self._say("error", "log_lines_lost", count=count, reason="the log buffer was full"), is_vital=True
                )

    def _run(self) -> None:
        while not self._is_ending:
            self._wake.wait(self._interval_s)
            self._wake.clear()
            self.flush()
        self.flush()
