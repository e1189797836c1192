"""Who has which target, and of which targets nobody knows how they are.

**One at a time.** An error takes its target from its attempt, or from the look before it, to the verdict. Nobody else may take it then:
whoever asks is held, and waits at the target's gate.

**Groups.** A group restart takes all its targets, in the order of their names, and keeps what it has while it waits for the next. So
whoever waits for a target has only targets with smaller names than that, and whoever has it waits, if at all, for one with a
greater name: no chain of those who wait ever leads back to where it began, and the one at its end waits for nobody. A group that is
held by anything else gives back what it has, since nobody knows for how long.

**Doubt.** A target is in doubt from the loss of an attempt until probes have seen it well or failing, whichever ticket asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from error_daemon.core.brakes.chain import target_gate
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.ticket import Error
from error_daemon.model import State

NAME = "target"


class Possession:
    def __init__(self) -> None:
        self._owners: dict[str, Error] = {}  # by target
        self._taken: dict[str, list[str]] = {}  # error → the targets that it has, in the order in which it took them
        self._doubtful: set[str] = set()

    # --- taking and giving back

    def owner(self, target: str) -> Error | None:
        return self._owners.get(target)

    def taken(self, error: Error) -> Sequence[str]:
        """The targets that it has."""
        return self._taken.get(error.error_id, ())

    def hold(self, error: Error, target: str) -> Hold | None:
        """Why it may not take the target; None: it may, or has it."""
        owner = self._owners.get(target)
        if owner is None or owner is error:
            return None
        return Hold(NAME, f"waits for {target}, which {owner.error_id} has", 0.0, target_gate(target))

    def take(self, error: Error, target: str) -> None:
        """`hold` must have let it; a target that it has it keeps."""
        if self._owners.get(target) is error:
            return
        assert target not in self._owners, "a target has one owner"
        self._owners[target] = error
        self._taken.setdefault(error.error_id, []).append(target)

    def take_all(
        self, error: Error, targets: Iterable[str], held_by_others: Callable[[str], Hold | None]
    ) -> Hold | None:
        """Take these, in the order of their names, up to the first that it may not have: it says why. None: it has them all.
        `held_by_others`: what else than its owner may keep a target from it."""
        for target in sorted(targets):
            hold = self.hold(error, target) or held_by_others(target)
            if hold is not None:
                return hold
            self.take(error, target)
        return None

    def give_back(self, error: Error) -> Sequence[str]:
        """All that it has: those targets, which are free now."""
        taken = self._taken.pop(error.error_id, ())
        for target in taken:
            del self._owners[target]
        return taken

    def in_the_works(self) -> int:
        """How many targets are being attempted, verified or looked at: not those that a group keeps while it waits for the rest, nor those
        that a person is at, whom nobody waits for."""
        return sum(error.state is not State.QUEUED and not _is_by_hand(error) for error in self._owners.values())

    # --- doubt

    def doubt(self, target: str) -> None:
        self._doubtful.add(target)

    def lose(self, error: Error) -> None:
        """Its attempt was lost: who knows what has become of the targets that it has."""
        self._doubtful.update(self.taken(error))

    def seen(self, target: str) -> None:
        """Probes have seen it well or failing."""
        self._doubtful.discard(target)

    def is_in_doubt(self, target: str) -> bool:
        return target in self._doubtful


def _is_by_hand(error: Error) -> bool:
    strategy = error.ticket.strategy if error.ticket and error.state is State.ATTEMPTING else None
    return strategy is not None and strategy.is_by_hand
