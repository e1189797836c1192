"""What all hooks have to send is in their file again, whatever has become of it meanwhile."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from error_daemon.hooks.hooks import Given, Hooks
from error_daemon.hooks.sending import Sent
from error_daemon.hooks.shelf import FILE, Shelf
from error_daemon.model.hook import Delivery, Hook
from error_daemon.runtime.clock import SteadyClock
from tests.hooks.events import ORIGIN, a_notice

OPS, LATER = Hook("ops", "webhook"), Hook("later", "webhook")


class NeverAnswered:
    async def send(self, _delivery: Delivery, _at: float) -> Sent:
        await asyncio.Event().wait()
        raise AssertionError

    async def close(self) -> None: ...


def hooks_in(directory: Path) -> Hooks:
    return Hooks(Given(SteadyClock(), ORIGIN, directory, lambda _hook: NeverAnswered()))


def errors_kept(directory: Path, hook: str) -> set[str]:
    shelf = Shelf(directory)
    shelf.open()
    found = {one.event.error_id for one in shelf.kept(hook)[0]}
    shelf.close()
    return found


def test_what_could_not_be_written_to_a_full_disk_is_written_later(tmp_path: Path) -> None:
    async def go() -> None:
        hooks = hooks_in(tmp_path)
        hooks.define([OPS])
        connection = hooks._shelf._connection
        assert connection is not None
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        for number in range(50):
            hooks.tell(a_notice(error_id=f"e{number}"))
        hooks._write()
        assert "full" in hooks.problem
        connection.execute("PRAGMA max_page_count=100000")
        hooks.tell(a_notice(error_id="last"))
        hooks._write()
        assert "full" in hooks.problem
        await hooks.stop()

    asyncio.run(go())
    assert errors_kept(tmp_path, "ops") == {*(f"e{number}" for number in range(50)), "last"}


def test_a_file_damaged_before_a_reload_is_begun_anew_with_what_the_other_hooks_have(tmp_path: Path) -> None:
    async def go() -> None:
        hooks = hooks_in(tmp_path)
        hooks.define([OPS])
        for number in range(50):
            hooks.tell(a_notice(error_id=f"e{number}"))
        hooks._write()
        damaged = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        damaged.execute("UPDATE deliveries SET hook = 'later', body = '{' WHERE id = (SELECT min(id) FROM deliveries)")
        damaged.close()
        hooks.define([OPS, LATER])
        assert "was put aside" in hooks.problem
        assert errors_kept(tmp_path, "ops") == {f"e{number}" for number in range(50)}
        await hooks.stop()

    asyncio.run(go())
