"""
Bytes to a connection of the wire server, as a fuzzer makes them up, and what must be true whatever they are.

The input is a program: its first byte says whether raw bytes follow or frames, and how what they make is cut into chunks. Frames are made
of few stream numbers and of header blocks that are mostly right, so that what comes behind the first checks is met, too.

- no exception escapes, no bug is reported, nothing is left to the loop's own handler;
- however the bytes are cut, what is answered is the same (of calls that are answered at once: tasks have turns of their own);
- what is held is what the server's account says, and nothing once the peer is gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import hpack

from error_daemon.calls import Call, Method, Service, Shape
from error_daemon.rpc.wire.common import Common
from error_daemon.rpc.wire.frames import END_HEADERS, PREFACE, head, settings
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.protocol import WireProtocol
from error_daemon.rpc.wire.served import served
from tests.fakes.open_gate import OpenGate

NAME = "f.F"
AT_ONCE = ("Raw", "Fail", "Nothing")
LATER = ("Later", "Hold", "Each", "Sum", "Pour")
_LIMITS = WireLimits(
    max_message_bytes=4096, streams=8, frame_bytes=16_384, stream_window=65_536, connection_window=131_072,
    header_list_bytes=2048, header_block_bytes=2048, frames_a_turn=16, held_bytes=65_536, unsent_bytes=65_536,
)  # fmt: skip
_FLAGS = (0, 1, 4, 5, 8, 9, 0x2D, 0xFF)
_NUMBERS = (0, 1, 3, 5, 7, 9, 2, 2**31 - 1)
_MOST_FRAMES = 200


class Program:
    """Choices, read from bytes; zeros when they are used up."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._content)

    def number(self) -> int:
        self._at += 1
        return self._content[self._at - 1] if self._at <= len(self._content) else 0

    def of(self, choices: tuple[Any, ...]) -> Any:
        return choices[self.number() % len(choices)]

    def take(self, size: int) -> bytes:
        taken = self._content[self._at : self._at + size]
        self._at += size
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._content))


class Socket(asyncio.Transport):
    """Takes what it is given, and is full when it is told so."""

    def __init__(self) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else default


def service() -> Service:
    def fail(request: bytes, _call: Call) -> bytes:
        raise NotImplementedError(request.hex())  # a status of its own: no bug

    async def later(request: bytes, _call: Call) -> bytes:
        await asyncio.sleep(0)
        return request * 3

    async def hold(request: bytes, _call: Call) -> bytes:
        await asyncio.Event().wait()
        return request

    async def each(requests: AsyncIterator[bytes], _call: Call) -> AsyncIterator[bytes]:
        async for request in requests:
            yield request

    async def total(requests: AsyncIterator[bytes], _call: Call) -> bytes:
        return b"%d" % sum([len(request) async for request in requests])

    async def pour(request: bytes, _call: Call) -> AsyncIterator[bytes]:
        for _ in range(50):
            yield request * 10

    return Service(
        NAME,
        (
            Method("Raw", Shape.UNARY, lambda request, _call: request[::-1], None, None),
            Method("Fail", Shape.UNARY, fail, None, None),
            Method("Later", Shape.UNARY, later, None, None),
            Method("Hold", Shape.UNARY, hold, None, None),
            Method("Each", Shape.BIDI_STREAM, each, None, None),
            Method("Sum", Shape.CLIENT_STREAM, total, None, None),
            Method("Pour", Shape.SERVER_STREAM, pour, None, None),
        ),
    )


def check(content: bytes) -> None:
    """Raises AssertionError, or whatever escaped."""
    loop = _loop()
    heard: list[Any] = []
    loop.set_exception_handler(lambda _loop, context: heard.append(context))
    loop.run_until_complete(_check(content))
    if heard:
        raise AssertionError(heard)


_loops: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    """One for all inputs: making it takes longer than most of them."""
    if not _loops:
        _loops.append(asyncio.new_event_loop())
    return _loops[0]


async def _check(content: bytes) -> None:
    program = Program(content)
    way, cut = program.number(), program.number()
    methods = AT_ONCE if way & 1 else AT_ONCE + LATER
    sent = program.rest() if way & 2 else b"".join(_frames(program, methods))
    if way & 4 or way & 1:
        sent = PREFACE + settings({}) + sent
    written = await _written([sent])
    chunked = await _written(list(_chunks(sent, cut)))
    if way & 1:
        assert chunked == written, (chunked, written)


def _frames(program: Program, methods: tuple[str, ...]) -> Iterator[bytes]:
    encoder = hpack.Encoder()
    for _ in range(_MOST_FRAMES):
        if program.is_over:
            return
        kind, number = program.number() % 16, program.of(_NUMBERS)
        if kind == 1 or kind > 11:
            block = encoder.encode(_fields(program, methods))
            yield head(len(block), 1, END_HEADERS | program.number() & 1, number) + block
        elif kind in (0, 10, 11):
            message = program.take(program.number())
            body = bytes([0, 0, 0, 0, len(message)]) + message if kind else message
            yield head(len(body), 0, program.of(_FLAGS) & 9 if kind else program.number() & 9, number) + body
        else:
            body = program.take(program.of((0, 4, 8, 6, 5, 1, 12, 40)))
            yield head(len(body), kind, program.of(_FLAGS), number) + body


def _fields(program: Program, methods: tuple[str, ...]) -> list[tuple[bytes, bytes]]:
    fields = [
        (b":method", b"POST"), (b":scheme", b"http"), (b":path", f"/{NAME}/{program.of(methods)}".encode()),
        (b"content-type", b"application/grpc"), (b"te", b"trailers"),
    ]  # fmt: skip
    odd = program.number()
    if odd & 1:
        fields.append((b"grpc-encoding", program.of((b"gzip", b"deflate", b"identity", b"x"))))
    if odd & 2:
        fields.append((program.take(2), program.take(program.number() % 16)))
    if odd & 4:
        fields.append((b"content-length", b"%d" % program.number()))
    if odd & 8:
        del fields[program.number() % len(fields)]
    if odd & 16:
        fields.append((b"grpc-timeout", program.take(3)))
    return fields


def _chunks(content: bytes, cut: int) -> Iterator[bytes]:
    size = cut % 31 + 1
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def _written(chunks: list[bytes]) -> bytes:
    bugs: list[Any] = []
    common = Common(
        dict(served(NAME, method) for method in service().methods),
        _LIMITS,
        _hears(bugs),
        lambda: 1.0,
        lambda: None,
        OpenGate(),
    )
    closed: list[WireProtocol] = []
    protocol = WireProtocol(common, lambda _protocol: True, closed.append, lambda _peer, _violation: None)
    socket = Socket()
    protocol.connection_made(socket)
    for chunk in chunks:
        protocol.data_received(chunk)
        while protocol.connection.has_more and not socket.closed:  # noqa: ASYNC110  each turn is one of the loop
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    written = bytes(socket.written)
    tasks = protocol.calls.tasks
    protocol.connection_lost(None)
    if tasks:
        await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert common.held_bytes == 0, common.held_bytes
    assert closed == [protocol]
    assert not protocol.connection.streams
    assert not bugs, bugs
    return written


def _hears(bugs: list[Any]) -> Callable[[str, BaseException], None]:
    def hear(method: str, error: BaseException) -> None:
        if not isinstance(error, NotImplementedError):
            bugs.append((method, error))

    return hear
