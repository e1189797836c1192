"""What is recorded comes back as it was, by way of JSON as the store keeps it."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from error_daemon.core.effects import SaveFault, SaveLadder
from error_daemon.model import (
    AttemptRecord,
    Candidate,
    Decision,
    ErrorType,
    ErrorView,
    Fault,
    LearnedTimeout,
    Priority,
    Reading,
    ReadingValue,
    Score,
    SlotRef,
    Usage,
)
from error_daemon.runtime import records
from error_daemon.store.schema import TABLES

_number = st.floats(allow_nan=False, allow_infinity=False)
_text = st.text(max_size=20)
_count = st.integers(0, 2**53)
st.register_type_strategy(float, _number)
st.register_type_strategy(str, _text)
st.register_type_strategy(int, _count)

_readings = st.builds(Reading, _text, st.sampled_from(ReadingValue), _text, _number, _number)
_records = st.builds(
    AttemptRecord,
    before=st.builds(Usage, _number, _number),
    after=st.builds(Usage, _number, _number),
    readings=st.lists(_readings, max_size=2).map(tuple),
)
_candidates = st.builds(Candidate)
_decisions = st.builds(
    Decision, candidates=st.lists(_candidates, max_size=2).map(tuple), brakes=st.lists(_text, max_size=2).map(tuple)
)
_tuples = st.lists(_text, max_size=2).map(tuple)
_views = st.builds(ErrorView, because=_tuples, related=_tuples)


def _kept(table: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row as the store gives it back: its columns are those of the table, its documents have been JSON."""
    assert row.keys() == TABLES[table].columns.keys()
    return {
        column: json.loads(json.dumps(value, allow_nan=False)) if TABLES[table].columns[column] == "JSON" else value
        for column, value in row.items()
    }


@settings(max_examples=50, deadline=None)
@given(_views)
def test_an_error_comes_back_as_it_was(view: ErrorView) -> None:
    assert records.view_of(_kept("errors", records.error_row(view))) == view


@settings(max_examples=50, deadline=None)
@given(_decisions)
def test_a_decision_comes_back_as_it_was(decision: Decision) -> None:
    assert records.decision_of(_kept("decisions", records.decision_row(decision))) == decision


@settings(max_examples=50, deadline=None)
@given(_records)
def test_an_attempt_comes_back_as_it_was_and_fits_its_tables(record: AttemptRecord) -> None:
    assert records.attempt_of(_kept("attempts", records.attempt_row(record))) == record
    performance = _kept("recovery_performance", records.performance_row(record))
    assert (performance["stability_score"] is None) is (record.stability_score < 0)
    rows = [_kept("readings", row) for row in records.reading_rows(record)]
    assert [row["probe"] for row in rows] == [reading.probe for reading in record.readings]
    assert len({row["id"] for row in rows}) == len(rows)


@settings(max_examples=50, deadline=None)
@given(st.builds(Score, metrics=st.dictionaries(_text, _number, max_size=3)))
def test_a_score_comes_back_as_it_was(score: Score) -> None:
    assert records.score_of(_kept("strategy_scores", records.score_row(score))) == score


@settings(max_examples=20, deadline=None)
@given(st.builds(LearnedTimeout))
def test_a_learned_timeout_comes_back_as_it_was(timeout: LearnedTimeout) -> None:
    assert records.timeout_of(_kept("adaptive_timeouts", records.timeout_row(timeout))) == timeout


def test_faults_and_ladders_fit_their_tables() -> None:
    slot = SlotRef(Priority.HIGH, 3, 255)
    fault = Fault(ErrorType.DATA, "it broke", attributes={"a": "1"}, frames=("m:f",), received_at=12.5, count=3)
    row = _kept("faults", records.fault_row(SaveFault("e1", fault, slot), b"its \xff bytes"))
    assert (row["id"], row["count"], records.payload_of(row)) == ("e1-ff-30d4", 3, b"its \xff bytes")
    ladder = _kept("progressive_recovery", records.ladder_row(SaveLadder("e1", 2, 5.0, ({"level": 1},))))
    assert (ladder["current_level"], ladder["history"]) == (2, [{"level": 1}])
