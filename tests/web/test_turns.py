"""A body that takes long to unpack leaves the others on the loop their turns."""

from __future__ import annotations

import asyncio
import gzip
from itertools import count
from typing import Any

from error_daemon.model.access import Peer
from error_daemon.web.pages import Names
from error_daemon.web.serving import Room, Served
from tests.fakes.open_gate import OpenGate
from tests.web.serving_web import LIMITS, Echo


def _no_bug(action: str, error: BaseException) -> None:
    raise AssertionError(action) from error


def test_between_the_pieces_of_a_body_the_loop_has_its_turn_as_soon_as_time_is_up() -> None:
    body = gzip.compress(bytes(90_000))
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/echo/it/",
        "query_string": b"",
        "headers": [(b"content-encoding", b"gzip")],
        "state": {"peer": Peer("127.0.0.1")},
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: dict[str, Any]) -> None: ...

    async def turns(seconds_a_look: float) -> int:
        times = count(0.0, seconds_a_look)
        room = Room(LIMITS.requests, LIMITS.held_bytes)
        serving = Served(Echo().routes()[0], OpenGate(), room, Names("", ()), _no_bug, now=lambda: next(times))
        asked = asyncio.ensure_future(serving(scope, receive, send))
        had = 0
        while not asked.done():
            await asyncio.sleep(0)
            had += 1
        return had

    assert asyncio.run(turns(1.0)) > asyncio.run(turns(0.0))
