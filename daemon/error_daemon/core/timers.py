"""What is to happen at a time. The engine has no clock: whoever feeds it asks `next_at` and comes back then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from heapq import heapify, heappop, heappush

Call = Callable[[], None]
_SLACK = 64  # places of cancelled timers that are kept until their time comes, beside as many as there are timers


class Timers:
    """Each timer has a number, never 0 and never given twice. What was cancelled is dropped when its time comes, or when there is
    much of it."""

    __slots__ = ("_calls", "_heap", "_last")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._calls: dict[int, Call] = {}
        self._last = 0

    def set(self, at: float, call: Call) -> int:
        """`call` is due at `at`. Its number, for `cancel`."""
        self._last += 1
        self._calls[self._last] = call
        heappush(self._heap, (at, self._last))
        return self._last

    def cancel(self, number: int) -> None:
        """Nothing happens for a number that is 0, spent or cancelled."""
        self._calls.pop(number, None)
        if len(self._heap) > _SLACK + 2 * len(self._calls):
            self._heap = [place for place in self._heap if place[1] in self._calls]
            heapify(self._heap)

    def next_at(self) -> float | None:
        while self._heap and self._heap[0][1] not in self._calls:
            heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def is_due(self, now: float) -> bool:
        """Whether anything may be. False: nothing is."""
        return bool(self._heap) and self._heap[0][0] <= now

    def due(self, now: float) -> Iterator[Call]:
        """What is due by `now`, in order; each is given once. What the calls set for a time that has come is given, too."""
        while (at := self.next_at()) is not None and at <= now:
            yield self._calls.pop(heappop(self._heap)[1])
