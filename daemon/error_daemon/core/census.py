"""How many of the errors known are in which state, and which of them stand failed: so that whoever asks need not walk through all.

The account is exact because nothing else sets the state of an error that is known: it comes in with `add`, changes with `change`, and
goes with `drop` (board.py). tests/core/world.py counts them after every event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from error_daemon.core.ticket import Error
from error_daemon.model import State


class Census:
    def __init__(self) -> None:
        self._by_state: dict[State, int] = dict.fromkeys(State, 0)
        self._failed: dict[str, Error] = {}  # by id

    def add(self, error: Error) -> None:
        self._by_state[error.state] += 1
        if error.state is State.FAILED:
            self._failed[error.error_id] = error

    def change(self, error: Error, state: State) -> None:
        """Its state is `state` from now on."""
        self.drop(error)
        error.state = state
        self.add(error)

    def drop(self, error: Error) -> None:
        """It is not known any more."""
        self._by_state[error.state] -= 1
        if error.state is State.FAILED:
            del self._failed[error.error_id]

    def by_state(self) -> Mapping[State, int]:
        """Those of which there is one at least."""
        return +Counter(self._by_state)

    def failed(self) -> Collection[Error]:
        return self._failed.values()
