"""
A connection's turn: how much may be done for one peer while the others wait.

It begins when bytes have come, and is over after `turn_s`, or after `frames_a_turn` where the clock is too coarse to see that or one frame
makes much work of another kind. Frames, messages and large answers count. What is left over is gone on with in another turn, after
everybody else had theirs: so with n peers who flood, a call waits for n turns, whatever the floods are made of.
"""

from __future__ import annotations

from collections.abc import Callable

from error_daemon.rpc.wire.limits import WireLimits

FRAME_BYTES = 4096  # so much that is copied or unpacked counts as a frame: a few µs


class Turn:
    """`at`: when it began. `now`: steady time in seconds; without it only frames are counted."""

    __slots__ = ("_frames", "_length_s", "_now", "_until", "at", "left")

    def __init__(self, limits: WireLimits, at: float, now: Callable[[], float] | None = None) -> None:
        self._now = now or self._began_at
        self._length_s = limits.turn_s
        self._frames = limits.frames_a_turn
        self.begin(at)

    def _began_at(self) -> float:
        return self.at

    def begin(self, at: float) -> None:
        self.at = at
        self.left = self._frames
        self._until = at + self._length_s

    def spend(self, size_bytes: int) -> None:
        self.left -= 1 + size_bytes // FRAME_BYTES

    def goes_on(self) -> bool:
        """After each frame: whether there is time for another."""
        self.left -= 1
        return self.left > 0 and self._now() <= self._until

    @property
    def is_over(self) -> bool:
        return self.left <= 0 or self._now() > self._until
