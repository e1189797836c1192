"""Those who watch hear everything from then on, or are told how much they missed; nobody waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from error_daemon.errors import TransientError
from error_daemon.model import ErrorType, ErrorView, Notice, ResponseClass, Severity, State, Summary
from error_daemon.runtime.watchers import Watchers

MOST_WAITING, MOST_WATCHERS = 1_000, 80
VIEW = ErrorView("0123", "01234567", ErrorType.DATA, Severity.LOW, ResponseClass.TRANSIENT, State.QUEUED)


def _notice(number: int) -> Notice:
    return Notice(float(number), "state", f"event {number}", VIEW)


async def _watching(
    watchers: Watchers, error_id: str | None = None, most_per_s: int = 0
) -> tuple[AsyncIterator[Any], asyncio.Future[Any]]:
    stream = watchers.watch(error_id, most_per_s)
    first = asyncio.ensure_future(stream.__anext__())
    await asyncio.sleep(0)
    return stream, first


async def _close(stream: object) -> None:
    await stream.aclose()  # type: ignore[attr-defined]


def test_a_watcher_hears_everything_in_order() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        stream, first = await _watching(watchers)
        for number in range(100):
            watchers.tell(_notice(number))
        heard = [await first] + [await stream.__anext__() for _ in range(99)]
        assert heard == [_notice(number) for number in range(100)]
        await _close(stream)

    asyncio.run(go())


def test_one_who_watches_an_error_hears_of_no_other() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        stream, first = await _watching(watchers, "another")
        mine, mine_first = await _watching(watchers, VIEW.error_id)
        watchers.tell(_notice(1))
        assert await mine_first == _notice(1)
        assert not first.done()
        first.cancel()
        await asyncio.wait({first})
        await _close(mine)
        await _close(stream)

    asyncio.run(go())


def test_one_who_does_not_keep_up_loses_the_oldest_and_is_told_how_many() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        stream, first = await _watching(watchers)
        for number in range(MOST_WAITING + 5):
            watchers.tell(_notice(number))
        assert (await first).text == "(5 events were lost) event 5"
        assert (await stream.__anext__()).text == "event 6"
        await _close(stream)

    asyncio.run(go())


def test_notices_are_wanted_as_long_as_somebody_watches() -> None:
    audience: list[bool] = []

    async def go() -> None:
        watchers = Watchers(audience.append)
        streams = [await _watching(watchers) for _ in range(2)]
        watchers.tell(_notice(1))
        for stream, first in streams:
            await first
            await _close(stream)

    asyncio.run(go())
    assert audience == [True, True, True, False]


def test_when_it_is_closed_every_watch_ends_with_what_waited_for_it() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        stream, first = await _watching(watchers)
        _, idle = await _watching(watchers, "another")
        watchers.tell(_notice(1))
        watchers.tell(_notice(2))
        watchers.close()
        assert [(await first).text, *[notice.text async for notice in stream]] == ["event 1", "event 2"]
        with pytest.raises(StopAsyncIteration):
            await idle

    asyncio.run(go())


def test_there_is_a_limit_to_those_who_watch() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        streams = [await _watching(watchers) for _ in range(MOST_WATCHERS)]
        with pytest.raises(TransientError, match="80 are watching"):
            await watchers.watch(None).__anext__()
        watchers.tell(_notice(1))
        for stream, first in streams:
            await first
            await _close(stream)

    asyncio.run(go())


def test_one_who_wants_so_much_in_a_second_gets_the_newest_of_an_error_and_a_summary_of_the_rest() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        stream, first = await _watching(watchers, most_per_s=40)
        for number in range(100):
            watchers.tell(_notice(number))
        watchers.close()
        assert [await first, *[notice async for notice in stream]] == [_notice(99), Summary(0.0, 98.0, {"state": 99})]

    asyncio.run(go())


def test_a_paced_watch_without_news_ends_when_it_is_closed() -> None:
    async def go() -> None:
        watchers = Watchers(lambda on: None)
        _, first = await _watching(watchers, most_per_s=1)
        watchers.close()
        with pytest.raises(StopAsyncIteration):
            await first

    asyncio.run(go())
