"""The virtual time: what will happen, and when. Things of the same moment happen in the order in which they were entered."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf
from typing import Any


class Agenda:
    def __init__(self) -> None:
        self.t = 0.0  # seconds since the simulation began; never goes back
        self._entries: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._entered = 0

    def at(self, at: float, what: Callable[..., None], *arguments: Any) -> None:
        self._entered += 1
        heappush(self._entries, (at, self._entered, what, arguments))

    def after(self, delay_s: float, what: Callable[..., None], *arguments: Any) -> None:
        self.at(self.t + delay_s, what, *arguments)

    def next_at(self) -> float:
        return self._entries[0][0] if self._entries else inf

    def happen(self) -> None:
        """The next thing."""
        at, _, what, arguments = heappop(self._entries)
        self.t = max(self.t, at)
        what(*arguments)
