"""Equal events that come fast are one report with a count. Pure.

The first is told at once. For `quiet_s` after a report, further ones of the same key are counted; `due` gives them out as one report when
the time has passed, and then it is quiet again. A disk that dies with ten thousand lines a second is some faults, and none is lost in the
count. Of more than `most` keys at a time, the oldest are forgotten; what they had counted is given out by the next `due`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


@dataclass(slots=True)
class Bursts(Generic[K]):
    quiet_s: float = 1.0
    most: int = 1000
    _kept: dict[K, tuple[float, int]] = field(
        default_factory=dict
    )  # quiet until when, counted since; in the order of the times
    _lost: list[tuple[K, int]] = field(default_factory=list)

    def take(self, key: K, count: int, now_s: float) -> int:
        """How many to tell at once: all of them, or 0."""
        known = self._kept.get(key)
        if known is not None and (now_s < known[0] or known[1]):
            self._kept[key] = known[0], known[1] + count
            return 0
        self._kept.pop(key, None)
        self._kept[key] = now_s + self.quiet_s, 0
        if len(self._kept) > self.most:
            oldest = next(iter(self._kept))
            if counted := self._kept.pop(oldest)[1]:
                self._lost.append((oldest, counted))
        return count

    def due(self, now_s: float) -> list[tuple[K, int]]:
        """What has been counted and may be told now."""
        told, self._lost = self._lost, []
        for key, (until_s, count) in list(self._kept.items()):
            if until_s > now_s:
                break  # those behind it are later
            del self._kept[key]
            if count:
                told.append((key, count))
                self._kept[key] = now_s + self.quiet_s, 0
        return told

    def __contains__(self, key: K) -> bool:
        """It is quiet, and counted."""
        return key in self._kept

    def __len__(self) -> int:
        return len(self._kept)
