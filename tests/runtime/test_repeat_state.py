"""What of a state differs, and what the passes of a test come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.model import Difference, Observation, RepeatPass, Triggered, Verdict
from error_daemon.runtime.repeat.state import differences
from error_daemon.runtime.repeat.verdict import end_of
from tests.core.metric_records import attempt

NAMES = st.sampled_from("abc")
STATES = st.dictionaries(NAMES, st.dictionaries(NAMES, NAMES), max_size=3).map(
    lambda facts: [Observation(name, values) for name, values in facts.items()]
)


def state(**observers: Mapping[str, str]) -> Sequence[Observation]:
    return [Observation(name, facts, {"pid": str(id(facts))}) for name, facts in observers.items()]


@given(STATES, STATES)
def test_two_states_differ_in_what_one_of_them_has_and_in_nothing_else(
    first: Sequence[Observation], now: Sequence[Observation]
) -> None:
    before = {(one.observer, name): value for one in first for name, value in one.facts.items()}
    after = {(one.observer, name): value for one in now for name, value in one.facts.items()}
    found = {(each.observer, each.fact): (each.first, each.now) for each in differences(first, now)}
    every = before.keys() | after.keys()
    assert found == {key: (before.get(key), after.get(key)) for key in every if before.get(key) != after.get(key)}
    assert differences(first, first) == ()


def test_what_may_differ_is_not_compared() -> None:
    assert differences(state(process={"lives": "yes"}), state(process={"lives": "yes"})) == ()


def test_what_never_comes_to_rest_is_unsteady_whether_it_is_as_it_was_or_not() -> None:
    restless = [Difference("page", "body", "1", "2")]
    first, now = state(page={"body": "1", "status": "200"}), state(page={"body": "3", "status": "200"})
    assert differences(first, now, restless) == (Difference("page", "body", "1", "3", True),)
    assert differences(first, first, restless) == (Difference("page", "body", "1", "1", True),)


# --- the verdict

LADDER = {3: ("restart-web", "harder"), 1: ("look",)}
DIFFERENCE = Difference("files", "/a", "1", "2")


def passed(number: int = 1, **values: Any) -> RepeatPass:
    ordinary: dict[str, Any] = {"is_recovered": True, "attempts": (attempt(),), "duration_s": 0.1}
    ordinary |= {"state": "watching", "reason": "verified by probes"}
    return RepeatPass(number, "e1", **(ordinary | values))


def test_passes_that_all_recover_to_the_same_state_are_idempotent() -> None:
    end = end_of(LADDER, [passed(1), passed(2), passed(3)], Triggered(10, 1, passed(3)))
    assert end.verdict == "idempotent"
    assert end.reasons == (
        "the state was the same after each of 3 passes, recovered by restart-web",
        "not needed, and so not tested: look (level 1), harder (level 3); --strategy tests one, --break what it takes",
    )
    assert len(end_of({3: ("restart-web",)}, [passed()], None).reasons) == 1


def test_a_state_that_deviates_is_told_by_observer_and_pass() -> None:
    end = end_of(LADDER, [passed(1), passed(2, differences=(DIFFERENCE,)), passed(3, differences=(DIFFERENCE,))], None)
    assert (end.verdict, end.reasons) == ("deviated", ("files: not as after the first pass, after pass 2, 3",))


def test_a_pass_that_does_not_recover_comes_before_everything_else() -> None:
    failed = passed(2, is_recovered=False, state="failed", reason="the ladder is exhausted")
    end = end_of(LADDER, [passed(1, differences=(DIFFERENCE,)), failed], None)
    assert (end.verdict, end.reasons) == ("not_recovered", ("pass 2 ended failed: the ladder is exhausted",))


def test_many_triggers_that_are_more_than_one_recovery_are_not_one() -> None:
    twice = passed(2, attempts=(attempt(), attempt()))
    assert end_of(LADDER, [passed(), twice], Triggered(10, 1, twice)).verdict == "many"
    end = end_of(LADDER, [passed(), passed(2)], Triggered(10, 2, passed(2)))
    assert (end.verdict, end.reasons) == ("many", ("10 equal faults at once opened 2 tickets",))
    climbed = passed(2, attempts=(attempt(success=False, verdict=Verdict.PERSISTING), attempt()))
    assert Triggered(10, 1, climbed).is_one, "a ladder that is climbed is one recovery"


def test_what_was_not_attempted_or_could_not_be_seen_is_not_proven() -> None:
    assert end_of(LADDER, [passed(attempts=())], None).reasons[0].startswith("nothing was attempted")
    blind = passed(observations=(Observation("rows", problem="the file is locked"),))
    assert end_of(LADDER, [blind, blind], None).reasons == ("rows could not be looked at: the file is locked",)
    restless = passed(differences=(replace(DIFFERENCE, is_unsteady=True),))
    end = end_of(LADDER, [restless], None)
    assert (end.verdict, end.reasons) == ("unproven", ("files: /a changes while nothing is done: have it ignored",))
