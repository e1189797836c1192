"""A peer that calls servicers: its connection ends in Calls, as a daemon's does. Within a running loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from error_daemon.calls import Call, Method, Shape
from error_daemon.model import access
from error_daemon.rpc.wire.calls import Calls
from error_daemon.rpc.wire.common import Common
from error_daemon.rpc.wire.frames import DATA, HEADERS
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.served import served
from tests.fakes.open_gate import OpenGate
from tests.rpc.serving import Bugs, until
from tests.rpc.wire.peer import LIMITS, Peer, call, data, text_of


class Echoes:
    """Servicers of every shape, in raw bytes. What they were given and how they ended is kept."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.closed = 0
        self.go_on = asyncio.Event()

    def methods(self) -> list[Method]:
        named: dict[str, tuple[Shape, Callable[[Any, Any], Any]]] = {
            "Say": (Shape.UNARY, lambda message, _call: message),
            "Later": (Shape.UNARY, self.later),
            "Each": (Shape.BIDI_STREAM, self.each),
            "Count": (Shape.SERVER_STREAM, self.count),
            "Join": (Shape.CLIENT_STREAM, self.join),
            "Deaf": (Shape.BIDI_STREAM, self.deaf),
        }
        return [Method(name, shape, serve, None, None) for name, (shape, serve) in named.items()]

    async def later(self, message: bytes, _call: Call) -> bytes:
        try:
            await self.go_on.wait()
        finally:
            self.closed += 1
        return message

    async def each(self, messages: AsyncIterator[bytes], _call: Call) -> AsyncIterator[bytes]:
        try:
            async for message in messages:
                self.heard.append(message)
                yield message
        finally:
            self.closed += 1

    async def count(self, message: bytes, _call: Call) -> AsyncIterator[bytes]:
        for number in range(int(message)):
            yield b"%d" % number

    async def join(self, messages: AsyncIterator[bytes], _call: Call) -> bytes:
        return b"+".join([message async for message in messages])

    async def deaf(self, _messages: AsyncIterator[bytes], _call: Call) -> AsyncIterator[bytes]:
        """Takes nothing until it may go on."""
        await self.go_on.wait()
        async for message in _messages:
            self.heard.append(message)
        yield b"end"


class Caller(Peer):
    """`methods`: in the place of those of `echoes`; `common`: of a server that has others."""

    def __init__(
        self,
        echoes: Echoes,
        limits: WireLimits = LIMITS,
        common: Common | None = None,
        methods: Sequence[Method] | None = None,
    ) -> None:
        self.bugs = Bugs()
        named = dict(served("test", method) for method in methods or echoes.methods())
        self.common = common or Common(
            named, limits, self.bugs, asyncio.get_running_loop().time, lambda: None, OpenGate()
        )
        self.calls = Calls(self.common, "ipv4:127.0.0.1:5", access.Peer("127.0.0.1"), lambda: None)
        super().__init__(limits, self.calls)
        self.calls.join(self.connection)
        self.greeted()

    async def hears(self, *sent: bytes, until_number: int = 1) -> tuple[list[bytes], dict[str, str]]:
        """The messages of the answer on a stream, and its trailers, when it has ended."""
        frames = self.hear(b"".join(sent))

        def has_ended() -> bool:
            frames.extend(self.drain())
            return any(number == until_number and kind == HEADERS and flags & 1 for kind, flags, number, _ in frames)

        await until(has_ended)
        mine = [(kind, content) for kind, _, number, content in frames if number == until_number]
        blocks = [content for kind, content in mine if kind == HEADERS]
        body = b"".join(content for kind, content in mine if kind == DATA)
        return messages_of(body), dict(field.split(" ", 1) for field in text_of(blocks[-1]) if " " in field)


def message(content: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(content).to_bytes(4, "big") + content


def messages_of(body: bytes) -> list[bytes]:
    found = []
    while body:
        length = int.from_bytes(body[1:5], "big")
        found.append(body[5 : 5 + length])
        body = body[5 + length :]
    return found


def calling(name: str, *messages: bytes, number: int = 1, ends: bool = True) -> bytes:
    return call(number, f"/test/{name}") + data(number, b"".join(map(message, messages)), ends=ends)
