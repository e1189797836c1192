"""Looks that may block for ever: a path on a dead network mount holds whoever touches it, and no thread can be ended.

So each look has a thread, out of a number that is kept for looks alone: what else needs threads (ending what a lost program left) has
others. A look that its time was up for and that still has not come back *hangs*. At what a look hangs at, no second is begun: a probe that
is asked each second would take one thread after the other. When as many hang as there are threads, nothing is begun until one comes back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from error_daemon.errors import PermanentError

MOST_THREADS = 16
T = TypeVar("T")


class BlockingLooks:
    """For one loop."""

    def __init__(self, most_threads: int = MOST_THREADS) -> None:
        self._most_threads = most_threads
        self._threads = ThreadPoolExecutor(most_threads, "look")
        self._begun: list[tuple[str, Future[Any]]] = []  # those that hang, and some that have come back

    def hanging(self) -> list[str]:
        """At what."""
        self._begun = [(at, look) for at, look in self._begun if not look.done()]
        return [at for at, _ in self._begun]

    async def see(self, at: str, look: Callable[[], T], timeout_s: float) -> T:
        """What `look` returns or raises; `at` is what it touches. Raises asyncio.TimeoutError; PermanentError if it is not begun."""
        hanging = self.hanging()
        if at in hanging:
            raise PermanentError(f"the last look at {at} has not come back: is its file system alive?")
        if len(hanging) >= self._most_threads:
            raise PermanentError(
                f"{len(hanging)} looks have not come back, at {hanging[0]} and others: are these alive?"
            )
        begun = self._threads.submit(look)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(begun), timeout_s)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            self._begun.append((at, begun))
            raise


looks = BlockingLooks()  # of this process
