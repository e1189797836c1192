"""What is recorded comes back as it was, by way of JSON as the store keeps it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

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
    Score,
    SlotRef,
    TicketRecord,
    Usage,
)
from error_daemon.ports import Row
from error_daemon.runtime import records
from error_daemon.store.schema import TABLES
from tests.fakes.named_rows import named_row

T = TypeVar("T")

_number = st.floats(allow_nan=False, allow_infinity=False)
_text = st.text(max_size=20)
_count = st.integers(0, 2**53)
st.register_type_strategy(float, _number)
st.register_type_strategy(str, _text)
st.register_type_strategy(int, _count)


def _whole(kind: type[T]) -> st.SearchStrategy[T]:
    """With all its fields: those that have a default, too."""
    every: dict[str, Any] = {each.name: ... for each in fields(kind)}  # type: ignore[arg-type]
    return st.builds(kind, **every)


for _part in (Reading, Usage, Candidate):
    st.register_type_strategy(_part, _whole(_part))
_records = _whole(AttemptRecord)
_decisions = _whole(Decision)
_tickets = _whole(TicketRecord)
_views = _whole(ErrorView)


def _kept(table: str, row: Row) -> dict[str, Any]:
    """The row as the store gives it back: its columns are those of the table, its documents have been JSON."""
    if isinstance(row, tuple):
        row = named_row(table, row)
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


@settings(max_examples=20, deadline=None)
@given(_views, _decisions)
def test_rows_of_earlier_versions_whose_documents_say_everything_come_back_too(
    view: ErrorView, decision: Decision
) -> None:
    row = {
        **named_row("errors", records.error_row(view)),
        "document": TypeAdapter(ErrorView).dump_python(view, mode="json"),
    }
    assert records.view_of(_kept("errors", row)) == view
    row = {
        **named_row("decisions", records.decision_row(decision)),
        "document": TypeAdapter(Decision).dump_python(decision, mode="json"),
    }
    assert records.decision_of(_kept("decisions", row)) == decision


@settings(max_examples=5, deadline=None)
@given(_views, _decisions)
def test_documents_of_errors_and_decisions_do_not_repeat_the_columns(view: ErrorView, decision: Decision) -> None:
    for row in (named_row("errors", records.error_row(view)), named_row("decisions", records.decision_row(decision))):
        assert not row["document"].keys() & row.keys()


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
@given(_tickets)
def test_a_ticket_comes_back_as_it_was(record: TicketRecord) -> None:
    assert records.ticket_of(_kept("tickets", records.ticket_row(record))) == record


@settings(max_examples=50, deadline=None)
@given(_records, _tickets)
def test_attempts_and_tickets_are_written_as_they_always_were(record: AttemptRecord, ticket: TicketRecord) -> None:
    assert records.attempt_row(record)["document"] == TypeAdapter(AttemptRecord).dump_python(record, mode="json")
    row = TypeAdapter(TicketRecord).dump_python(ticket, mode="json")
    assert records.ticket_row(ticket) == {"id": row.pop("ticket_id"), **row}


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
