"""Effects are carried out in the engine's order whatever calls back when, and what cannot be done costs nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from error_daemon.core.effects import SaveApproval, TimePassed
from error_daemon.errors import InvariantError, StoreUnavailable
from error_daemon.model import (
    ApprovalRecord,
    ApprovalState,
    AttemptOrder,
    Decision,
    Mode,
    Outcome,
    OutcomeKind,
    Progress,
    ReadingValue,
    SlotState,
)
from error_daemon.ring.opening import open_ring
from error_daemon.runtime.keeping import UNWRITTEN
from error_recovery.v1 import fault_pb2
from tests.runtime.joined import GEOMETRY, HOUSE, Joined, web_fault


def _joined(
    directory: Path, body: Callable[[Joined], None], on_recovered: Callable[[str], None] = lambda target: None
) -> None:
    async def go() -> None:
        joined = Joined(directory, on_recovered=on_recovered)
        try:
            body(joined)
        finally:
            joined.close()

    asyncio.run(go())


def _edges(log: list[str]) -> list[str]:
    return [line for line in log if not line.endswith(" started")]


def test_answers_on_the_spot_change_no_order_of_effects(tmp_path: Path) -> None:
    logs: list[list[str]] = []

    def later(joined: Joined) -> None:
        joined.intake.take(web_fault())
        joined.end(joined.executor.attempts[0])
        joined.see(joined.executor.rounds[0])
        logs.append(joined.log)

    def on_the_spot(joined: Joined) -> None:
        joined.executor.on_attempt = joined.end
        joined.executor.on_probes = joined.see
        joined.intake.take(web_fault())
        for start, done in (("start attempt", "attempt started"), ("start probes", "probes started")):
            at = joined.log.index(start)
            assert joined.log[at + 1] == done  # nothing in between: no effect is carried out within another
        logs.append(joined.log)

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    _joined(tmp_path / "a", later)
    _joined(tmp_path / "b", on_the_spot)
    assert _edges(logs[0]) == _edges(logs[1])
    assert "errors watching" in logs[0]


def test_the_ring_says_running_before_an_attempt_is_handed_out(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        found: list[Progress] = []

        def look(_order: AttemptOrder) -> None:
            (tmp_path / "copy").write_bytes((tmp_path / "faults.ring").read_bytes())
            copy = open_ring(tmp_path / "copy", GEOMETRY)
            found.extend(kept.progress for kept in copy.kept())
            copy.close()

        joined.executor.on_attempt = look
        joined.intake.take(web_fault())
        assert [(progress.state, progress.level, progress.attempts) for progress in found] == [
            (SlotState.RUNNING, 1, 1)
        ]

    _joined(tmp_path, body)


def test_a_recovery_frees_its_slot_once_its_record_is_committed(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.intake.take(web_fault())
        joined.end(joined.executor.attempts[0])
        joined.see(joined.executor.rounds[0])
        used = [sum(used for used, _ in joined.ring.use().values())]
        joined.loop.committed(len(joined.store.rows))
        used.append(sum(used for used, _ in joined.ring.use().values()))
        assert used == [1, 0]

    _joined(tmp_path, body)


def test_a_recovery_is_told_and_measured_once(tmp_path: Path) -> None:
    told: list[str] = []

    def body(joined: Joined) -> None:
        joined.intake.take(web_fault())
        joined.end(joined.executor.attempts[0])
        joined.clock.at += 2.0
        joined.see(joined.executor.rounds[0])
        joined.clock.at += 1.0
        late = int((joined.clock.at - 2.5) * 1e9)
        joined.intake.take(web_fault(occurred_at_unix_ns=late))  # of before the recovery: only counted
        joined.loop.committed(len(joined.store.rows))
        joined.loop.committed(len(joined.store.rows))
        assert [line for line in joined.log if line == "errors watching"] == ["errors watching"] * 2
        assert told == ["web"]

    _joined(tmp_path, body, on_recovered=told.append)


def test_an_attempt_that_could_not_be_handed_out_is_lost_and_its_target_looked_at(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        def break_down(order: AttemptOrder) -> None:
            raise RuntimeError("no more file descriptors")

        joined.executor.on_attempt = break_down
        joined.intake.take(web_fault())
        assert len(joined.executor.rounds) == 1
        joined.see(joined.executor.rounds[0])
        assert "errors watching" in joined.log
        [row] = [row for table, row in joined.store.rows if table == "attempts"]
        assert row["outcome"] == OutcomeKind.LOST.value

    _joined(tmp_path, body)


def test_probes_that_could_not_be_sent_saw_nothing_and_are_sent_again(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        def break_down(_order: object) -> None:
            raise RuntimeError("no more file descriptors")

        joined.executor.on_probes = break_down
        joined.intake.take(web_fault())
        joined.end(joined.executor.attempts[0])
        assert len(joined.executor.rounds) == 1
        wake = joined.engine.next_wake()
        assert wake is not None
        joined.clock.at = wake
        joined.loop.feed(TimePassed())
        assert len(joined.executor.rounds) == 2

    _joined(tmp_path, body)


@pytest.mark.parametrize("table", ["faults", "decisions", "errors"])
def test_a_row_that_cannot_be_recorded_keeps_nothing_from_being_recovered(tmp_path: Path, table: str) -> None:
    def body(joined: Joined) -> None:
        joined.store.refuse_table = table
        joined.intake.take(web_fault())
        assert len(joined.executor.attempts) == 1

    _joined(tmp_path, body)


def test_what_there_was_no_room_for_takes_the_place_of_nothing_newer(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.store.refuse_table, joined.store.refusal = "errors", StoreUnavailable("no more are kept")
        error_id, _ = joined.intake.take(web_fault(context=fault_pb2.Context(component="seen")))
        joined.store.refuse_table = ""
        joined.engine.resolve(error_id, "", joined.clock.at)  # what follows is carried out with the commit
        joined.loop.committed(len(joined.store.rows))
        assert [row["state"] for table, row in joined.store.rows if table == "errors"] == ["observed", "resolved"]

    _joined(tmp_path, body)


def test_how_an_approval_stands_is_recorded_once_there_is_room_for_it_and_then_only_the_newest(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.store.refuse_table, joined.store.refusal = "approvals", StoreUnavailable("no more are kept")
        for state in (ApprovalState.APPROVED, ApprovalState.BEGUN):
            joined.loop._carry[SaveApproval](SaveApproval(_approval(state)))
        assert joined.loop.keeping.approval_row == UNWRITTEN, "who has answered is told that it is not kept"
        joined.loop.committed(0)
        joined.store.refuse_table = ""
        joined.loop.committed(0)
        joined.loop.committed(0)
        assert [row["state"] for table, row in joined.store.rows if table == "approvals"] == ["begun"]
        assert joined.loop.keeping.approval_row == len(joined.store.rows)

    _joined(tmp_path, body)


def _approval(state: ApprovalState) -> ApprovalRecord:
    decision = Decision("d-1", "e-1", 1000.0, 1, "fix", "web", "approve", "the only one", False, 30.0, (), ())
    return ApprovalRecord(decision, "t-1", 1060.0, state, "ann", 1001.0, "", "runs /bin/a", "d1", 0, 1, 1)


def _fail() -> None:
    raise InvariantError("a bug")


def test_a_bug_of_the_engine_keeps_nothing_from_being_carried_out_and_the_engine_is_woken_again(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        error_id, _ = joined.intake.take(web_fault(context=fault_pb2.Context(component="seen")))
        joined.engine.resolve(error_id, "", joined.clock.at)
        joined.engine._board.timers.set(joined.clock.at, _fail)
        with pytest.raises(InvariantError):
            joined.loop.feed(TimePassed())
        assert joined.log[-1] == "errors resolved"

    _joined(tmp_path, body)


@pytest.mark.parametrize("stood_s", [0.0, 3.0])
def test_a_bug_in_what_fell_due_does_not_cost_the_end_of_an_attempt(tmp_path: Path, stood_s: float) -> None:
    def body(joined: Joined) -> None:
        joined.intake.take(web_fault())
        joined.loop.excuse(lambda: stood_s)
        joined.engine._board.timers.set(joined.clock.at, _fail)
        with capture_logs() as lines:
            joined.end(joined.executor.attempts[0])
        assert "bug" in [line["event"] for line in lines]
        assert len(joined.executor.rounds) == 1, "its target is looked at"

    _joined(tmp_path, body)


def test_a_bug_of_the_engine_does_not_end_the_writing_of_the_record(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.intake.take(web_fault(context=fault_pb2.Context(component="seen")))
        joined.engine._board.timers.set(joined.clock.at, _fail)
        with capture_logs() as lines:
            joined.loop.committed(len(joined.store.rows))
        assert [line["event"] for line in lines] == ["bug"]

    _joined(tmp_path, body)


def test_after_closing_nothing_more_is_started(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        joined.intake.take(web_fault())
        joined.loop.close()
        before = list(joined.log)
        joined.loop.outcome(Outcome(joined.executor.attempts[0].attempt_id, OutcomeKind.FAILED))
        joined.loop.carry_out()
        assert joined.log == before

    _joined(tmp_path, body)


def test_finishing_waits_for_what_is_in_the_works(tmp_path: Path) -> None:
    async def go() -> None:
        joined = Joined(tmp_path)
        joined.intake.take(web_fault())
        finishing = asyncio.ensure_future(joined.loop.finish(within_s=20.0))
        await asyncio.sleep(0)
        assert joined.loop.is_finishing
        assert not finishing.done()
        joined.end(joined.executor.attempts[0])
        joined.see(joined.executor.rounds[0], ReadingValue.OK)
        await asyncio.wait_for(finishing, 10.0)
        joined.close()

    asyncio.run(go())


def test_finishing_does_not_wait_longer_than_it_may(tmp_path: Path) -> None:
    async def go() -> None:
        joined = Joined(tmp_path)
        joined.intake.take(web_fault())
        await asyncio.wait_for(joined.loop.finish(within_s=0.05), 10.0)
        joined.close()

    asyncio.run(go())


def test_an_attempt_is_told_of_when_it_is_handed_out_and_a_proposal_is_none(tmp_path: Path) -> None:
    def body(joined: Joined) -> None:
        asking = replace(HOUSE, rules=tuple(replace(rule, mode=Mode.APPROVE) for rule in HOUSE.rules))
        joined.engine.redefine(asking, joined.clock.at)
        error_id, _ = joined.intake.take(web_fault())
        assert any(table == "decisions" for table, _ in joined.store.rows)
        assert joined.attempted == []
        joined.engine.approve(error_id, "ann", joined.clock.at)
        joined.loop.carry_out()
        assert joined.attempted == [order.attempt_id for order in joined.executor.attempts] != []

    _joined(tmp_path, body)
