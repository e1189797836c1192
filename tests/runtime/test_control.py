"""What people ask of the daemon and tell it: through the real engine, with a record that may have no room."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from error_daemon.core.brakes.pause import NAME as PAUSE
from error_daemon.errors import StoreUnavailable
from error_daemon.middle import ErrorFilter
from error_daemon.model import Answer, Mode, State
from error_daemon.runtime import records
from error_daemon.runtime.commits import Commits
from error_daemon.runtime.control import DaemonControl
from error_daemon.runtime.diagnosis.diagnosis import Shared
from error_daemon.runtime.faults import NewestFault
from error_daemon.runtime.pauses import PauseFile
from error_daemon.runtime.standing import Parts
from tests.runtime.joined import HOUSE, Joined, web_fault


class Steered:
    def __init__(self, directory: Path) -> None:
        self.joined = joined = Joined(directory)
        self.commits = Commits()
        self.pauses = PauseFile(directory / "pauses.json")
        self.control = DaemonControl(
            joined.loop,
            joined.clock,
            Parts(
                commits=self.commits,
                audit=joined.audit,
                ring=joined.ring,
                watchers=joined.watchers,
                counters=joined.counters,
                pauses=self.pauses,
                intake=joined.intake,
                faults=NewestFault(joined.engine, joined.ring, joined.store),
                workers=lambda: 1,
                log=dict,
                diagnosis=Shared(),
                areas=lambda control: {},
                # nothing of these is asked for here
                reloader=None,  # type: ignore[arg-type]
                store=joined.store,  # type: ignore[arg-type]
                applications=None,  # type: ignore[arg-type]
                reports=None,  # type: ignore[arg-type]
                tests=None,  # type: ignore[arg-type]
            ),
        )

    async def held_by(self, brake: str) -> list[str]:
        views, total = await self.control.errors(ErrorFilter(held_by=brake), 100)
        assert len(views) == total
        return [view.held_by for view in views]


def steered(directory: Path, body: Callable[[Steered], Awaitable[None] | None]) -> None:
    async def go() -> None:
        one = Steered(directory)
        await one.joined.audit.begin()
        try:
            if (rest := body(one)) is not None:
                await rest
            await one.joined.audit.close()
        finally:
            one.joined.close()

    asyncio.run(go())


def test_what_waits_for_a_brake_of_the_whole_queue_is_found_by_its_name(tmp_path: Path) -> None:
    async def body(one: Steered) -> None:
        one.control.pause("", 0.0, "maintenance", "ann")
        one.joined.intake.take(web_fault())
        assert await one.held_by(PAUSE) == [PAUSE]
        assert await one.held_by("throttle") == []
        one.control.resume("", "ann")
        assert await one.held_by(PAUSE) == []

    steered(tmp_path, body)


def test_others_have_their_turn_while_errors_are_listed_and_one_list_is_made_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("error_daemon.runtime.turns.PART", 2)

    async def body(one: Steered) -> None:
        for number in range(6):
            one.joined.intake.take(web_fault(fingerprint=f"f{number}"))
        lists = [asyncio.ensure_future(one.control.errors(ErrorFilter(), 4)) for _ in range(2)]
        turns = 0
        while not all(each.done() for each in lists):
            assert turns < 20
            turns += 1
            await asyncio.sleep(0)
        assert turns >= 2 * 3, "each list has three parts"
        for views, total in [each.result() for each in lists]:
            assert (len(views), total) == (4, 6)

    steered(tmp_path, body)


def test_what_a_person_does_is_done_although_the_record_has_no_room_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def body(one: Steered) -> None:
        one.control.pause("", 0.0, "maintenance", "ann")
        error_id, _ = one.joined.intake.take(web_fault())
        one.joined.store.refuse_table, one.joined.store.refusal = "audit", StoreUnavailable("no more are kept")
        assert one.control.resume("", "bob")
        assert [order.error_id for order in one.joined.executor.attempts] == [error_id], "what follows is carried out"
        assert one.pauses.load(one.joined.clock.now()) == []
        assert one.joined.engine.view(error_id).state is State.ATTEMPTING

    steered(tmp_path, body)
    said = capsys.readouterr().out
    assert "audit_not_copied" in said
    assert "no more are kept" in said
    assert "by=bob" in said
    assert "resume" in (tmp_path / "audit.log").read_text(), "the file has it, and the table is made from that later"


def test_the_audit_says_why_and_how_it_was_before_and_after(tmp_path: Path) -> None:
    def body(one: Steered) -> None:
        one.control.pause("web", 60.0, "maintenance", "ann")
        error_id, _ = one.joined.intake.take(web_fault())
        one.control.resolve(error_id[:8], "mended by hand", "ann")
        one.control.resume("web", "bob")

    steered(tmp_path, body)
    paused, resolved, resumed = map(json.loads, (tmp_path / "audit.log").read_bytes().splitlines())
    assert (paused["why"], paused["before"], paused["after"]["until"]) == ("maintenance", None, 1_790_000_060.0)
    assert (resumed["before"], resumed["after"]) == (paused["after"], None)
    assert (resolved["why"], len(resolved["subject"])) == ("mended by hand", 16)
    assert (resolved["before"]["state"], resolved["after"]["state"]) == ("queued", "resolved")


def test_a_full_disk_keeps_nobody_from_pausing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def body(one: Steered) -> None:
        with monkeypatch.context() as no_room:
            no_room.setattr("os.fsync", full)
            [pause] = one.control.pause("", 0.0, "maintenance", "ann")
        assert (
            "maintenance (it ends with the daemon: the disk did not take it, No space left on device)" in pause.reason
        )
        one.joined.intake.take(web_fault())
        assert one.joined.executor.attempts == []
        assert one.control.resume("", "ann")

    steered(tmp_path, body)
    assert "pauses_not_saved" in capsys.readouterr().out


def test_an_answer_is_in_the_audit_as_it_was_seen_and_one_that_is_repeated_is_not(tmp_path: Path) -> None:
    async def go() -> None:
        one = Steered(tmp_path)
        await one.joined.audit.begin()
        try:
            asks = replace(HOUSE.rules[0], mode=Mode.APPROVE)
            one.joined.engine.redefine(replace(HOUSE, rules=(asks,)), one.joined.clock.now())
            error_id, _ = one.joined.intake.take(web_fault())
            [waiting], total = one.control.approvals(10)
            assert (total, one.control.approval(error_id)) == (1, waiting)
            one.commits.committed(1 << 30)
            yes = Answer(waiting.decision_id, is_yes=True, by="ann", note="I looked")
            answered, is_kept = await one.control.answer(error_id[:8], yes)
            assert (answered.is_repeated, is_kept, one.control.approval(error_id)) == (False, True, None)
            again, _ = await one.control.answer(error_id, replace(yes, by="bob"))
            assert (again.is_repeated, again.answer.by) == (True, "ann")
            asked = [row for table, row in one.joined.store.rows if table == "approvals"]
            assert [(row["state"], row["answered_by"]) for row in asked] == [
                ("waits", ""),
                ("approved", "ann"),
                ("begun", "ann"),
            ]
            record = records.approval_of(asked[-1])
            assert (record.decision.decision_id, record.note, record.times_asked) == (
                waiting.decision_id,
                "I looked",
                1,
            )
            assert records.approval_row(record) == asked[-1]
        finally:
            await one.joined.audit.close()
            one.joined.close()

    asyncio.run(go())
    [entry] = map(json.loads, (tmp_path / "audit.log").read_bytes().splitlines())
    assert (entry["actor"], entry["action"], entry["why"]) == ("ann", "approve", "I looked")
    assert entry["detail"]["does"] == "runs"
