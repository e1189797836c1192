"""One pass of a test, as it was seen: how the error ended, by which attempts, and what the state was after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from error_daemon.model import AttemptRecord, Difference, ErrorView, Notice, Observation, RepeatPass, State
from error_daemon.runtime.repeat.state import differences

ENDED = frozenset({State.WATCHING, State.RESOLVED, State.FAILED, State.OBSERVED, State.FLUSHED})
_RECOVERED = frozenset({State.WATCHING, State.RESOLVED})


@dataclass(frozen=True, slots=True)
class Seen:
    """Of a pass, before the state after it is looked at."""

    number: int
    view: ErrorView  # of its error when that had ended, or the time was up
    notices: Sequence[Notice]  # of its target
    began_at: float
    duration_s: float
    within_s: float  # the time that it had
    was_well: bool
    tickets: int  # that its faults opened

    @property
    def is_recovered(self) -> bool:
        return self.view.state in _RECOVERED and self.view.recovered_at >= self.began_at

    def passed(
        self, state: Sequence[Observation], unsteady: Sequence[Difference], first: Sequence[Observation]
    ) -> RepeatPass:
        """`state`: after it; `unsteady`: what of that did not come to rest. `first`: the state after the first pass."""
        view, error_id = self.view, self.view.error_id
        return RepeatPass(
            number=self.number,
            error_id=error_id,
            state=view.state.value,
            reason=view.reason if view.state in ENDED else self._unfinished(),
            is_recovered=self.is_recovered,
            attempts=self._attempts(),
            duration_s=self.duration_s,
            observations=tuple(state),
            differences=differences(first, state, unsteady) if self.is_recovered else (),
            was_well=self.was_well,
            others=tuple(dict.fromkeys(one.error_id for one in self.notices if one.error_id != error_id)),
        )

    def _unfinished(self) -> str:
        held = f", held by {self.view.held_by}" if self.view.held_by else ""
        return f"not over within {self.within_s:g} s{held}: {self.view.reason}"

    def _attempts(self) -> tuple[AttemptRecord, ...]:
        own = (one for one in self.notices if one.kind == "verdict" and one.error_id == self.view.error_id)
        return tuple(one.attempt for one in own if one.attempt)


def in_short(done: RepeatPass) -> RepeatPass:
    """What the end is made from: of a thousand passes not all that was seen is kept."""
    return replace(
        done,
        observations=tuple(one for one in done.observations if one.problem),
        differences=tuple(replace(each, first=None, now=None) for each in done.differences),
    )
