"""Who wants to hear what happens, and gets it without holding anything up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from error_daemon.errors import TransientError
from error_daemon.model import Notice, Summary
from error_daemon.runtime.pace import Pace

_MOST_WAITING = 1_000
_MOST_WATCHERS = 80  # of which pages, all together, have 16 at most (web/api/events.py)
_RETRY_AFTER_S = 5.0
_SOONEST_S, _LATEST_S = 0.001, 0.05  # until a paced watch looks again, while something waits
W = TypeVar("W", bound="Watcher")


class Watcher:
    """`arrived` is set with every notice; whoever waits clears it."""

    def __init__(self, is_wanted: Callable[[Notice], bool]) -> None:
        self.is_wanted = is_wanted
        self.waiting: deque[Notice] = deque()
        self.arrived = asyncio.Event()
        self.lost = 0

    def put(self, notice: Notice) -> None:
        if len(self.waiting) >= _MOST_WAITING:
            self.waiting.popleft()
            self.lost += 1
        self.waiting.append(notice)
        self.arrived.set()

    def take(self) -> Sequence[Notice]:
        """What has come since the last time."""
        taken = tuple(self.waiting)
        self.waiting.clear()
        return taken


class PacedWatcher(Watcher):
    """One who is told of so much in a second and no more."""

    def __init__(self, is_wanted: Callable[[Notice], bool], most_per_s: int) -> None:
        super().__init__(is_wanted)
        self.pace = Pace(most_per_s)

    def put(self, notice: Notice) -> None:
        self.pace.put(notice)
        self.arrived.set()


class Watchers:
    """`on_audience(True)` when the first comes, `on_audience(False)` when the last has gone."""

    def __init__(self, on_audience: Callable[[bool], None]) -> None:
        self._on_audience = on_audience
        self._watchers: list[Watcher] = []
        self._hear: Callable[[Notice], None] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._watchers)

    def close(self) -> None:
        """Nothing more will be told: every watch ends once it has got what waits for it."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.arrived.set()

    def hear(self, hear: Callable[[Notice], None] | None) -> None:
        """Who hears every notice in the turn in which it is told, for as long as the daemon runs; None: nobody."""
        self._hear = hear
        self._look_for_audience()

    def _look_for_audience(self) -> None:
        self._on_audience(bool(self._watchers) or self._hear is not None)

    def tell(self, notice: Notice) -> None:
        if self._hear is not None:
            self._hear(notice)
        for watcher in self._watchers:
            if watcher.is_wanted(notice):
                watcher.put(notice)

    @contextmanager
    def begin(self, is_wanted: Callable[[Notice], bool]) -> Iterator[Watcher]:
        """Whatever is told and wanted while this is not left. Raises TransientError when as many as there may be watch already."""
        with self._told(Watcher(is_wanted)) as watcher:
            yield watcher

    @contextmanager
    def _told(self, watcher: W) -> Iterator[W]:
        if len(self._watchers) >= _MOST_WATCHERS:
            raise TransientError(f"{_MOST_WATCHERS} are watching already", _RETRY_AFTER_S)
        self._watchers.append(watcher)
        self._look_for_audience()
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)
            self._look_for_audience()

    def watch(self, error_id: str | None, most_per_s: int = 0) -> AsyncGenerator[Notice | Summary, None]:
        """See middle.Control. Where it is not paced, one that does not keep up loses the oldest, and the next notice says how many.
        Raises TransientError when as many as there may be watch already."""

        def is_wanted(notice: Notice) -> bool:
            return error_id in (None, notice.error_id)

        return self._watch_paced(is_wanted, most_per_s) if most_per_s else self._watch_all(is_wanted)

    async def _watch_paced(
        self, is_wanted: Callable[[Notice], bool], most_per_s: int
    ) -> AsyncGenerator[Notice | Summary, None]:
        now = asyncio.get_running_loop().time
        with self._told(PacedWatcher(is_wanted, most_per_s)) as watcher:
            pace = watcher.pace
            while not (self._is_closed and pace.is_empty):
                for notice in pace.take(now()):
                    yield notice
                watcher.arrived.clear()
                due_at = pace.next_at(now())
                if due_at is not None:
                    await asyncio.sleep(min(_LATEST_S, max(_SOONEST_S, due_at - now())))
                elif not self._is_closed:
                    await watcher.arrived.wait()

    async def _watch_all(self, is_wanted: Callable[[Notice], bool]) -> AsyncGenerator[Notice, None]:
        with self.begin(is_wanted) as watcher:
            while not (self._is_closed and not watcher.waiting):
                await watcher.arrived.wait()
                watcher.arrived.clear()
                while watcher.waiting:
                    notice, lost, watcher.lost = watcher.waiting.popleft(), watcher.lost, 0
                    yield replace(notice, text=f"({lost} events were lost) {notice.text}") if lost else notice
