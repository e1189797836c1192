"""Waiting with a limit, for a future and for an event, and giving a future its end once."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TypeVar

from error_daemon.errors import StoreUnavailable

T = TypeVar("T")


async def within(limit_s: float, future: asyncio.Future[T], problem: str) -> T:
    """The future's result. Raises StoreUnavailable(problem) when there is none after `limit_s`. The future is of no use to
    others afterwards: it is cancelled, so that what comes too late is dropped."""
    try:
        await asyncio.wait([future], timeout=limit_s)
        if not future.done():
            raise StoreUnavailable(f"{problem} (more than {limit_s:g} s)")
        return future.result()
    finally:
        future.cancel()


async def wait_for_event(event: asyncio.Event, limit_s: float) -> bool:
    """True as soon as the event is set, False if it is not after `limit_s`."""
    with suppress(asyncio.TimeoutError):
        return await asyncio.wait_for(event.wait(), limit_s)
    return False


def settle(future: asyncio.Future[T], end: T | Exception) -> None:
    """Give a future its result or exception, unless it has ended already or its waiter has gone."""
    if future.done():
        return
    if isinstance(end, Exception):
        future.set_exception(end)
    else:
        future.set_result(end)
