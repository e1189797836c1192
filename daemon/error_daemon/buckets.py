"""How much may be asked for in a time: a token bucket for each key (a caller, a hook).

A bucket holds at most `burst` tokens and gets `rate_per_s` of them in a second; what is asked for costs one each. It is kept as one
number, the time at which the bucket will be full again (the "theoretical arrival time" of the generic cell rate algorithm, ITU-T I.371,
which is the same bucket seen from its empty side):

    in the bucket at t  =  burst - rate * max(0, full_at - t)

So an unused bucket is one that is not there, and those that are full can be forgotten. A request that is larger than what is in the
bucket gets what there is, and hears when the rest, or as much of it as a full bucket holds, will be.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

_ROUNDING = 1e-6  # of a token: a time near 1.8e9 s is exact to some 2e-7 s


@dataclass(frozen=True, slots=True)
class Grant:
    """`granted` of what was asked for; the rest, or a full bucket of it, after `retry_after_s`."""

    granted: int
    retry_after_s: float = 0.0


class Buckets:
    """One for each key. `rate_per_s` 0: nothing is bounded. No more than `most_keys` are remembered: beyond it those that are nearest to
    full are forgotten, which gives their owners a little and takes from nobody."""

    def __init__(self, rate_per_s: float, burst: int, most_keys: int = 10_000) -> None:
        self._rate = rate_per_s
        self._burst = burst
        self._most_keys = most_keys
        self._full_at: dict[str, float] = {}

    def take(self, key: str, wanted: int, now: float) -> Grant:
        if not self._rate:
            return Grant(wanted)
        full_at = max(self._full_at.get(key, now), now)
        there = self._burst - self._rate * (full_at - now)
        granted = max(0, min(wanted, floor(there + _ROUNDING * self._rate + 1e-9)))
        if granted:
            if key not in self._full_at:
                self._make_room(now)
            self._full_at[key] = full_at + granted / self._rate
        if granted == wanted:
            return Grant(granted)
        needed = min(wanted - granted, self._burst)
        return Grant(granted, max(0.001, (needed - (there - granted)) / self._rate))

    def _make_room(self, now: float) -> None:
        if len(self._full_at) < self._most_keys:
            return
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        if len(self._full_at) >= self._most_keys:
            by_fill = sorted(self._full_at.items(), key=lambda each: each[1])
            self._full_at = dict(by_fill[self._most_keys // 10 + 1 :])

    def __len__(self) -> int:
        return len(self._full_at)
