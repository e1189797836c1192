"""What the record survives: a writer that dies or hangs, a full disk, damaged files, rows that do not fit."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from error_daemon.errors import ConfigError, StoreUnavailable
from error_daemon.settings import StoreSettings
from error_daemon.store.client import DuckStore
from tests.store.rig import DEADLINE_S, QUICK, Kept, attempt, duck, run


def writer_of(kept: Kept) -> int:
    assert isinstance(kept.store, DuckStore)
    assert kept.store.writer_pid is not None
    return kept.store.writer_pid


def stored_ids(path: Path) -> set[str]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return {row[0] for row in connection.execute("SELECT id FROM attempts").fetchall()}


async def crash_image(path: Path, rows: int) -> Path:
    """The file and its write-ahead log as a loss of power would leave them, with rows in the log."""
    image = path.with_name("image.db")
    async with duck(path) as kept:
        for n in range(rows):
            await kept.written(kept.store.append("attempts", attempt(n)))
        shutil.copy(path, image)
        shutil.copy(f"{path}.wal", f"{image}.wal")
    return image


def damage_log(path: Path) -> bytes:
    """Flip a byte of a row in the write-ahead log; what it holds then."""
    wal = Path(f"{path}.wal")
    content = bytearray(wal.read_bytes())
    content[content.index(b"a000005")] ^= 0xFF
    wal.write_bytes(content)
    return bytes(content)


def tear_log(path: Path) -> None:
    wal = Path(f"{path}.wal")
    os.truncate(wal, wal.stat().st_size - 7)


def names_in(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.parametrize("on_uvloop", [True, False], ids=["uvloop", "asyncio"])
def test_nothing_is_lost_when_the_writer_is_killed_again_and_again(tmp_path: Path, on_uvloop: bool) -> None:
    path = tmp_path / "record.db"

    async def go() -> None:
        async with duck(path) as kept:
            number = 0
            for round_ in range(5):
                for n in range(300):
                    number = kept.store.append("attempts", attempt(300 * round_ + n))
                await kept.written(number - 250)
                os.kill(writer_of(kept), signal.SIGKILL)
                await kept.until(lambda: not kept.store.available)
            await kept.written(number)
            assert kept.committed == sorted(set(kept.committed))
            assert kept.store.rows_written == 1500
            assert len(kept.problems) >= 1

    run(go(), on_uvloop)
    assert stored_ids(path) == {f"a{n:06}" for n in range(1500)}


def test_an_idle_writer_that_dies_is_replaced_at_once(tmp_path: Path) -> None:
    async def go() -> None:
        async with duck(tmp_path / "record.db") as kept:
            await kept.written(kept.store.append("attempts", attempt(1)))
            os.kill(writer_of(kept), signal.SIGKILL)
            await kept.until(lambda: bool(kept.problems))
            with pytest.raises(StoreUnavailable):
                await kept.query("history")
            await kept.written(kept.store.append("attempts", attempt(2)))
            assert len(await kept.query("history")) == 2

    run(go())


def test_a_writer_that_hangs_is_killed_and_its_batch_written_by_the_next(tmp_path: Path) -> None:
    async def go() -> None:
        async with duck(tmp_path / "record.db", replace(QUICK, commit_s=0.5)) as kept:
            os.kill(writer_of(kept), signal.SIGSTOP)
            await kept.written(kept.store.append("attempts", attempt(1)))
            assert "does not answer" in kept.problems[0]
            assert len(await kept.query("history")) == 1

    run(go())


def test_a_query_that_the_writer_does_not_answer_is_given_up(tmp_path: Path) -> None:
    async def go() -> None:
        async with duck(tmp_path / "record.db", replace(QUICK, query_s=0.1)) as kept:
            os.kill(writer_of(kept), signal.SIGSTOP)
            with pytest.raises(StoreUnavailable, match="took too long"):
                await kept.query("strategy_metrics")
            os.kill(writer_of(kept), signal.SIGCONT)
            await kept.written(kept.store.append("attempts", attempt(1)))

    run(go())


def test_the_signals_of_a_stopping_unit_do_not_end_the_writer(tmp_path: Path) -> None:
    async def go() -> None:
        async with duck(tmp_path / "record.db") as kept:
            pid = writer_of(kept)
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
            await kept.written(kept.store.append("attempts", attempt(1)))
            assert writer_of(kept) == pid

    run(go())


def test_rows_are_kept_while_the_disk_is_full_and_written_later(tmp_path: Path) -> None:
    path = tmp_path / "record.db"

    async def go() -> None:
        async with duck(path) as kept:
            number = kept.store.append("attempts", attempt(0))
            await kept.written(number)
            pid = writer_of(kept)
            soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
            size = os.stat(f"{path}.wal").st_size
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 1000, hard))
            for n in range(1, 300):
                number = kept.store.append("attempts", attempt(n))
            await kept.until(lambda: not kept.store.available)
            assert "File too large" in kept.store.detail
            assert kept.store.rows_waiting() > 0
            assert kept.committed[-1] < number
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
            await kept.written(number)
            assert kept.store.available
            assert kept.store.rows_waiting() == 0
            assert len(kept.problems) == 1

    run(go())
    assert len(stored_ids(path)) == 300


def test_rows_that_can_not_be_written_before_the_end_are_told(tmp_path: Path) -> None:
    async def go() -> None:
        kept = duck(tmp_path / "record.db", replace(QUICK, stop_s=0.3))
        async with kept:
            _, hard = resource.prlimit(writer_of(kept), resource.RLIMIT_FSIZE)
            resource.prlimit(writer_of(kept), resource.RLIMIT_FSIZE, (0, hard))
            kept.store.append("attempts", attempt(1))
        assert kept.committed == []
        assert kept.problems[-1].startswith("1 rows of the record were not written")

    run(go())


def test_no_more_rows_are_kept_than_twice_the_limit(tmp_path: Path) -> None:
    settings = StoreSettings.model_validate({"waiting_rows": 1000})
    kept = duck(tmp_path / "record.db", settings=settings)
    for n in range(2000):
        kept.store.append("attempts", attempt(n))
    with pytest.raises(StoreUnavailable, match="2000 rows wait"):
        kept.store.append("attempts", attempt(2000))


def test_a_row_that_duckdb_refuses_is_set_aside_and_the_others_are_written(tmp_path: Path) -> None:
    path = tmp_path / "record.db"
    wrong: dict[int, dict[str, Any]] = {
        17: {"level": "first"},
        29: {"success": b"\xff"},
        30: {"target": {"web"}},
        31: {"target": "\ud800"},
        32: {"level": {(1, 2): 3j}},
    }

    async def go() -> None:
        async with duck(path) as kept:
            for n in range(40):
                columns = wrong.get(n, {})
                number = kept.store.append("attempts", attempt(n, **columns))
            kept.store.append("errors", {"error_id": "e1"})
            number = kept.store.append("faults", {"id": "f1", "count": 1 << 70})
            await kept.written(number)
            assert kept.store.available
            assert kept.store.rows_written == 36
            assert len(kept.problems) == 6
            assert all("set aside" in problem for problem in kept.problems)
            assert len(await kept.query("recent_errors")) == 1

    run(go())
    assert stored_ids(path) == {f"a{n:06}" for n in range(40)} - {f"a{n:06}" for n in wrong}
    aside = [json.loads(line) for line in Path(f"{path}.refused").read_text().splitlines()]
    assert [(entry["table"], entry["row"]["id"]) for entry in aside] == [
        *(("attempts", f"a{n:06}") for n in wrong),
        ("faults", "f1"),
    ]
    assert aside[2]["row"]["target"] == "{'web'}"


def test_a_log_with_a_torn_tail_is_read_up_to_it(tmp_path: Path) -> None:
    async def go() -> None:
        image = await crash_image(tmp_path / "record.db", rows=10)
        tear_log(image)
        async with duck(image) as kept:
            assert len(await kept.query("history")) == 9
            assert kept.problems == []

    run(go())


def test_a_damaged_log_is_put_aside_with_its_file_and_a_new_one_begun(tmp_path: Path) -> None:
    damaged = []

    async def go() -> None:
        image = await crash_image(tmp_path / "record.db", rows=10)
        damaged.append(damage_log(image))
        async with duck(image) as kept:
            assert len(kept.problems) == 1
            assert f"put aside as {image}.damaged-1" in kept.problems[0]
            assert await kept.query("history") == []
            await kept.written(kept.store.append("attempts", attempt(1)))

    run(go())
    assert (tmp_path / "image.db.wal.damaged-1").read_bytes() == damaged[0]
    assert (tmp_path / "image.db.damaged-1").exists()
    assert stored_ids(tmp_path / "image.db") == {"a000001"}


def test_every_damaged_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "record.db"

    async def go(n: int) -> None:
        async with duck(path) as kept:
            assert f"record.db.damaged-{n}" in kept.problems[0]

    for n in (1, 2):
        path.write_bytes(b"not a database" * 1000)
        run(go(n))
    assert names_in(tmp_path) == ["record.db", "record.db.damaged-1", "record.db.damaged-2"]


def test_a_file_that_another_process_holds_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "record.db"

    async def go() -> None:
        async with duck(path) as first:
            with pytest.raises(ConfigError, match="another process has it open"):
                await duck(path).__aenter__()
            await first.written(first.store.append("attempts", attempt(1)))

    run(go())
    assert names_in(tmp_path) == ["record.db"]


def test_a_writer_that_is_about_to_end_is_waited_for(tmp_path: Path) -> None:
    async def go() -> None:
        path = tmp_path / "record.db"
        first = duck(path)
        await first.__aenter__()
        second = duck(path, replace(QUICK, lock_s=DEADLINE_S))
        starting = asyncio.create_task(second.store.start())
        done, _ = await asyncio.wait([starting], timeout=0.5)
        assert not done  # it can't be, however long that was: the first still has the file
        await first.store.stop()
        await starting
        assert second.store.available
        await second.store.stop()

    run(go())


@pytest.mark.parametrize("place", ["missing/record.db", "folder"])
def test_a_place_that_can_not_hold_a_file_is_told_at_the_start(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()

    async def go() -> None:
        with pytest.raises(ConfigError) as caught:
            await duck(tmp_path / place).__aenter__()
        assert caught.value.problems[0].file == str(tmp_path / place)
        assert caught.value.problems[0].mend

    run(go())
