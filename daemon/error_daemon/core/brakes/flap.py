"""Flap suppression (A12): an error that comes back soon after its recovery is flapping, and is left alone until it was calm for a time.

That time is `threshold_s` at first, and doubles with each relapse in a row up to `longest_s`. A stability window without a relapse
proves health and sets it back; so does a person who settles the error (resolve, reset): what comes after that is new. What was reported
last is not lost: it is looked at when the time is up, and recovered then if it has not healed by itself.
"""

from __future__ import annotations

from error_daemon.core.brakes.hold import Hold
from error_daemon.core.ticket import Error

NAME = "flap suppression"
_MOST_DOUBLINGS = 32


class FlapSuppression:
    def __init__(self, threshold_s: float, longest_s: float) -> None:
        self._threshold_s = threshold_s
        self._longest_s = max(longest_s, threshold_s)

    def hold(self, error: Error, now: float) -> Hold | None:
        calm_s = self.calm_s(error.flaps)
        calm_at = error.recovered_at + calm_s
        if not error.flapping or now >= calm_at:
            return None
        ago_s = now - error.recovered_at
        in_a_row = f" ({error.flaps} times in a row)" if error.flaps > 1 else ""
        reason = f"flapping: came back {ago_s:.1f} s after its recovery{in_a_row}, calm until {calm_s:g} s after it"
        return Hold(NAME, reason, calm_at, look_first=True)

    def calm_s(self, flaps: int) -> float:
        """How long it must be calm after the recovery that the `flaps`-th relapse in a row followed."""
        return min(self._threshold_s * 2.0 ** min(max(flaps - 1, 0), _MOST_DOUBLINGS), self._longest_s)
