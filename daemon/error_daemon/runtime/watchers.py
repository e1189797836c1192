"""Who wants to hear what happens, and gets it without holding anything up."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from error_daemon.errors import TransientError
from error_daemon.model import Notice

_MOST_WAITING = 1_000
_MOST_WATCHERS = 64
_RETRY_AFTER_S = 5.0


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


class Watchers:
    """`on_audience(True)` when the first comes, `on_audience(False)` when the last has gone."""

    def __init__(self, on_audience: Callable[[bool], None]) -> None:
        self._on_audience = on_audience
        self._watchers: list[Watcher] = []
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._watchers)

    def close(self) -> None:
        """Nothing more will be told: every watch ends once it has got what waits for it."""
        self._is_closed = True
        for watcher in self._watchers:
            watcher.arrived.set()

    def tell(self, notice: Notice) -> None:
        for watcher in self._watchers:
            if watcher.is_wanted(notice):
                watcher.put(notice)

    @contextmanager
    def begin(self, is_wanted: Callable[[Notice], bool]) -> Iterator[Watcher]:
        """Whatever is told and wanted while this is not left. Raises TransientError when as many as there may be watch already."""
        if len(self._watchers) >= _MOST_WATCHERS:
            raise TransientError(f"{_MOST_WATCHERS} are watching already", _RETRY_AFTER_S)
        watcher = Watcher(is_wanted)
        self._watchers.append(watcher)
        self._on_audience(True)
        try:
            yield watcher
        finally:
            self._watchers.remove(watcher)
            self._on_audience(bool(self._watchers))

    async def watch(self, error_id: str | None) -> AsyncGenerator[Notice, None]:
        """Everything told from now on. One that does not keep up loses the oldest; the next notice says how many.
        Raises TransientError when as many as there may be watch already."""
        with self.begin(lambda notice: error_id in (None, notice.error.error_id)) as watcher:
            while not (self._is_closed and not watcher.waiting):
                await watcher.arrived.wait()
                watcher.arrived.clear()
                while watcher.waiting:
                    notice, lost, watcher.lost = watcher.waiting.popleft(), watcher.lost, 0
                    yield replace(notice, text=f"({lost} events were lost) {notice.text}") if lost else notice
