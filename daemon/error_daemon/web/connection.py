"""
One connection of HTTP/1.1: uvicorn's, within bounds that it does not have itself.

request     must be whole within `request_s`, its line and headers in at most 32 KiB; else its connection ends
idle        a connection on which nothing is asked ends after uvicorn's own time; above `connections`, whoever is idle for longest
            makes place at once, and where nobody is, who comes is turned away
pipeline    at most so many requests wait for the answers before theirs; whoever sends more is cut off
deaf        who does not take its answers ends after `request_s`, too, and makes place before that
identity    who is at the other end goes with each request, as scope["state"]["peer"]
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from error_daemon.listening.peer import who_is_at

_MOST_HEAD_BYTES = 32 << 10
_MOST_PIPELINED = 32
_TOO_LONG = b'{"title": "Request Header Fields Too Large", "status": 431, "detail": "the line and headers have more than 32 KiB"}'
_REFUSED_AS_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (len(_TOO_LONG), _TOO_LONG)
)


@dataclass(frozen=True, slots=True)
class House:
    """What all connections of a server share. `headers()` are those of every answer."""

    config: Config
    state: ServerState
    connections: int
    request_s: float
    headers: Callable[[], list[tuple[bytes, bytes]]]


class Connection(HttpToolsProtocol):
    def __init__(self, house: House) -> None:
        super().__init__(house.config, house.state, {}, asyncio.get_running_loop())
        self._house = house
        self._head_bytes = 0
        self._is_in_head = True
        self._late: asyncio.TimerHandle | None = None
        self._deaf: asyncio.TimerHandle | None = None  # while it does not take what it is sent
        self._makes_place = False
        self.idle_since = self.loop.time()

    @property
    def may_make_place(self) -> bool:
        is_idle = self.cycle is None or self.cycle.response_complete
        return not self._makes_place and (is_idle or self._deaf is not None)

    def make_place(self) -> None:
        self._makes_place = True
        self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        has_place = len(self.connections) < self._house.connections or _make_place(self.connections)
        super().connection_made(transport)
        if not has_place:
            transport.abort()
            return
        self.app_state = {"peer": who_is_at(transport)}
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self._request_is_whole()
        self._hears()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._deaf = self.loop.call_later(self._house.request_s, self.transport.abort)

    def resume_writing(self) -> None:
        self._hears()
        super().resume_writing()

    def _hears(self) -> None:
        if self._deaf is not None:
            self._deaf.cancel()
            self._deaf = None

    def data_received(self, data: bytes) -> None:
        if self._is_in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > _MOST_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_REFUSED_AS_TOO_LONG)
            self.transport.close()

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= _MOST_PIPELINED:
            self.transport.abort()
            raise ValueError("too many requests before an answer")  # which ends the parser's work on what has come
        super().on_message_begin()
        if self._late is None:
            self._await_request()

    def on_headers_complete(self) -> None:
        self._is_in_head = False
        self.server_state.default_headers = self._house.headers()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._request_is_whole()
        self._is_in_head, self._head_bytes = True, 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self.idle_since = self.loop.time()
        super().on_response_complete()

    def _await_request(self) -> None:
        self._late = self.loop.call_later(self._house.request_s, self._request_is_late)

    def _request_is_whole(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _request_is_late(self) -> None:
        self.transport.close()


def _make_place(connections: Any) -> bool:
    idle = [one for one in connections if one.may_make_place]
    if not idle:
        return False
    min(idle, key=lambda one: one.idle_since).make_place()
    return True
