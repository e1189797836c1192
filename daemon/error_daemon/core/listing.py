"""
The newest of the errors that are wanted, in parts, so that whoever lists can let others have their turn in between.

    listing = engine.listing(limit, is_wanted)
    for some in parts of listing.errors():  listing.add(some)
    listing.newest(), listing.total

What is wanted is taken as it is when it is added. What is kept is told, and put in order, as it is at the end: an error of which a fault
came meanwhile stands first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import nlargest
from operator import itemgetter

from error_daemon.core.ticket import Error

Newness = tuple[float, str]
"""When the newest fault of an error came, and its id, which parts those of the same time."""


class Listing:
    """`of`: those to be looked through. At most `limit` are kept; with `after`, of those that are older than that."""

    def __init__(
        self, of: Sequence[Error], limit: int, is_wanted: Callable[[Error], bool], after: Newness | None
    ) -> None:
        self._of = of
        self._limit = limit
        self._is_wanted = is_wanted
        self._after = after
        self._newest: list[tuple[Newness, Error]] = []
        self.total = 0  # that are wanted so far, with and without `after`

    def errors(self) -> Sequence[Error]:
        """Those to be added."""
        return self._of

    def add(self, errors: Iterable[Error]) -> None:
        wanted = [(_newness(error), error) for error in errors if self._is_wanted(error)]
        self.total += len(wanted)
        if self._after is not None:
            wanted = [found for found in wanted if found[0] < self._after]
        if wanted:
            self._newest = nlargest(self._limit, self._newest + wanted, key=itemgetter(0))

    def newest(self) -> list[Error]:
        """The newest first."""
        return sorted([error for _, error in self._newest], key=_newness, reverse=True)


def _newness(error: Error) -> Newness:
    return error.last_at, error.error_id
