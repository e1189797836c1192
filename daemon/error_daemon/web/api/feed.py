"""
What happens, for many pages at once: one watch, each event made into bytes once, and kept for a while.

    Watch ── one task ──► frames, the newest 256 ◄── each stream reads from its place on

A stream holds a number, and no frames: one that is slow, or came back, goes on from its place. What is not there any more it is told of as
lost, and then a page reads anew what it shows. All streams are woken by a frame, one a little after the other, so that fifty pages are no
fifty turns of the loop at a time that a fault waits behind.
Source: "Server-sent events" of https://html.spec.whatwg.org
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from contextlib import aclosing, suppress
from secrets import token_hex
from typing import Any

from google.protobuf.message import Message

from error_daemon.errors import TransientError
from error_daemon.web.api.writing import json_text

_KEPT = 256
_MOST_FEEDS = 16  # of the 80 who may watch (runtime/watchers.py): what pages follow leaves room for people at terminals
_RETRY_AFTER_S = 5.0
_AT_ONCE = 32  # frames that a slow reader is behind are given out in pieces


def frame(kind: str, data: str, number: str = "") -> bytes:
    """One event. `data` has no line breaks."""
    return f"{f'id: {number}' + chr(10) if number else ''}event: {kind}\ndata: {data}\n\n".encode()


class Feed:
    """`watch()`: the events, as messages of error_recovery.v1.Event."""

    def __init__(self, watch: Callable[[], Any]) -> None:
        self._watch = watch
        self._name = token_hex(4)  # so that a number of another feed is known as such
        self._frames: deque[bytes] = deque(maxlen=_KEPT)
        self._next = 0
        self._arrived: asyncio.Event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def next(self) -> int:
        """The place of the frame that comes next."""
        return self._next

    @property
    def has_ended(self) -> bool:
        return self._task is not None and self._task.done()

    async def start(self) -> None:
        """By each of its readers. Raises what the watch is refused with."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        await asyncio.sleep(0)  # a watch that is refused is so at once
        if self._task.done():
            self._task.result()

    async def _run(self) -> None:
        try:
            async with aclosing(self._watch()) as events:
                async for event in events:
                    self._put(event)
        finally:
            self._wake()

    def _put(self, event: Any) -> None:
        self._frames.append(frame(event.kind, json_text(event), f"{self._name}-{self._next}"))
        self._next += 1
        self._wake()

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, asyncio.Event()
        arrived.set()

    async def more(self, place: int, most_s: float) -> bool:
        """Whether there is a frame at this place; waits for it so long at most, or until the feed has ended."""
        if place == self._next and not self.has_ended:
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), most_s)
        return place < self._next

    def since(self, place: int) -> tuple[bytes, int]:
        """The frames from this place on, some of them, and the place after them. What is not kept any more is told of as lost."""
        first = self._next - len(self._frames)
        lost = frame("lost", json.dumps({"events": first - place})) if place < first else b""
        begin = max(place, first)
        given = [self._frames[index - first] for index in range(begin, min(self._next, begin + _AT_ONCE))]
        return lost + b"".join(given), begin + len(given)

    def place_after(self, last_id: str) -> int | None:
        """Where somebody goes on who had this event last; None: that is not known any more."""
        name, _, number = last_id.rpartition("-")
        if name != self._name or not number.isdecimal() or len(number) > 15:
            return None
        place = int(number) + 1
        return place if self._next - len(self._frames) <= place <= self._next else None

    def check(self) -> None:
        """Raises what the watch has ended with, if it has not ended well."""
        if self._task is not None and self._task.done() and not self._task.cancelled():
            self._task.result()

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()


class Feeds:
    """The feeds that somebody reads, by what they tell of. A feed begins with its first reader and ends with its last."""

    def __init__(self, watch: Callable[[Message], Any]) -> None:
        self._watch = watch
        self._feeds: dict[bytes, tuple[Feed, int]] = {}  # each with how many read it

    async def join(self, request: Message) -> Feed:
        """One that tells of what is asked for; `leave` it. Raises TransientError, and what a watch is refused with."""
        key = request.SerializeToString(deterministic=True)
        feed, readers = self._feeds.get(key, (None, 0))
        if feed is None or feed.has_ended:
            if feed is None and len(self._feeds) >= _MOST_FEEDS:
                raise TransientError(f"pages follow {_MOST_FEEDS} different things already", _RETRY_AFTER_S)
            feed = Feed(lambda: self._watch(request))
        self._feeds[key] = feed, readers + 1
        try:
            await feed.start()
        except BaseException:
            self.leave(request)
            raise
        return feed

    def leave(self, request: Message) -> None:
        key = request.SerializeToString(deterministic=True)
        feed, readers = self._feeds[key]
        if readers > 1:
            self._feeds[key] = feed, readers - 1
        else:
            del self._feeds[key]
            feed.stop()
