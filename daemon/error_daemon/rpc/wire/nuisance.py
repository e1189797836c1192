"""A budget for frames that are allowed, cost work, and bring nothing: a few are usual, thousands a second are an attack."""

from __future__ import annotations

from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode


class Nuisance:
    """A token bucket of `burst`, refilled at `per_s`. `at` is the time of the last refill, in seconds on any steady clock."""

    __slots__ = ("_at", "_burst", "_left", "_per_s")

    def __init__(self, burst: int, per_s: float, at: float) -> None:
        self._burst = float(burst)
        self._per_s = per_s
        self._left = float(burst)
        self._at = at

    def count(self, what: str, at: float) -> None:
        """One more. Raises ConnectionViolation when it is one too many."""
        self._left = min(self._burst, self._left + (at - self._at) * self._per_s) - 1.0
        self._at = at
        if self._left < 0.0:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, f"too many {what}")
