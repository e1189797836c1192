"""When a reading that wavers is a state: two thresholds and two times. Pure: readings and the time in, changes out.

             reading ≥ enter, all the time for enter_for_s
     out ───────────────────────────────────────────────────► in
         ◄───────────────────────────────────────────────────
             reading ≤ leave, all the time for leave_for_s

Between the thresholds nothing changes. A reading that is not known (None) breaks both times and changes nothing: silence is neither
health nor trouble. So of a reading that swings around one threshold, however fast, there is one change and not hundreds.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Change(Enum):
    ENTERED = "entered"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Band:
    """leave ≤ enter. For what is bad when it is low, give readings and thresholds negated."""

    enter: float
    leave: float
    enter_for_s: float = 0.0
    leave_for_s: float = 0.0

    @classmethod
    def above(cls, enter: float, *, for_s: float = 0.0, calm_s: float = 30.0) -> Band:
        """Left at half of what enters it, after a while of calm."""
        return cls(enter, enter / 2, for_s, calm_s)


@dataclass(slots=True)
class Hysteresis:
    """Feed `look` with readings in the order of time."""

    band: Band
    is_in: bool = False
    _since_s: float | None = None  # since when the readings speak for a change

    def look(self, reading: float | None, now_s: float) -> Change | None:
        if reading is None or not self._speaks_for_change(reading):
            self._since_s = None
            return None
        if self._since_s is None:
            self._since_s = now_s
        wanted_s = self.band.leave_for_s if self.is_in else self.band.enter_for_s
        if now_s - self._since_s < wanted_s:
            return None
        self.is_in = not self.is_in
        self._since_s = None
        return Change.ENTERED if self.is_in else Change.LEFT

    def _speaks_for_change(self, reading: float) -> bool:
        return reading <= self.band.leave if self.is_in else reading >= self.band.enter
