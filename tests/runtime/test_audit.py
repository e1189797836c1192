"""Acts become entries on the disk and rows in the table, whatever the disk and the record do meanwhile."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from error_daemon.audit.files import archives
from error_daemon.audit.journal import Journal, Keep
from error_daemon.audit.verifying import verify_all
from error_daemon.errors import StoreUnavailable
from error_daemon.model.audit import DAEMON, Checked, Entry, EntryFilter, Head
from error_daemon.ports import Row
from error_daemon.runtime.audit import Audit, TableCopy, Trail, Upkeep, audit, table
from tests.fakes.memory_store import MemoryStore
from tests.runtime.joined import HandClock

NO_SPACE = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(autouse=True)
def _a_disk_has_all_the_time_of_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_PATIENCE_S", 60.0)


class Store(MemoryStore):
    """May have no room."""

    is_full = False

    def append(self, table: str, row: Row) -> int:
        if self.is_full:
            raise StoreUnavailable("no more are kept")
        return super().append(table, row)


async def _turn() -> None:
    """Of the loop: what else is due has it first."""
    await asyncio.sleep(0)


class Kept:
    """An audit in a directory."""

    def __init__(self, directory: Path, store: Store | None = None, keep: Keep | None = None) -> None:
        self.path = directory / "audit.log"
        self.clock = HandClock()
        self.store = store or Store()
        self.journal = Journal(self.path, keep or Keep(1 << 20, 100, 0.0))
        self.table = TableCopy(self.store, self.journal)
        self.audit = Audit(self.journal, self.clock, self.table)
        self.trail = Trail(self.audit, self.journal, self.table, self.store, self.clock)
        self.upkeep = Upkeep(self.audit, self.journal, self.clock, 3600.0)

    async def begin(self) -> None:
        await self.store.start()
        await self.audit.begin()

    def act(self, number: int = 1, **more: object) -> None:
        self.audit.acted("pause", f"target-{number}", {"until": 0.0}, "ann", **more)  # type: ignore[arg-type]

    def verified(self, *heads: Head) -> Checked:
        return verify_all(self.path, heads)[0]

    async def copied(self) -> list[int]:
        """The sequences in the table, when nothing is behind."""
        while self.table.behind or self.store.rows_waiting():
            await _turn()
        return sorted(row["sequence"] for row in self.store.tables["audit"].values())


def keeping(
    directory: Path, body: Callable[[Kept], Awaitable[None]], store: Store | None = None, keep: Keep | None = None
) -> Kept:
    async def go() -> Kept:
        one = Kept(directory, store, keep)
        await one.begin()
        await body(one)
        await one.audit.close()
        await one.store.stop()
        return one

    return asyncio.run(go())


def test_what_is_kept_is_on_the_disk_and_in_the_table(tmp_path: Path) -> None:
    async def body(one: Kept) -> None:
        one.act(1, why="maintenance")
        assert await one.audit.kept()
        assert one.verified(one.trail.kept().head).entries == 1
        one.audit.did("started", DAEMON)
        await asyncio.gather(*(_act(one, number) for number in range(50)))
        assert one.verified(one.trail.kept().head).entries == 52
        assert await one.copied() == list(range(1, 53))

    one = keeping(tmp_path, body)
    rows = {row["sequence"]: row for row in one.store.tables["audit"].values()}
    for entry in one.journal.entries_from(1):
        assert rows[entry.sequence] == {**{name: getattr(entry, name) for name in Entry.__slots__}, "id": entry.hash}


async def _act(one: Kept, number: int) -> None:
    one.act(number)
    assert await one.audit.kept()
    assert f"target-{number}" in one.path.read_text()


def test_a_full_disk_keeps_nobody_from_acting_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "_TRY_AGAIN_S", 0.01)

    def full(*_: object) -> int:
        raise NO_SPACE

    async def body(one: Kept) -> None:
        one.act(1)
        assert await one.audit.kept()
        with monkeypatch.context() as no_room:
            no_room.setattr("os.write", full)
            for number in (2, 3):
                one.act(number)
                assert not await one.audit.kept(), "it returns all the same"
            kept = one.trail.kept()
            assert (kept.head.sequence, kept.waiting, "No space" in kept.problem) == (1, 2, True)
        one.act(4)
        while not await one.audit.kept():
            pass
        assert one.verified(one.trail.kept().head).entries == 4
        assert one.trail.kept().problem == ""

    keeping(tmp_path, body)
    said = capsys.readouterr().out
    assert said.count("audit_not_kept") == 1, "once, and not with every act"
    assert "audit_kept_again" in said


def test_of_what_the_daemon_does_only_so_much_waits_for_a_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_MOST_WAITING", 5)

    async def body(one: Kept) -> None:
        for number in range(9):
            one.audit.did("attempt", f"target-{number}")
        one.act(9)
        assert await one.audit.kept()
        told = [(entry.action, entry.detail) for entry in one.journal.entries_from(1)]
        assert told[:5] == [("attempt", None)] * 5
        assert told[5:] == [("pause", {"until": 0.0}), ("audit_left_out", {"acts": 4})]

    keeping(tmp_path, body)


def test_a_table_that_has_no_room_is_made_up_from_the_file(tmp_path: Path) -> None:
    async def body(one: Kept) -> None:
        one.act(1)
        await one.audit.kept()
        assert await one.copied() == [1]
        one.store.is_full = True
        for number in range(2, 800):
            one.audit.did("attempt", f"target-{number}")
        await one.audit.kept()
        assert one.table.behind == 798
        one.store.is_full = False
        assert await one.copied() == list(range(1, 800))

    keeping(tmp_path, body)


def test_rows_that_a_crash_has_kept_from_the_table_are_made_up_at_the_start(tmp_path: Path) -> None:
    async def three(one: Kept) -> None:
        for number in range(3):
            one.act(number)

    first = keeping(tmp_path, three)
    table = first.store.tables["audit"]
    for hole in ((2,), (3,), (1, 2, 3)):
        store = Store()
        store.tables["audit"].update({key: row for key, row in table.items() if row["sequence"] not in hole})

        async def look(one: Kept) -> None:
            assert await one.copied() == [1, 2, 3]

        keeping(tmp_path, look, store)


def test_a_chain_of_which_the_table_knows_more_goes_on_behind_it_so_that_it_is_missed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def three(one: Kept) -> None:
        for number in range(3):
            one.act(number)

    first = keeping(tmp_path, three)
    lines = first.path.read_bytes().splitlines(keepends=True)
    first.path.write_bytes(lines[0])

    async def again(one: Kept) -> None:
        one.act(9)
        await one.audit.kept()
        broken = one.verified().broken
        assert broken is not None
        assert (broken.what, broken.sequence) == ("missing", 2)
        assert [entry.action for entry in one.journal.entries_from(1)] == ["pause", "audit_cut", "pause"]

    keeping(tmp_path, again, first.store)
    assert "audit_cut" in capsys.readouterr().out


def test_secrets_are_not_chained(tmp_path: Path) -> None:
    async def body(one: Kept) -> None:
        one.act(1, why="password=hunter2", before={"note": "token: hunter2", "deep": [{"api_key": "hunter2"}]})
        one.audit.did(
            "verdict", "shop", why="exit code 1: DB_PASSWORD=hunter2", after={"readings": ["url: https://a:hunter2@b/"]}
        )
        await one.audit.kept()

    assert "hunter2" not in keeping(tmp_path, body).path.read_text()


def test_a_list_has_what_is_too_new_for_the_table(tmp_path: Path) -> None:
    async def body(one: Kept) -> None:
        one.act(1)
        await one.audit.kept()
        assert await one.copied() == [1]
        one.store.pause()
        one.store.available = True  # it answers, and commits nothing
        one.store._commit = lambda: None  # type: ignore[method-assign]
        one.act(2)
        one.audit.did("started", DAEMON)
        await one.audit.kept()

        async def listed(limit: int = 10, before: int = 0, **wanted: object) -> list[int]:
            found = await one.trail.entries(EntryFilter(**wanted), limit, before)  # type: ignore[arg-type]
            return [entry.sequence for entry in found]

        assert await listed() == [3, 2, 1]
        assert await listed(limit=2) == [3, 2]
        assert await listed(before=2) == [1]
        assert await listed(people=True) == [2, 1]
        assert await listed(subject="TARGET-2") == await listed(actor="ann", limit=1) == [2]
        assert await listed(action="started") == [3]
        assert await listed(since=one.clock.at + 1) == []
        assert [(await one.trail.entry(number)).sequence for number in (1, 2, 3)] == [1, 2, 3]

    keeping(tmp_path, body)


def test_old_files_are_deleted_and_the_chain_says_so(tmp_path: Path) -> None:
    async def body(one: Kept) -> None:
        for number in range(60):
            one.act(number)
            await one.audit.kept()
        await one.upkeep._delete_old()
        checked = one.verified(one.trail.kept().head)
        assert checked.broken is None
        assert checked.first > 1
        assert len(archives(one.path)) <= 4
        assert await one.copied() == list(range(1, checked.head.sequence + 1)), "the table keeps them"

    keeping(tmp_path, body, keep=Keep(2000, 3, 0.0))


def test_a_file_that_cannot_be_opened_is_tried_again_and_nobody_is_kept_from_acting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_TRY_AGAIN_S", 0.01)
    (tmp_path / "audit.log").mkdir()

    async def body(one: Kept) -> None:
        one.act(1)
        assert not await one.audit.kept()
        assert "directory" in one.trail.kept().problem.lower()
        (tmp_path / "audit.log").rmdir()
        while not await one.audit.kept():
            await _turn()
        assert one.verified().entries == 1

    keeping(tmp_path, body)


def test_a_file_is_not_deleted_where_too_much_waits_for_the_chain_to_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(one: Kept) -> None:
        for number in range(60):
            one.act(number)
            await one.audit.kept()
        there = archives(one.path)
        with monkeypatch.context() as busy:
            busy.setattr(audit, "_MOST_WAITING", 0)
            await one.upkeep._delete_old()
        assert archives(one.path) == there
        await one.upkeep._delete_old()
        assert len(archives(one.path)) < len(there)
        assert await one.audit.kept()
        assert one.verified(one.trail.kept().head).broken is None

    keeping(tmp_path, body, keep=Keep(2000, 3, 0.0))


def test_that_others_touched_the_file_is_in_the_chain_however_much_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "_MOST_WAITING", 1)

    async def body(one: Kept) -> None:
        one.act(1)
        assert await one.audit.kept()
        one.path.unlink()
        one.act(2)
        assert await one.audit.kept()
        assert await one.audit.kept()
        assert [entry.action for entry in one.journal.entries_from(2)] == ["pause", "audit_touched"]

    keeping(tmp_path, body)


def test_many_acts_are_chained_some_in_a_turn_of_the_loop_and_all_are_kept_in_their_order(tmp_path: Path) -> None:
    async def body(one: Kept) -> None:
        for number in range(3000):
            one.audit.did("attempt", f"target-{number}")
        one.act(3000)
        keeping = asyncio.ensure_future(one.audit.kept())
        await _turn()
        assert len(one.audit._given) <= 1000, "the loop is not kept from all else"
        assert await keeping
        kept = [entry.subject for entry in one.journal.entries_from(1)]
        assert kept == [f"target-{number}" for number in range(3001)]
        assert one.verified(one.trail.kept().head).broken is None

    keeping(tmp_path, body)


def test_a_table_to_which_a_bug_happens_comes_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(table, "_TRY_AGAIN_S", 0.01)

    class Wrong(Store):
        bugs = 3

        def append(self, table: str, row: Row) -> int:
            if self.bugs:
                self.bugs -= 1
                raise TypeError("a bug")
            return super().append(table, row)

    async def body(one: Kept) -> None:
        one.act(1)
        assert await one.audit.kept()
        one.act(2)
        assert await one.audit.kept()
        assert await one.copied() == [1, 2]

    keeping(tmp_path, body, Wrong())
    assert capsys.readouterr().out.count("the audit was not copied") == 1, "once, and not with every entry"


def test_files_that_cannot_be_read_at_the_start_are_copied_all_the_same_when_they_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def two(one: Kept) -> None:
        one.act(1)
        one.act(2)

    keeping(tmp_path, two)

    def fails_once(journal: Journal) -> int:
        monkeypatch.undo()
        raise NO_SPACE

    async def look(one: Kept) -> None:
        assert await one.copied() == [1, 2]

    monkeypatch.setattr(Journal, "first", fails_once)
    keeping(tmp_path, look)


def test_a_disk_that_hangs_does_not_keep_the_end_from_coming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_PATIENCE_S", 0.05)
    answers = threading.Event()

    async def go() -> None:
        one = Kept(tmp_path)
        await one.begin()
        monkeypatch.setattr("os.fdatasync", lambda _: answers.wait(60.0))
        one.act(1)
        try:
            await asyncio.wait_for(one.audit.close(), 10.0)
            assert not answers.is_set()
        finally:
            answers.set()
        assert "does not answer" in one.audit.problem

    asyncio.run(go())
