"""What every store does: the one in memory and the one in a file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from error_daemon.errors import InputError, InvariantError, StoreUnavailable, TransientError
from error_daemon.model import Json
from tests.store import rig
from tests.store.rig import T0, Kept, attempt, error, score, timeout

Make = Callable[[], Kept]


@pytest.fixture(params=[rig.memory, rig.duck], ids=["memory", "duckdb"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    return lambda: request.param(tmp_path / "record.db")


def ids(rows: list[dict[str, Json]], column: str = "id") -> list[Json]:
    return [row[column] for row in rows]


def test_rows_are_numbered_from_one_and_committed_up_to_their_number(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            assert [kept.store.append("attempts", attempt(n)) for n in range(3)] == [1, 2, 3]
            assert kept.store.rows_waiting() == 3
            await kept.written(3)
            assert kept.store.rows_waiting() == 0
            assert kept.store.rows_written == 3
            assert kept.committed == sorted(set(kept.committed))

    rig.run(go())


def test_a_row_comes_back_as_it_was(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            row = attempt(7, document={"a": [1, {"b": None}], "c": 'ü → \U0001f600 " \\'}, success=False)
            await kept.written(kept.store.append("attempts", row))
            assert await kept.query("history") == [row]

    rig.run(go())


def test_rows_of_values_alone_come_back_with_the_names_of_their_columns_and_documents(make: Make) -> None:
    candidate = ("s1", 1.0, 1.0, 2.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, (("type", 1, 1, 1.0, 1.0, None),), 20.0)
    rest = (True, 30.0, (candidate,), ("pause: off",), "data", 3, "r", (1, 2), True, "00ff", None, (1.0, 60.0), "", 3.0)

    async def go() -> None:
        async with make() as kept:
            fault = ("f1", "e1", T0, "data", None, "web", "it broke", "", 1, (b"\xff\x00?>",))
            kept.store.append("faults", fault)
            decision = ("d1", "e1", T0, 1, "s1", "t", "auto", "best", "a1", rest)
            await kept.written(kept.store.append("decisions", decision))
            (row,) = await kept.query("newest_fault", error_id="e1")
            assert (row["id"], row["severity"], row["document"]) == ("f1", None, {"payload": "/wA/Pg=="})
            (row,) = await kept.query("decision", id="d1")
            assert (row["mode"], row["document"]["levels"], row["document"]["rng_state"]) == ("auto", [1, 2], "00ff")
            (weighed,) = row["document"]["candidates"]
            assert (weighed["score"], weighed["evidence"][0]["scope"]) == (0.6, "type")

    rig.run(go())


def test_numbers_come_back_to_the_last_bit(make: Make) -> None:
    numbers = [0.1, 5e-324, 1.7976931348623157e308, -0.0, T0 + 0.123456789, 2.0**53 + 2, 1 / 3]

    async def go() -> None:
        async with make() as kept:
            for n, number in enumerate(numbers):
                kept.store.append("errors", {"error_id": f"e{n}", "last_at": float(-n), "first_at": number})
            await kept.written(
                kept.store.append("errors", {"error_id": "ex", "last_at": -100.0, "count": (1 << 63) - 1})
            )
            rows = await kept.query("recent_errors")
            assert [row["first_at"] for row in rows[:-1]] == numbers
            assert rows[-1]["count"] == (1 << 63) - 1

    rig.run(go())


def test_timestamps_come_back_to_the_microsecond(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            await kept.written(kept.store.append("strategy_scores", score("system", "restart")))
            (row,) = await kept.query("learned_scores")
            assert row == {**score("system", "restart"), "last_updated": pytest.approx(T0 + 0.123456, abs=1e-6)}

    rig.run(go())


def test_a_column_that_is_left_out_is_null(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            await kept.written(kept.store.append("errors", {"error_id": "e1"}))
            (row,) = await kept.query("recent_errors")
            assert row.pop("error_id") == "e1"
            assert set(row.values()) == {None}

    rig.run(go())


def test_whole_numbers_stand_beside_others_and_nulls_in_a_column(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            numbers = [1, None, 2.5, 1 << 53]
            for n, number in enumerate(numbers):
                columns: dict[str, Json] = {"first_at": number, "count": None if n == 2 else 1 << 62 * (n % 2)}
                last = kept.store.append("errors", {"error_id": f"e{n}", "last_at": -n, **columns})
            await kept.written(last)
            rows = await kept.query("recent_errors")
            assert [row["first_at"] for row in rows] == numbers
            assert [row["count"] for row in rows] == [1, 1 << 62, None, 1 << 62]

    rig.run(go())


def test_a_number_that_is_none_is_null_in_a_document(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            row = attempt(1, document={"n": [float("nan"), float("inf"), 1.0]})
            await kept.written(kept.store.append("attempts", row))
            (row,) = await kept.query("history")
            assert row["document"] == {"n": [None, None, 1.0]}

    rig.run(go())


def test_the_newest_row_of_a_key_stands(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            kept.store.append("errors", error("e1", state="queued"))
            number = kept.store.append("errors", error("e1", state="attempting"))
            assert kept.store.rows_waiting() == 1
            await kept.written(number)
            await kept.written(kept.store.append("errors", error("e1", state="resolved")))
            assert ids(await kept.query("recent_errors"), "state") == ["resolved"]

    rig.run(go())


def test_rows_appended_before_the_start_are_written(make: Make) -> None:
    async def go() -> None:
        kept = make()
        number = kept.store.append("attempts", attempt(1))
        async with kept:
            await kept.written(number)
            assert len(await kept.query("history")) == 1

    rig.run(go())


def test_stop_writes_what_is_queued(make: Make) -> None:
    async def go() -> None:
        kept = make()
        async with kept:
            numbers = [kept.store.append("attempts", attempt(n)) for n in range(200)]
        assert kept.committed[-1] == numbers[-1]
        assert kept.store.rows_waiting() == 0
        assert not kept.store.available
        assert kept.problems == []

    rig.run(go())


def test_history_is_newest_first_and_filtered(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            kept.store.append("attempts", attempt(1))
            kept.store.append("attempts", attempt(2, error_id="e2", strategy_id="kill"))
            kept.store.append("attempts", attempt(3, error_type="network"))
            await kept.written(kept.store.append("attempts", attempt(4, started_at=None)))
            assert ids(await kept.query("history")) == ["a000003", "a000002", "a000001", "a000004"]
            assert ids(await kept.query("history", limit=1)) == ["a000003"]
            assert ids(await kept.query("history", error_id="e2")) == ["a000002"]
            assert ids(await kept.query("history", strategy_id="kill")) == ["a000002"]
            assert ids(await kept.query("history", error_type="network")) == ["a000003"]
            assert ids(await kept.query("history", since=T0 + 2)) == ["a000003", "a000002"]
            later = await kept.query("history", before_at=T0 + 3, before_id="a000003")
            assert ids(later) == ["a000002", "a000001", "a000004"]
            same_time = await kept.query("history", before_at=0.0, before_id="b", limit=1)
            assert ids(same_time) == ["a000004"]
            assert await kept.query("history", before_at=0.0, before_id="a000004") == []

    rig.run(go())


def test_attempts_decisions_and_faults_are_found_by_what_they_belong_to(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            for n in (2, 1):
                kept.store.append("attempts", attempt(n))
                kept.store.append("decisions", {"id": f"d{n}", "error_id": "e1", "at": T0 + n, "attempt_id": f"a{n}"})
                kept.store.append("faults", {"id": f"f{n}", "error_id": "e1", "received_at": T0 + n})
            await kept.written(kept.store.append("decisions", {"id": "dx", "error_id": "e2", "at": T0}))
            assert ids(await kept.query("attempts_of", error_id="00000000000000e1")) == ["a000001", "a000002"]
            assert ids(await kept.query("decisions_of", error_id="e1")) == ["d1", "d2"]
            assert ids(await kept.query("decision", id="d2")) == ["d2"]
            assert ids(await kept.query("decision", id="a2")) == ["d2"]
            assert await kept.query("decision", id="nobody") == []
            assert ids(await kept.query("newest_fault", error_id="e1")) == ["f2"]
            assert await kept.query("newest_fault", error_id="nobody") == []

    rig.run(go())


def test_errors_are_listed_newest_first(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            kept.store.append("errors", error("ab1", last_at=T0))
            kept.store.append("errors", error("ab2", last_at=T0 + 2))
            await kept.written(kept.store.append("errors", error("cd", last_at=T0 + 1)))
            assert ids(await kept.query("recent_errors"), "error_id") == ["ab2", "cd", "ab1"]
            assert ids(await kept.query("recent_errors", limit=2), "error_id") == ["ab2", "cd"]

    rig.run(go())


def test_what_was_recorded_in_a_range_of_time_comes_oldest_first(make: Make) -> None:
    """Of each kind one at T0, T0 + 1, T0 + 2 and T0 + 3: the range has its begin, and not its end."""
    rows: dict[str, Callable[[int], tuple[str, dict[str, Json]]]] = {
        "attempts_between": lambda n: ("attempts", attempt(n)),
        "faults_between": lambda n: ("faults", {"id": f"f{n}", "received_at": T0 + n}),
        "decisions_between": lambda n: ("decisions", {"id": f"d{n}", "at": T0 + n}),
        "audit_between": lambda n: ("audit", {"id": f"u{n}", "at": T0 + n, "action": "pause" if n % 2 else "flush"}),
    }

    async def go() -> None:
        async with make() as kept:
            for row_of in rows.values():
                for number in (3, 0, 2, 1):
                    last = kept.store.append(*row_of(number))
            await kept.written(last)
            for query, row_of in rows.items():
                wanted = [row_of(number)[1]["id"] for number in range(4)]
                assert ids(await kept.query(query)) == wanted
                assert ids(await kept.query(query, since=T0 + 1, until=T0 + 3)) == wanted[1:3]
                assert ids(await kept.query(query, limit=1)) == wanted[:1]
            assert ids(await kept.query("audit_between", actions="pause,resume")) == ["u1", "u3"]
            assert ids(await kept.query("audit_between", actions="pause", limit=1)) == ["u1"]

    rig.run(go())


def test_a_ticket_belongs_to_every_range_in_which_it_was_open(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            for number, (opened, ended) in enumerate([(4, 9), (0, 5), (6, 7)]):
                row = {"id": f"t{number}", "opened_at": T0 + opened, "ended_at": T0 + ended}
                last = kept.store.append("tickets", row)
            await kept.written(last)
            assert ids(await kept.query("tickets")) == ["t1", "t0", "t2"]
            assert ids(await kept.query("tickets", since=T0 + 5, until=T0 + 6)) == ["t1", "t0"]
            assert ids(await kept.query("tickets", since=T0 + 8)) == ["t0"]
            assert ids(await kept.query("tickets", limit=1)) == ["t1"]

    rig.run(go())


def test_what_is_said_of_strategies_is_made_from_attempts_and_what_was_learned(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            assert await kept.query("strategy_metrics") == []
            kept.store.append("attempts", attempt(1, error_id="e1", success=False, execution_time_s=1.0))
            kept.store.append("attempts", attempt(2, error_id="e1", level=2, strategy_id="kill"))
            kept.store.append("attempts", attempt(3, error_id="e2", execution_time_s=3.0))
            kept.store.append("strategy_scores", score("system", "restart"))
            kept.store.append("attempts", attempt(4, error_id="e3", success=False, document={"is_test": True}))
            kept.store.append(
                "attempts", attempt(5, error_id="e4", level=2, strategy_id="kill", document={"is_test": False})
            )
            await kept.written(kept.store.append("adaptive_timeouts", timeout("system", "restart")))
            kill, restart = await kept.query("strategy_metrics")
            assert (kill["strategy_id"], kill["attempts"], kill["score"], kill["timeout_s"]) == ("kill", 2, None, None)
            assert (restart["attempts"], restart["success_rate"], restart["mean_time_s"]) == (2, 0.5, 2.0)
            assert (restart["score"], restart["samples"], restart["timeout_s"]) == (0.5, 2.5, 3.5)

    rig.run(go())


@pytest.mark.parametrize(
    ("error_type", "strategy_id", "left"),
    [
        (None, None, []),
        ("system", None, [("network", "restart")]),
        (None, "restart", [("system", "kill")]),
        ("system", "kill", [("network", "restart"), ("system", "restart")]),
        ("data", None, [("network", "restart"), ("system", "kill"), ("system", "restart")]),
    ],
)
def test_what_was_learned_is_forgotten_even_if_it_still_waits(
    make: Make, error_type: str | None, strategy_id: str | None, left: list[tuple[str, str]]
) -> None:
    async def go() -> None:
        async with make() as kept:
            await kept.written(kept.store.append("strategy_scores", score("system", "restart")))
            kept.store.append("strategy_scores", score("system", "kill"))
            kept.store.append("strategy_scores", score("network", "restart"))
            kept.store.append("adaptive_timeouts", timeout("data", "kill"))
            timeouts = int(error_type in (None, "data") and strategy_id in (None, "kill"))
            assert await kept.store.forget(error_type, strategy_id) == 3 - len(left) + timeouts
            rows = await kept.query("learned_scores")
            assert [(row["error_type"], row["strategy_id"]) for row in rows] == left
            assert len(await kept.query("learned_timeouts")) == 1 - timeouts

    rig.run(go())


@pytest.mark.parametrize(
    ("table", "row", "field"),
    [
        ("nothing", {"id": "1"}, "nothing"),
        ("attempts", {"id": "1", "colour": "red"}, "attempts.colour"),
        ("attempts", {"level": 1}, "attempts.id"),
        ("attempts", {"id": ""}, "attempts.id"),
        ("attempts", {"id": 5}, "attempts.id"),
        ("attempts", {"id": "1", "lag_s": float("nan")}, "attempts.lag_s"),
        ("recovery_performance", {"id": "1", "timestamp": float("-inf")}, "recovery_performance.timestamp"),
        ("attempts", {"id": "1", "document": {"a": object()}}, "attempts.document"),
        ("strategy_scores", {"error_type": "system"}, "strategy_scores.strategy_id"),
    ],
)
def test_a_row_that_does_not_fit_is_refused_where_it_is_appended(
    make: Make, table: str, row: dict[str, Json], field: str
) -> None:
    kept = make()
    with pytest.raises(InputError) as caught:
        kept.store.append(table, row)
    assert caught.value.field == field
    assert kept.store.append("attempts", {"id": "2"}) == 1


def test_one_forgetting_waits_at_a_time(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            first = asyncio.ensure_future(kept.store.forget(None, "a"))
            await asyncio.sleep(0)
            if not first.done():  # the fake forgets at once
                with pytest.raises(TransientError):
                    await kept.store.forget(None, "b")
            assert await first == 0

    rig.run(go())


def test_only_listed_queries_are_run(make: Make) -> None:
    async def go() -> None:
        async with make() as kept:
            for name, params in (("SELECT 1", {}), ("history", {"colour": 1}), ("decision", {})):
                with pytest.raises(InvariantError):
                    await kept.query(name, **params)

    rig.run(go())


def test_a_store_that_is_not_running_says_so(make: Make) -> None:
    async def go() -> None:
        kept = make()
        for text in ("not started", "stopped"):
            assert not kept.store.available
            assert kept.store.detail == text
            with pytest.raises(StoreUnavailable, match=text):
                await kept.query("strategy_metrics")
            with pytest.raises(StoreUnavailable, match=text):
                await kept.store.forget(None, None)
            if text == "not started":
                async with kept:
                    assert kept.store.available

    rig.run(go())
