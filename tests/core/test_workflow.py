"""A run of a workflow: its table, and what follows from it however people act."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core import workflow as life
from error_daemon.core.workflow import TABLE, Done, Happening, Start, Waiting
from error_daemon.errors import InputError, Refused
from error_daemon.model import (
    Condition,
    Reading,
    ReadingValue,
    Run,
    RunEventKind,
    RunProgress,
    RunState,
    Workflow,
    WorkflowStep,
)

STEPS = tuple(WorkflowStep(name, f"do {name}", probe="p", takes_s=60.0) for name in ("look", "mend", "tell"))
CABLE = Workflow("cable", Condition(), STEPS, name="A cable is loose", expires_s=100.0)
OK, NOT_OK, UNKNOWN = (Reading("p", value, "so it is") for value in ReadingValue)
ENDED = {RunState.COMPLETED, RunState.ABORTED, RunState.EXPIRED}


def begun() -> Run:
    return life.started(CABLE, Start("w1", "e1", "t", "ann", 10.0))


def done(run: Run, reading: Reading | None = OK, **more: object) -> Run:
    return life.completed(run, Done(run.step, "ann", 20.0, reading, **more))  # type: ignore[arg-type]


def happens(run: Run, happening: Happening) -> Run:
    if happening is Happening.JOIN:
        return life.joined(run, Waiting("a1", 90.0), "daemon", 20.0)
    if happening is Happening.FINISH:
        return done(replace(run, step=3))
    if happening is Happening.BACK:
        run = replace(run, step=2)
        return life.back(run, 2, "ann", "", 20.0)
    if happening is Happening.ABORT:
        return life.aborted(run, "ann", "", 20.0)
    if happening is Happening.EXPIRE:
        return life.expired(run, 20.0, "nobody did anything")
    return done(run, OK if happening is Happening.ADVANCE else NOT_OK)


@pytest.mark.parametrize(("state", "happening"), list(product(RunState, Happening)), ids=lambda part: part.value)
def test_every_pair_is_in_the_table_or_refused(state: RunState, happening: Happening) -> None:
    run = replace(begun(), state=state)
    if (state, happening) in TABLE:
        assert happens(run, happening).state is TABLE[state, happening]
    else:
        with pytest.raises(Refused, match=f"the run is {state.value}: ann started it"):
            happens(run, happening)


def test_nothing_leads_back_from_an_end() -> None:
    assert not {source for source, _ in TABLE} & ENDED
    assert set(TABLE.values()) == set(RunState)


acts = st.lists(
    st.one_of(
        st.tuples(st.just("done"), st.sampled_from((OK, NOT_OK, UNKNOWN, None)), st.booleans()),
        st.tuples(st.sampled_from(("back", "abort", "expire", "join")), st.none(), st.just(False)),
    ),
    max_size=20,
)


def acted(run: Run, act: tuple[str, Reading | None, bool]) -> Run:
    kind, reading, is_forced = act
    if kind == "done":
        return done(run, reading, is_forced=is_forced, note="I know" if is_forced else "")
    if kind == "back":
        return life.back(run, run.step, "bob", "", 20.0)
    if kind == "abort":
        return life.aborted(run, "bob", "", 20.0)
    return life.expired(run, 20.0, "") if kind == "expire" else life.joined(run, Waiting("a", 50.0), "daemon", 20.0)


@given(acts)
def test_whatever_people_do_a_run_is_completed_only_when_each_step_was_seen_or_forced(
    several: list[tuple[str, Reading | None, bool]],
) -> None:
    run = begun()
    for act in several:
        before = run
        try:
            run = acted(run, act)
        except Refused:
            assert before.state in ENDED or (act[0] == "back" and before.step == 1)
            continue
        assert run.events[:-1] == before.events, "events are only added"
        assert run.events[-1].number == len(run.events)
        assert abs(run.step - before.step) <= 1
        assert 1 <= run.step <= len(STEPS)
    if run.state is RunState.COMPLETED:
        passed = {event.step for event in run.events if event.kind in (RunEventKind.DONE, RunEventKind.FORCED)}
        assert passed == {1, 2, 3}
    for event in run.events:
        assert event.kind is not RunEventKind.DONE or event.reading is None or event.reading.value is ReadingValue.OK
        assert life.said(run, event)


@pytest.mark.parametrize(
    ("reading", "kind"), [(NOT_OK, RunEventKind.NOT_OK), (UNKNOWN, RunEventKind.UNKNOWN)], ids=["not_ok", "unknown"]
)
def test_a_step_that_was_not_seen_done_stays_and_is_gone_on_from_only_with_a_note(
    reading: Reading, kind: RunEventKind
) -> None:
    run = done(begun(), reading)
    assert (run.step, run.events[-1].kind, run.events[-1].reading) == (1, kind, reading)
    with pytest.raises(InputError, match="note"):
        done(run, reading, is_forced=True)
    run = done(run, reading, is_forced=True, note="I see it myself")
    assert (run.step, run.events[-1].kind, run.events[-1].reading) == (2, RunEventKind.FORCED, reading)
    assert life.said(run, run.events[-1]).endswith("; p: so it is; I see it myself")


def test_who_sees_another_step_than_the_run_is_at_is_told_what_happened() -> None:
    run = done(begun())
    with pytest.raises(Refused, match=r"not at step 1 but at step 2 of 3 \(mend\): ann did step 1 \(look\)"):
        life.expect(run, 1)
    with pytest.raises(Refused, match="at its first step"):
        life.back(begun(), 1, "bob", "", 20.0)


def test_an_attempt_gives_a_run_its_deadline_and_a_later_one_does_not_put_it_off() -> None:
    run = begun()
    assert run.expires_at == 110.0
    run = life.joined(run, Waiting("a1", 90.0), "daemon", 20.0)
    assert (run.expires_at, run.attempt_id) == (90.0, "a1")
    run = life.joined(run, Waiting("a2", 95.0), "daemon", 20.0)
    assert (run.expires_at, run.attempt_id) == (90.0, "a2")


def test_progress_counts_what_is_left() -> None:
    run = begun()
    assert life.progress(run) == RunProgress(0, 3, 180.0)
    run = done(run)
    assert life.progress(run) == RunProgress(1, 3, 120.0)
    run = done(done(run))
    assert life.progress(run) == RunProgress(3, 3, 0.0)
    assert (run.started_at, run.ended_at, begun().ended_at) == (10.0, 20.0, 0.0)
