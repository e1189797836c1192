"""
An endpoint whose method streams events, as Server-Sent Events.

    id, event, data   one event as its method has it, in JSON
    event: summary    so many were left out: a page is told of no more than it says (`most_per_s`), 20 a second if it says nothing
    event: lost       this asker missed some: it was slow, or away. Without a number: nobody knows how many
    retry             when to come back after an end
    : (a comment)     nothing has happened, and the connection stands

Whoever comes back with Last-Event-ID goes on where they were, for as long as the feed is there and has not forgotten it (feed.py). What was
sent and not taken is bounded by the connection: 64 KiB and one piece of 32 events. A stream ends when the daemon does, and after an hour:
whoever comes back passes the gate again, as with connections over TLS (tls.longest_connection).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

from google.protobuf.message import Message

from error_daemon.calls import Method
from error_daemon.errors import InputError, TransientError
from error_daemon.exchange import Answer, Body, Pages, Request, Route, Whole
from error_daemon.model.access import Caller
from error_daemon.web.api.endpoints import Endpoint
from error_daemon.web.api.feed import Feed, Feeds, frame
from error_daemon.web.api.unary import RestCall, request_message
from error_daemon.web.problem import refused

MOST_PER_S = 200
_USUAL_PER_S = 20
_RETRY_AFTER_S = 5.0
_COME_BACK_MS = 2000
_COMMENT_S = 15.0
_LONGEST_S = 3600.0
_GATHERED_S = 0.25  # after what was sent: what comes meanwhile goes together
_APART_S = 0.002  # between one stream's turn and the next one's
_TURNS = 32
_KIND = "text/event-stream; charset=utf-8"
_HEADERS = {"cache-control": "no-store", "x-accel-buffering": "no"}


class Events:
    """`most_streams`: at once."""

    def __init__(self, endpoint: Endpoint, method: Method, request_type: type[Message], most_streams: int) -> None:
        self._endpoint = endpoint
        self._request_type = request_type
        self._most_streams = most_streams
        self._streams = 0
        self._begun = 0
        self._feeds = Feeds(lambda request: method.serve(request, RestCall("pages", _PAGES)))

    def route(self) -> Route:
        endpoint = self._endpoint
        return Route(("GET",), endpoint.path, endpoint.method, self._begin, refused, 0, pages=Pages.OWN)

    def _begin(self, request: Request, _caller: Caller) -> Body:
        message: Any = request_message(self._request_type, request)
        if message.most_per_s > MOST_PER_S:
            raise InputError("most_per_s", f"{message.most_per_s} is more than {MOST_PER_S}")
        message.most_per_s = message.most_per_s or _USUAL_PER_S
        last_id = request.headers.get("last-event-id", "")

        def answer(_body: bytes) -> Answer | Awaitable[Answer]:
            if request.method == "HEAD":
                return Answer(self._endpoint.status, content_type=_KIND, headers=_HEADERS)
            return self._opened(message, last_id)

        return Whole(answer)

    async def _opened(self, message: Message, last_id: str) -> Answer:
        if self._streams >= self._most_streams:
            raise TransientError(f"{self._streams} streams of events are open already", _RETRY_AFTER_S)
        self._streams += 1
        try:
            feed = await self._feeds.join(message)
        except BaseException:
            self._streams -= 1
            raise
        self._begun += 1
        wait_s = self._begun % _TURNS * _APART_S
        stream = EventStream(feed, last_id, wait_s, lambda: self._closed(message))
        return Answer(self._endpoint.status, content_type=_KIND, headers=_HEADERS, stream=stream)

    def _closed(self, message: Message) -> None:
        self._streams -= 1
        self._feeds.leave(message)


class EventStream:
    """exchange.Stream of one asker. `wait_s`: how long after an event it has its turn."""

    def __init__(
        self, feed: Feed, last_id: str, wait_s: float, on_close: Callable[[], None], lasts_s: float = _LONGEST_S
    ) -> None:
        self._lasts_s = lasts_s
        place = feed.place_after(last_id) if last_id else feed.next
        self._is_lost = place is None
        self._place = feed.next if place is None else place
        self._feed = feed
        self._wait_s = wait_s
        self.close = on_close

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """See exchange.Stream."""
        feed = self._feed
        yield f"retry: {_COME_BACK_MS}\n\n".encode() + (frame("lost", "{}") if self._is_lost else b"")
        now = asyncio.get_running_loop().time
        until = now() + self._lasts_s
        while now() < until:
            if not await feed.more(self._place, min(_COMMENT_S, max(0.0, until - now()))):
                if feed.has_ended:
                    break
                yield b": nothing has happened\n\n"
                continue
            await asyncio.sleep(self._wait_s)
            piece, self._place = feed.since(self._place)
            yield piece
            await asyncio.sleep(_GATHERED_S)
        if feed.has_ended:
            feed.check()


_PAGES = Caller("", "pages", frozenset())
"""Who watches for all pages: each of them was let in by itself."""
