"""What runs: the attempts, and the looks before one. Each takes one of the places that the capacity counts (brakes/chain.py).

A look takes the place of an attempt until it is answered: else newer tickets, which need no look, would take every place that comes
free, and the older wait for ever. A place is that of a critical error, or an ordinary one, by what the error was when it began.

What a person does, led by a workflow, takes no place: it costs the host nothing, and would take it for hours.
"""

from __future__ import annotations

from error_daemon.core.brakes.chain import is_critical
from error_daemon.core.ticket import Error


class Running:
    def __init__(self) -> None:
        self._attempts: dict[str, Error] = {}  # by attempt_id
        self._looks: set[str] = set()  # errors whose first look before an attempt is not answered yet
        self._by_hand: set[str] = set()  # those of the attempts that take no place
        self._ordinary: set[str] = set()  # attempts and errors of these two that are not critical

    def begin(self, attempt_id: str, error: Error, *, is_by_hand: bool = False) -> None:
        """An attempt."""
        self._attempts[attempt_id] = error
        if is_by_hand:
            self._by_hand.add(attempt_id)
        elif not is_critical(error):
            self._ordinary.add(attempt_id)

    def end(self, attempt_id: str) -> Error | None:
        """The error of an attempt that has ended; None: it is not known."""
        self._ordinary.discard(attempt_id)
        self._by_hand.discard(attempt_id)
        return self._attempts.pop(attempt_id, None)

    def look(self, error: Error) -> None:
        """A look before an attempt."""
        self._looks.add(error.error_id)
        if not is_critical(error):
            self._ordinary.add(error.error_id)

    def answered(self, error: Error) -> None:
        """Its look, if there was one, takes no place any more."""
        self._looks.discard(error.error_id)
        self._ordinary.discard(error.error_id)

    def attempts(self) -> int:
        return len(self._attempts)

    def places(self) -> int:
        """How many places are taken."""
        return len(self._attempts) - len(self._by_hand) + len(self._looks)

    def ordinary_places(self) -> int:
        """How many of them by what is not for a critical error."""
        return len(self._ordinary)
