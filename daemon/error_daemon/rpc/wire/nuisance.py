"""A budget for frames that are allowed, cost work, and bring nothing: a few are usual, thousands a second are an attack."""

from __future__ import annotations

from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.turn import Turn


class Nuisance:
    """A token bucket of `nuisances`, refilled at `nuisances_per_s`, at the time at which the turn began."""

    __slots__ = ("_at", "_burst", "_left", "_per_s", "_turn")

    def __init__(self, limits: WireLimits, turn: Turn) -> None:
        self._burst = self._left = float(limits.nuisances)
        self._per_s = limits.nuisances_per_s
        self._turn = turn
        self._at = turn.at  # of the last refill

    def count(self, what: str) -> None:
        """One more. Raises ConnectionViolation when it is one too many."""
        at = self._turn.at
        self._left = min(self._burst, self._left + (at - self._at) * self._per_s) - 1.0
        self._at = at
        if self._left < 0.0:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, f"too many {what}")
