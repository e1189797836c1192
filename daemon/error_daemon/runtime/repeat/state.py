"""The state of a target after a pass, and what of it is not as it was after the first.

A state counts when two looks in a row see the same: right after a recovery much is still on its way. What never comes to rest (a clock in a
page, a counter) is *unsteady*: nothing follows from it, and the operator is told to have it ignored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from error_daemon.model import Difference, Observation

State = Sequence[Observation]


def differences(first: State, now: State, unsteady: Sequence[Difference] = ()) -> tuple[Difference, ...]:
    """What is not the same, by observer and fact. `unsteady`: what changed while nobody did anything is said to be so."""
    restless = {(one.observer, one.fact) for one in unsteady}
    before, after = _facts(first), _facts(now)
    return tuple(
        Difference(*key, before.get(key), after.get(key), is_unsteady=key in restless)
        for key in sorted(before.keys() | after.keys() | restless)
        if before.get(key) != after.get(key) or key in restless
    )


def problems(state: State) -> Iterator[str]:
    """What could not be looked at."""
    for one in state:
        if one.problem:
            yield f"{one.observer} could not be looked at: {one.problem}"


def _facts(state: State) -> Mapping[tuple[str, str], str]:
    return {(one.observer, name): value for one in state for name, value in one.facts.items()}
