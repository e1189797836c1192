"""Waiting for a row to be in the file: no longer than until it is, and no longer than is asked for."""

from __future__ import annotations

import asyncio

from error_daemon.runtime.commits import Commits


def test_what_is_in_the_file_is_not_waited_for() -> None:
    async def go() -> None:
        commits = Commits()
        assert await commits.has(0, 0.0)
        commits.committed(5)
        assert await commits.has(5, 0.0)

    asyncio.run(go())


def test_each_waits_for_its_own_row_and_gives_up_in_time() -> None:
    async def go() -> None:
        commits = Commits()
        first, second = (asyncio.ensure_future(commits.has(number, 60.0)) for number in (1, 2))
        never = asyncio.ensure_future(commits.has(3, 0.01))
        await asyncio.sleep(0)
        commits.committed(1)
        assert await first
        assert not second.done()
        assert not await never
        commits.committed(3)
        assert await second
        assert await commits.has(3, 0.0)

    asyncio.run(go())


def test_who_has_gone_away_is_not_told() -> None:
    async def go() -> None:
        commits = Commits()
        waiting = asyncio.ensure_future(commits.has(1, 60.0))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        commits.committed(1)
        assert waiting.cancelled()

    asyncio.run(go())


def test_a_row_that_does_not_come_in_time_is_not_remembered() -> None:
    async def go() -> None:
        commits = Commits()
        for _ in range(3):
            assert not await commits.has(1, 0.0)
        assert commits._waiting == []

    asyncio.run(go())
