"""Looks that do not come back cost one thread each, and no more are begun at the same thing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from error_daemon.errors import PermanentError
from error_daemon.execute.blocking import BlockingLooks
from tests.waiting import soon

PATIENCE_S = 20.0


class Mounts:
    """Paths on a mount that is dead until `revive`."""

    def __init__(self) -> None:
        self._is_back = threading.Event()
        self.touched: list[str] = []

    def look(self, path: str) -> Callable[[], str]:
        def touch() -> str:
            self.touched.append(path)
            assert self._is_back.wait(PATIENCE_S)
            return f"{path} seen"

        return touch

    def revive(self) -> None:
        self._is_back.set()


async def hang(looks: BlockingLooks, mounts: Mounts, path: str) -> None:
    with pytest.raises(asyncio.TimeoutError):
        await looks.see(path, mounts.look(path), 0.01)


def test_at_what_a_look_hangs_no_second_is_begun_until_it_has_come_back() -> None:
    async def main() -> None:
        looks, mounts = BlockingLooks(), Mounts()
        await hang(looks, mounts, "/dead/one")
        with pytest.raises(PermanentError, match="the last look at /dead/one has not come back"):
            await looks.see("/dead/one", mounts.look("/dead/one"), PATIENCE_S)
        assert mounts.touched == ["/dead/one"]
        assert await looks.see("/alive", lambda: "seen", PATIENCE_S) == "seen"
        mounts.revive()
        await soon("it has come back", lambda: looks.hanging() == [])
        assert await looks.see("/dead/one", mounts.look("/dead/one"), PATIENCE_S) == "/dead/one seen"

    asyncio.run(main())


def test_when_every_thread_hangs_the_next_look_is_told_at_once_and_other_threads_are_free() -> None:
    async def main() -> None:
        looks, mounts = BlockingLooks(3), Mounts()
        for number in range(3):
            await hang(looks, mounts, f"/dead/{number}")
        with pytest.raises(PermanentError, match="3 looks have not come back, at /dead/0 and others"):
            await looks.see("/alive", lambda: "seen", PATIENCE_S)
        assert await asyncio.get_running_loop().run_in_executor(None, lambda: "done") == "done"
        mounts.revive()

    asyncio.run(main())


def test_a_look_that_waits_for_a_thread_in_vain_is_never_begun() -> None:
    async def main() -> None:
        looks, mounts = BlockingLooks(1), Mounts()
        first = asyncio.ensure_future(looks.see("/slow", mounts.look("/slow"), PATIENCE_S))
        await asyncio.sleep(0)
        await hang(looks, mounts, "/other")
        assert looks.hanging() == []
        mounts.revive()
        assert await first == "/slow seen"
        assert mounts.touched == ["/slow"]

    asyncio.run(main())


def test_what_a_look_raises_is_raised() -> None:
    def broken() -> str:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        asyncio.run(BlockingLooks().see("/x", broken, PATIENCE_S))
