from __future__ import annotations

from itertools import product

import pytest

from error_daemon.core.life import ENDED, PENDING, TABLE, WITH_TICKET, Step, diagram, follow
from error_daemon.errors import InvariantError
from error_daemon.model import State


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)), ids=lambda part: part.value)
def test_every_pair_is_in_the_table_or_refused(state: State, step: Step) -> None:
    before = dict(TABLE)
    if (state, step) in TABLE:
        assert follow(state, step) is TABLE[state, step]
    else:
        with pytest.raises(InvariantError, match=f"{state.value} cannot {step.value}"):
            follow(state, step)
    assert before == TABLE


def test_every_state_can_be_reached() -> None:
    reached = {State.NEW}
    for _ in State:
        reached |= {target for (source, _), target in TABLE.items() if source in reached}
    assert reached == set(State)


def test_every_state_with_a_ticket_can_end() -> None:
    for start in WITH_TICKET:
        reached = {start}
        for _ in State:
            reached |= {target for (source, _), target in TABLE.items() if source in reached}
        assert reached & ENDED, start


def test_a_fold_changes_no_state() -> None:
    assert all(source is target for (source, step), target in TABLE.items() if step is Step.FOLD)


def test_what_can_be_flushed_is_pending() -> None:
    assert {source for source, step in TABLE if step is Step.FLUSH} == PENDING


def test_the_diagram_shows_every_step_but_folds() -> None:
    lines = diagram().splitlines()
    assert lines[:2] == ["stateDiagram-v2", "    [*] --> new"]
    shown = {tuple(line.split(":")[0].split(" --> ")) for line in lines[2:]}
    wanted = {(f"    {a.value}", b.value) for (a, step), b in TABLE.items() if step is not Step.FOLD}
    assert shown == wanted
    assert "    queued --> attempting: start" in lines
