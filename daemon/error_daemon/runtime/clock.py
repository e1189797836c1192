"""The only place where the daemon reads clocks."""

from __future__ import annotations

import time


class SteadyClock:
    """ports.Clock: wall time at its making plus the monotonic time since, so that setting the host's clock moves nothing.

    `from_monotonic` takes CLOCK_MONOTONIC seconds of any process of this host."""

    __slots__ = ("_offset_s",)

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        return time.monotonic() + self._offset_s

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s + self._offset_s


def monotonic_us() -> int:
    """CLOCK_MONOTONIC, as systemd wants to be told it."""
    return time.monotonic_ns() // 1000


def wall_time() -> float:
    """Seconds since 1970 as the host's clock has them at this moment: of log lines, which are read beside those of others."""
    return time.time()
