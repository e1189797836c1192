"""
Turns for the tasks of one connection. What they do counts for its turn (turn.py) as its frames do; when that is over, they go on one at a
time, each after everybody else had theirs.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from error_daemon.rpc.wire.turn import Turn


class TaskTurns:
    """`now`: steady time in seconds."""

    __slots__ = ("_now", "_turn", "_waiting")

    def __init__(self, turn: Turn, now: Callable[[], float]) -> None:
        self._turn = turn
        self._now = now
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def next(self) -> None:
        """For a task, when the turn is over: until it may go on."""
        mine = asyncio.get_running_loop().create_future()
        self._waiting.append(mine)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._begin)
        await mine

    def _begin(self) -> None:
        self._turn.begin(self._now())
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done():  # else its call is cancelled
                waiting.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._begin)
