"""The throttle (A15): never more than `per_s` operations are begun in any one second, on the whole
host. An operation is an attempt, or a look at a target before one.

The starts of the last second are kept, so the budget holds in every window and not on average. A tenth of it is kept for critical
errors; the others have nine tenths among them, which critical errors do not use up: of any two the older goes first (queue.py).

**Slow start.** When a brake lets go (pause, global breaker, the start of the daemon), the budget of all but critical errors
grows from a tenth to the whole in `slow_start_s`, so that what has gathered is no stampede.
"""

from __future__ import annotations

from collections import deque
from math import ceil

from error_daemon.core.brakes.hold import Hold
from error_daemon.model import BrakeView

NAME = "throttle"
WINDOW_S = 1.0
_RESERVE = 0.1  # for critical errors
_FIRST = 0.1  # of the budget, when a brake has let go


class Throttle:
    def __init__(self, per_s: int, slow_start_s: float) -> None:
        self._per_s = per_s
        self._slow_start_s = slow_start_s
        self._eased_at: float | None = None
        self._starts: deque[float] = deque()  # of the last second
        self._ordinary: deque[float] = deque()  # those of them that were not critical

    def ease_in(self, now: float) -> None:
        """Begin a slow start."""
        self._eased_at = now

    def hold(self, is_critical: bool, now: float) -> Hold | None:
        most, free_at = self._per_s, 0.0
        if self._recent(now) >= most:
            free_at = self._starts[-most] + WINDOW_S
        if not is_critical and len(self._ordinary) >= self.budget(now):
            most = self.budget(now)
            free_at = max(free_at, self._ordinary[-most] + WINDOW_S)
        if not free_at:
            return None
        slow = f", in a slow start towards {self._per_s}" if self._is_slow(now) else ""
        return Hold(NAME, f"{most} operations were begun in the last second, which is the most{slow}", free_at)

    def started(self, now: float, *, is_critical: bool) -> None:
        self._starts.append(now)
        if not is_critical:
            self._ordinary.append(now)

    def budget(self, now: float) -> int:
        """Attempts a second for all but critical errors, at this moment."""
        share = 1.0
        if self._eased_at is not None and self._is_slow(now):
            share = _FIRST + (1.0 - _FIRST) * (now - self._eased_at) / self._slow_start_s
        return max(1, ceil(self._per_s * (1.0 - _RESERVE) * share))

    def says(self, now: float) -> str:
        return f"{NAME}: {self._says(now)}"

    def _says(self, now: float) -> str:
        return f"{self._recent(now)} begun in the last second, of {self._per_s}"

    def view(self, now: float) -> BrakeView:
        state = "slow start" if self._is_slow(now) else "closed"
        until = (self._eased_at or 0.0) + self._slow_start_s if self._is_slow(now) else 0.0
        figures = {"per_s": float(self._per_s), "budget": float(self.budget(now)), "begun": float(self._recent(now))}
        return BrakeView(NAME, "", state, self._says(now), until, figures=figures)

    def _is_slow(self, now: float) -> bool:
        return self._eased_at is not None and now < self._eased_at + self._slow_start_s

    def _recent(self, now: float) -> int:
        for starts in (self._starts, self._ordinary):
            while starts and starts[0] + WINDOW_S <= now:  # as `hold` says it, to the last bit
                starts.popleft()
        return len(self._starts)
