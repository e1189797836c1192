"""So many in a second and no more, the newest of each error, and nothing left out that is not counted."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.model import ErrorType, ErrorView, Notice, ResponseClass, Severity, State, Summary
from error_daemon.runtime.pace import Pace

VIEW = ErrorView("0", "01234567", ErrorType.DATA, Severity.LOW, ResponseClass.TRANSIENT, State.QUEUED)


def notice(at: float, kind: str = "state", error: str = "0") -> Notice:
    return Notice(at, kind, f"{kind} {at}", replace(VIEW, error_id=error))


def test_what_comes_slowly_is_told_at_once() -> None:
    pace = Pace(40)
    for second in range(1, 100):
        told = notice(float(second))
        pace.put(told)
        assert list(pace.take(float(second))) == [told]
        assert pace.next_at(float(second)) is None


def test_of_an_error_on_its_way_only_the_newest_is_told() -> None:
    pace = Pace(4)
    for at in range(5):
        pace.put(notice(float(at), ("state", "decision")[at % 2]))
    assert list(pace.take(9.0)) == [notice(4.0), Summary(0.0, 3.0, {"state": 2, "decision": 2})]


def test_what_an_error_has_come_to_goes_first_and_nothing_older_of_it_follows() -> None:
    pace = Pace(8)
    pace.put(notice(1.0, error="a"))
    pace.put(notice(2.0, error="b"))
    pace.put(notice(3.0, "verdict", error="b"))
    assert [told.text for told in pace.take(9.0) if isinstance(told, Notice)] == ["verdict 3.0", "state 1.0"]


def test_what_had_to_wait_is_told_when_it_is_due() -> None:
    pace = Pace(4)
    for at in range(4):
        pace.put(notice(float(at), error=str(at)))
    assert list(pace.take(10.0)) == [notice(0.0, error="0")]
    due_at = pace.next_at(10.0)
    assert due_at is not None
    assert 10.0 < due_at < 10.5
    assert list(pace.take(due_at + 1e-9)) == [notice(1.0, error="1")]


PUTS = st.tuples(st.sampled_from(["state", "decision", "verdict", "escalation"]), st.integers(0, 30), st.floats(0, 0.4))


@given(st.integers(1, 50), st.lists(PUTS, max_size=200))
def test_no_second_has_more_than_it_may_and_all_that_came_is_told_or_counted(
    most_per_s: int, puts: list[tuple[str, int, float]]
) -> None:
    pace, now = Pace(most_per_s), 100.0
    told: list[tuple[float, Notice]] = []
    counted = 0
    for kind, error, waits_s in puts:
        now += waits_s
        pace.put(notice(now, kind, str(error)))
        counted += _take(pace, now, told)
    while (due_at := pace.next_at(now)) is not None:
        now = max(now + 1e-6, due_at)
        counted += _take(pace, now, told)
    assert len(told) + counted == len(puts)
    for index, (at, _) in enumerate(told):
        assert sum(1 for later, _ in told[index:] if later < at + 1.0 - 1e-6) <= most_per_s
    for error_id in {one.error_id for _, one in told}:
        times = [one.at for _, one in told if one.error_id == error_id and one.kind in ("state", "decision")]
        assert times == sorted(times)


def _take(pace: Pace, now: float, told: list[tuple[float, Notice]]) -> int:
    """How many were counted as left out."""
    counted = 0
    for one in pace.take(now):
        if isinstance(one, Summary):
            counted += sum(one.left_out.values())
        else:
            told.append((now, one))
    return counted
