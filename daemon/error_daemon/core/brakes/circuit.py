"""A circuit: closed (all may pass), open (nobody), half-open (one at a time, to see).

    closed      trip             → open, for `open_s`
    open        its time is up   → half-open
    open        trip             → open, for at least the time that is asked for
    half-open   success          → half-open; closed with the `successes`-th in a row
    half-open   failure, trip    → open, for `growth` times as long as before, at most `longest_s`

After Nygard, "Release It!" (2007). Whether something is a reason to trip is decided by whoever owns the circuit.
"""

from __future__ import annotations

from enum import Enum
from math import inf


class CircuitState(str, Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Circuit:
    __slots__ = ("_first_open_s", "_growth", "_longest_s", "_open_s", "_successes", "is_tripped", "open_until", "won")

    def __init__(self, open_s: float, successes: int, growth: float = 1.0, longest_s: float = inf) -> None:
        self._first_open_s = self._open_s = open_s
        self._successes = successes
        self._growth = growth
        self._longest_s = longest_s
        self.is_tripped = False  # open or half-open
        self.open_until = 0.0
        self.won = 0  # successes in a row while half-open

    def state(self, now: float) -> CircuitState:
        if not self.is_tripped:
            return CircuitState.CLOSED
        return CircuitState.OPEN if now < self.open_until else CircuitState.HALF_OPEN

    def trip(self, now: float, until: float = 0.0) -> None:
        """Open, until `until` if that is later than the time that is due anyway."""
        state = self.state(now)
        if state is CircuitState.HALF_OPEN:
            self._open_s = min(self._open_s * self._growth, self._longest_s)
        self.is_tripped, self.won = True, 0
        due = self.open_until if state is CircuitState.OPEN else now + self._open_s
        self.open_until = max(due, until)

    def tried(self, success: bool, now: float) -> bool:
        """One that was let through while half-open has ended. True: it closed the circuit."""
        if self.state(now) is not CircuitState.HALF_OPEN:
            return False
        if not success:
            self.trip(now)
            return False
        self.won += 1
        if self.won < self._successes:
            return False
        self.close()
        return True

    def close(self) -> None:
        self.is_tripped, self.open_until, self.won = False, 0.0, 0
        self._open_s = self._first_open_s
