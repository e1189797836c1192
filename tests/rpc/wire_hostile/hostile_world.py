"""A wire server on a real socket, with a clock that only the test moves, and peers that send whatever bytes they like."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import hpack
import uvloop

from error_daemon.calls import Call, Method, Service, Shape, Transport
from error_daemon.rpc.wire.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD,
    HEAD_BYTES,
    HEADERS,
    PREFACE,
    RST_STREAM,
    STREAM_MASK,
    ConnectionViolation,
    ErrorCode,
    Setting,
    head,
    settings,
)
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.server import IN_CLEAR, WireServer
from tests.fakes.open_gate import OpenGate

PATIENCE_S = 20.0  # only ever waited for in full when something is broken
SERVICE = "hostile.Echo"
MESSAGE_BYTES = 1 << 20


@dataclass(slots=True)
class DrivenClock:
    at: float = 1000.0

    def __call__(self) -> float:
        return self.at


@dataclass(frozen=True, slots=True)
class Frame:
    kind: int
    flags: int
    number: int
    content: bytes


class Echo:
    """A method of every shape, and one whose answers are large. `running`: calls of Hold that have not ended."""

    def __init__(self) -> None:
        self.answered = 0
        self.on_raw: Callable[[], None] = lambda: None
        self.running = 0
        self.begun = 0
        self.cancelled = 0
        self.streamed = 0

    def service(self) -> Service:
        return Service(
            SERVICE,
            (
                Method("Raw", Shape.UNARY, self.raw, None, None),
                Method("Large", Shape.UNARY, lambda request, _call: bytes(int(request)), None, None),
                Method("Hold", Shape.UNARY, self.hold, None, None),
                Method("Each", Shape.BIDI_STREAM, self.each, None, None),
                Method("Sum", Shape.CLIENT_STREAM, self.sum, None, None),
                Method("Deaf", Shape.CLIENT_STREAM, self.deaf, None, None),
                Method("Pour", Shape.SERVER_STREAM, self.pour, None, None),
            ),
        )

    def raw(self, request: bytes, _call: Call) -> bytes:
        self.answered += 1
        self.on_raw()
        return request[::-1]

    async def hold(self, request: bytes, _call: Call) -> bytes:
        self.running += 1
        self.begun += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.running -= 1
        return request

    async def each(self, requests: AsyncIterator[bytes], _call: Call) -> AsyncIterator[bytes]:
        async for request in requests:
            self.streamed += 1
            yield request

    async def sum(self, requests: AsyncIterator[bytes], _call: Call) -> bytes:
        total = 0
        async for request in requests:
            self.streamed += 1
            total += len(request)
        return b"%d" % total

    async def deaf(self, _requests: AsyncIterator[bytes], call: Call) -> bytes:
        return await self.hold(b"", call)

    async def pour(self, request: bytes, _call: Call) -> AsyncIterator[bytes]:
        while True:
            yield bytes(int(request))


class Peer:
    """A raw HTTP/2 connection. What is sent is up to the test; what comes is cut into frames."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.encoder = hpack.Encoder()
        self._decoder = hpack.Decoder()
        self.frames: list[Frame] = []

    async def send(self, *frames: bytes) -> None:
        """As much as the server still takes: one that is being sent away finds its socket closed."""
        try:
            self.writer.write(b"".join(frames))
            await self.writer.drain()
        except ConnectionError:
            pass

    def request(self, number: int, method: str = "Raw", *fields: tuple[str, str], ends: bool = False) -> bytes:
        block = self.block(method, *fields)
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return head(len(block), HEADERS, flags, number) + block

    def block(self, method: str = "Raw", *fields: tuple[str, str]) -> bytes:
        usual = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", f"/{SERVICE}/{method}"),
            (":authority", "here"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ]
        return self.encoder.encode([*usual, *fields], huffman=False)

    async def next_frame(self) -> Frame | None:
        """None: the connection is closed."""
        try:
            start = await asyncio.wait_for(self._reader.readexactly(HEAD_BYTES), PATIENCE_S)
            high, low, kind, flags, number = HEAD.unpack(start)
            content = await asyncio.wait_for(self._reader.readexactly(high << 8 | low), PATIENCE_S)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        frame = Frame(kind, flags, number & STREAM_MASK, content)
        self.frames.append(frame)
        return frame

    async def until(self, kind: int, number: int | None = None) -> Frame:
        """The next frame of this kind (on this stream)."""
        while frame := await self.next_frame():
            if frame.kind == kind and number in (None, frame.number):
                return frame
        raise AssertionError(f"closed before a frame of type {kind} came on {number}; there came {self.frames[-5:]}")

    async def sent_away(self) -> ErrorCode:
        """The code of the GOAWAY, after which the connection must close."""
        frame = await self.until(GOAWAY)
        while await self.next_frame() is not None:
            pass
        return ErrorCode(struct.unpack_from(">I", frame.content, 4)[0])

    async def reset(self, number: int) -> ErrorCode:
        frame = await self.until(RST_STREAM, number)
        return ErrorCode(struct.unpack(">I", frame.content)[0])

    async def status(self, number: int) -> str:
        """The grpc-status in which the call ends."""
        while True:
            frame = await self.until(HEADERS, number)
            fields = dict(self._decoder.decode(frame.content, raw=True))
            if b"grpc-status" in fields:
                return fields[b"grpc-status"].decode()

    async def answer(self, number: int, message: bytes = b"abc") -> bytes:
        """Of one call of Raw."""
        await self.send(self.request(number), data(number, prefixed(message), ends=True))
        body = (await self.until(DATA, number)).content[5:]
        assert await self.status(number) == "0"
        return body

    def is_open(self) -> bool:
        return not self._reader.at_eof()

    async def closed(self) -> None:
        while await self.next_frame() is not None:
            pass

    async def read_to_the_end(self) -> None:
        """Whatever comes, until the server has closed."""
        with suppress(ConnectionError):
            await asyncio.wait_for(self._reader.read(), PATIENCE_S)

    def hang_up(self) -> None:
        self.writer.transport.abort()


@dataclass
class World:
    server: WireServer
    address: tuple[str, int]
    clock: DrivenClock
    echo: Echo
    violations: list[tuple[str, ConnectionViolation]] = field(default_factory=list)
    bugs: list[tuple[str, BaseException]] = field(default_factory=list)
    peers: list[Peer] = field(default_factory=list)

    async def raw(self, tls: ssl.SSLContext | None = None) -> Peer:
        reader, writer = await asyncio.open_connection(*self.address, ssl=tls)
        peer = Peer(reader, writer)
        self.peers.append(peer)
        return peer

    async def peer(self, values: dict[Setting, int] | None = None, tls: ssl.SSLContext | None = None) -> Peer:
        """One that has said hello."""
        peer = await self.raw(tls)
        await peer.send(PREFACE, settings(values or {}))
        return peer

    async def others_are_served(self) -> None:
        """By a call of somebody who has just come."""
        other = await self.peer()
        assert await other.answer(1) == b"cba"
        other.hang_up()

    async def pass_time(self, seconds: float) -> None:
        self.clock.at += seconds
        self.server.look()
        await turns(3)

    @property
    def held_bytes(self) -> int:
        return self.server.held_bytes

    def codes(self) -> list[ErrorCode]:
        return [violation.code for _, violation in self.violations]

    @property
    def connections(self) -> int:
        return len(self.server.connections)


@asynccontextmanager
async def hostile_world(transport: Transport = IN_CLEAR, **limits: float) -> AsyncIterator[World]:
    """`limits`: of WireLimits, where they are others than the usual."""
    clock, echo = DrivenClock(), Echo()
    chosen: dict[str, Any] = {"max_message_bytes": MESSAGE_BYTES, **limits}
    violations: list[tuple[str, ConnectionViolation]] = []
    bugs: list[tuple[str, BaseException]] = []
    server = WireServer(
        WireLimits(**chosen),
        lambda method, error: bugs.append((method, error)),
        lambda peer, violation: violations.append((peer, violation)),
        OpenGate(),
        transport,
        now=clock,
    )
    server.add(echo.service())
    host, _, port = (await server.start("127.0.0.1:0")).rpartition(":")
    world = World(server, (host, int(port)), clock, echo, violations, bugs)
    try:
        yield world
    finally:
        for peer in world.peers:
            peer.hang_up()
        await asyncio.wait_for(server.stop(0), PATIENCE_S)
    assert bugs == []
    assert server.held_bytes == 0


def run(body: Coroutine[Any, Any, None]) -> None:
    """On the loop that the daemon runs on."""
    loop = uvloop.new_event_loop()
    try:
        loop.run_until_complete(asyncio.wait_for(body, 3 * PATIENCE_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        loop.close()


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def until(is_true: Callable[[], bool]) -> None:
    """Let the loop turn until it is true."""

    async def wait() -> None:
        while not is_true():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.001)

    await asyncio.wait_for(wait(), PATIENCE_S)


def prefixed(message: bytes, *, is_compressed: bool = False) -> bytes:
    return struct.pack(">BI", is_compressed, len(message)) + message


def data(number: int, content: bytes, *, ends: bool = False) -> bytes:
    return head(len(content), DATA, END_STREAM if ends else 0, number) + content


def frame(kind: int, flags: int, number: int, content: bytes = b"") -> bytes:
    return head(len(content), kind, flags, number) + content
