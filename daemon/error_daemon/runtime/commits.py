"""Waiting until a row is in the file of the record, for who must not say that something is kept before it is."""

from __future__ import annotations

import asyncio
from contextlib import suppress


class Commits:
    def __init__(self) -> None:
        self.number = 0  # of the newest row that is in the file
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    def committed(self, number: int) -> None:
        """See ports.OnCommitted."""
        self.number = number
        due = [one for one in self._waiting if one[0] <= number]
        self._waiting = [one for one in self._waiting if one[0] > number]
        for _, waits in due:
            if not waits.done():
                waits.set_result(None)

    async def has(self, number: int, within_s: float) -> bool:
        """Whether the row of this number is in the file, `within_s` from now at the latest."""
        if number <= self.number:
            return True
        waits: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = (number, waits)
        self._waiting.append(waiting)
        try:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(waits, within_s)
        finally:  # a row that never comes is waited for by nobody, and remembered by nobody
            if waiting in self._waiting:
                self._waiting.remove(waiting)
        return number <= self.number
