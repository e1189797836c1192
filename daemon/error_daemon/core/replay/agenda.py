"""What happens in a replay at its time. At one moment people come first, then looks, then all else."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from math import inf

PEOPLE, HELD, LOOKS, REST = range(4)  # HELD: looks before anything is done, that something held back


class Agenda:
    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, int, Callable[[], None]]] = []
        self._numbers = 0

    def at(self, at: float, order: int, what: Callable[[], None]) -> None:
        """Those of one moment and order happen as they were put in."""
        heappush(self._due, (at, order, self.number(), what))

    def next_at(self) -> float:
        return self._due[0][0] if self._due else inf

    def happen(self) -> None:
        """The next one."""
        heappop(self._due)[3]()

    def number(self) -> int:
        """A number never given before."""
        self._numbers += 1
        return self._numbers
