"""
So many notices in a second and no more, for who could not read them all: a page, a person.

A token bucket: a quarter of what a second may have goes at once, the rest as it comes. What has to wait waits in two places, neither longer
than a second's worth: what says that an error has come to something (a verdict, a person is needed) goes first, and of where errors
are on their way only the newest of each error is kept. So what is told last of an error is how it is, and never how it was before something
that was told already. What is left out is counted; once a second a summary tells of it, and then what is shown of errors may be old.

Feed it with `put`, ask `take` for what is due at a time, and `next_at` for when to ask again. Times are of any clock that goes forward.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from error_daemon.model import Notice, Summary

_ON_ITS_WAY = frozenset({"state", "decision"})  # a newer one of the same error says more
_SUMMARY_EVERY_S = 1.0


class Pace:
    def __init__(self, most_per_s: int) -> None:
        self._most = most_per_s
        self._most_at_once = max(1, most_per_s // 4)
        self._per_s = max(most_per_s - self._most_at_once, most_per_s / 2)  # so that no second has more than it may
        self._allowed = float(self._most_at_once)
        self._at = 0.0
        self._first: deque[Notice] = deque()
        self._newest: dict[str, Notice] = {}  # by error; the longest untold first
        self._left_out: Counter[str] = Counter()
        self._since = self._until = 0.0  # of what was left out
        self._summary_at = 0.0  # not before

    @property
    def is_empty(self) -> bool:
        return not (self._first or self._newest or self._left_out)

    def put(self, notice: Notice) -> None:
        error_id = notice.error_id
        if (older := self._newest.pop(error_id, None)) is not None:
            self._leave_out(older)
        if notice.kind in _ON_ITS_WAY:
            self._newest[error_id] = notice
            if len(self._newest) > self._most:
                self._leave_out(self._newest.pop(next(iter(self._newest))))
            return
        self._first.append(notice)
        if len(self._first) > self._most:
            self._leave_out(self._first.popleft())

    def take(self, now: float) -> Iterator[Notice | Summary]:
        """What may be told now. Of what is not taken of it nothing is lost."""
        self._refill(now)
        while self._allowed >= 1.0 and (self._first or self._newest):
            self._allowed -= 1.0
            yield self._first.popleft() if self._first else self._newest.pop(next(iter(self._newest)))
        if self._left_out and now >= self._summary_at:
            self._summary_at = now + _SUMMARY_EVERY_S
            summary, self._left_out = Summary(self._since, self._until, self._left_out), Counter()
            yield summary

    def next_at(self, now: float) -> float | None:
        """When there will be something to take; None: not before something is put."""
        self._refill(now)
        due = []
        if self._first or self._newest:
            due.append(now + max(0.0, 1.0 - self._allowed) / self._per_s)
        if self._left_out:
            due.append(max(now, self._summary_at))
        return min(due, default=None)

    def _refill(self, now: float) -> None:
        self._allowed = min(self._most_at_once, self._allowed + max(0.0, now - self._at) * self._per_s)
        self._at = now

    def _leave_out(self, notice: Notice) -> None:
        if not self._left_out:
            self._since = notice.at
        self._until = notice.at
        self._left_out[notice.kind] += 1
