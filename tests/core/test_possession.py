"""Who has which target: never two, and groups that overlap all get their turn."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from error_daemon.core.brakes.hold import Hold
from error_daemon.core.possession import Possession
from error_daemon.core.ticket import Error
from error_daemon.model import State
from tests.core.queued import queued

TARGETS = "abcde"
ERRORS = [queued(number) for number in range(4)]

errors = st.sampled_from(ERRORS)
targets = st.sampled_from(TARGETS)
groups = st.sets(targets, min_size=1)


def free_of_others(_target: str) -> Hold | None:
    return None


class Owning(RuleBasedStateMachine):
    """Against a model that keeps pairs of an error and a target that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.possession = Possession()
        self.model: list[tuple[str, str]] = []
        self.doubtful: set[str] = set()

    def owner(self, target: str) -> str | None:
        return next((error_id for error_id, taken in self.model if taken == target), None)

    def note(self, error: Error, target: str) -> None:
        if (error.error_id, target) not in self.model:
            self.model.append((error.error_id, target))

    @rule(error=errors, wanted=targets)
    def ask_for_one(self, error: Error, wanted: str) -> None:
        hold = self.possession.hold(error, wanted)
        owner = self.owner(wanted)
        assert (hold is None) == (owner in (None, error.error_id))
        if hold is None:
            self.possession.take(error, wanted)
            self.note(error, wanted)
        else:
            assert (hold.by, hold.gate) == ("target", f"target:{wanted}")
            assert hold.reason == f"waits for {wanted}, which {owner} has"

    @rule(error=errors, group=groups, barred=st.none() | targets)
    def ask_for_a_group(self, error: Error, group: set[str], barred: str | None) -> None:
        hold = self.possession.take_all(error, group, lambda name: Hold("pause", "") if name == barred else None)
        for name in sorted(group):
            if self.owner(name) not in (None, error.error_id):
                assert hold is not None
                assert hold.gate == f"target:{name}"
                return
            if name == barred:
                assert hold == Hold("pause", "")
                return
            self.note(error, name)
        assert hold is None

    @rule(error=errors)
    def give_back(self, error: Error) -> None:
        had = [target for error_id, target in self.model if error_id == error.error_id]
        assert list(self.possession.give_back(error)) == had, "in the order in which it took them"
        self.model = [pair for pair in self.model if pair[0] != error.error_id]

    @rule(error=errors)
    def lose(self, error: Error) -> None:
        if self.possession.taken(error):
            self.possession.lose(error)
            self.doubtful.update(self.possession.taken(error))

    @rule(name=targets)
    def see(self, name: str) -> None:
        self.possession.seen(name)
        self.doubtful.discard(name)

    @rule(name=targets)
    def doubt(self, name: str) -> None:
        self.possession.doubt(name)
        self.doubtful.add(name)

    @invariant()
    def a_target_has_one_owner_at_most(self) -> None:
        taken = [target for error in ERRORS for target in self.possession.taken(error)]
        assert len(taken) == len(set(taken))
        for target in TARGETS:
            owner = self.possession.owner(target)
            assert (owner.error_id if owner else None) == self.owner(target)
            assert (target in taken) == (owner is not None)

    @invariant()
    def it_is_known_which_are_in_doubt(self) -> None:
        assert {target for target in TARGETS if self.possession.is_in_doubt(target)} == self.doubtful


TestOwning = Owning.TestCase
TestOwning.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@settings(max_examples=300, deadline=None)
@given(st.lists(groups, min_size=2, max_size=7), st.data())
def test_groups_never_deadlock_whatever_overlaps_and_in_whatever_order_they_are_freed(
    wanted: list[set[str]], data: st.DataObject
) -> None:
    """Whoever is held waits for one target, and is ready again when that is given back; who has all of its targets ends some time."""
    possession = Possession()
    everybody = {number: queued(number) for number in range(len(wanted))}
    ready = sorted(everybody)
    has_all: list[int] = []
    waits: dict[int, str] = {}  # for which gate
    ended = 0
    while ended < len(wanted):
        assert ready or has_all, f"nobody can go on: {waits}"
        number = data.draw(st.sampled_from(ready + has_all))
        if number in ready:
            ready.remove(number)
            hold = possession.take_all(everybody[number], wanted[number], free_of_others)
            if hold is None:
                has_all.append(number)
            else:
                waits[number] = hold.gate
            continue
        has_all.remove(number)
        ended += 1
        gates = {f"target:{target}" for target in possession.give_back(everybody[number])}
        ready += sorted(other for other, gate in waits.items() if gate in gates)
        waits = {other: gate for other, gate in waits.items() if gate not in gates}
    assert all(possession.owner(target) is None for target in TARGETS)


def test_what_a_group_keeps_while_it_waits_for_the_rest_is_not_in_the_works() -> None:
    possession, (first, group) = Possession(), [queued(number) for number in range(2)]
    possession.take(first, "b")
    first.state = State.ATTEMPTING
    assert possession.take_all(group, "ab", free_of_others) is not None
    assert list(possession.taken(group)) == ["a"]
    assert possession.in_the_works() == 1
