"""
A peer in bytes: frames as a client may send them, well made or not, and in words what a Connection says to it.

    peer = Peer().greeted()
    peer.say(headers(1), data(1, b"abc", ends=True))      →  ["HEADERS 1", "DATA 1 3", "HEADERS 1 END_STREAM"]

The servicer behind it answers with what it was sent, when it was sent all of it. What a request asks for in its path:
/test/Hold is not answered, /test/Early before its end, /test/Many with MANY_BYTES.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

from hpack import Decoder

from error_daemon.rpc.wire.connection import Connection
from error_daemon.rpc.wire.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEAD_BYTES,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    STREAM_MASK,
    WINDOW_UPDATE,
    ErrorCode,
    Setting,
)
from error_daemon.rpc.wire.header_blocks import literal
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.receiver import Receiver
from error_daemon.rpc.wire.stream import Stream

LIMITS = WireLimits(max_message_bytes=1 << 20)
MANY_BYTES = 100_000
MESSAGE_PREFIX_BYTES = 5
Fields = Sequence[tuple[bytes, bytes]]
NAMES = (
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
)


# --- what a client sends


def frame(kind: int, number: int = 0, content: bytes = b"", *, flags: int = 0) -> bytes:
    return struct.pack(">I", len(content))[1:] + struct.pack(">BBI", kind, flags, number) + content


def fields(path: str = "/test/Say", **other: str) -> list[tuple[bytes, bytes]]:
    """Of a gRPC call. `other` by name: in place of the usual, or after it; "" leaves it out; _ stands for -, and x_ for a colon before."""
    usual = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "here",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    for name, value in other.items():
        usual[(":" + name[2:] if name.startswith("x_") else name).replace("_", "-")] = value
    return [(name.encode(), value.encode("latin-1")) for name, value in usual.items() if value]


def block(of: Fields) -> bytes:
    """A header block that leaves the table as it is."""
    return b"".join(literal(name, value) for name, value in of)


def headers(
    number: int, content: bytes | Fields | None = None, *, ends: bool = False, flags: int = END_HEADERS
) -> bytes:
    if not isinstance(content, bytes):
        content = block(fields() if content is None else content)
    return frame(HEADERS, number, content, flags=flags | (END_STREAM if ends else 0))


def call(number: int, path: str = "/test/Say", *, ends: bool = False) -> bytes:
    return headers(number, fields(path), ends=ends)


def opened(number: int, content: bytes = b"") -> bytes:
    """HEADERS whose block goes on."""
    return headers(number, content or block(fields()), flags=0)


def continuation(number: int, content: bytes = b"", *, ends: bool = True) -> bytes:
    return frame(CONTINUATION, number, content, flags=END_HEADERS if ends else 0)


def data(number: int, content: bytes = b"", *, ends: bool = False) -> bytes:
    return frame(DATA, number, content, flags=END_STREAM if ends else 0)


def padded(kind: int, number: int, content: bytes, padding: int, *, flags: int = 0) -> bytes:
    return frame(kind, number, bytes([padding]) + content + bytes(padding), flags=flags | PADDED)


def settings(values: Iterable[tuple[int, int]] = (), *, number: int = 0, flags: int = 0) -> bytes:
    content = b"".join(struct.pack(">HI", setting, value) for setting, value in values)
    return frame(SETTINGS, number, content, flags=flags)


def ping(content: bytes = b"12345678", *, number: int = 0, flags: int = 0) -> bytes:
    return frame(PING, number, content, flags=flags)


def rst_stream(number: int, code: int = ErrorCode.CANCEL) -> bytes:
    return frame(RST_STREAM, number, struct.pack(">I", code))


def window_update(number: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, number, struct.pack(">I", increment))


def priority(number: int, content: bytes = b"\0\0\0\0\x10") -> bytes:
    return frame(PRIORITY, number, content)


def goaway(last: int = 0, code: int = 0, says: bytes = b"", *, number: int = 0) -> bytes:
    return frame(GOAWAY, number, struct.pack(">II", last, code) + says)


# --- what it hears


def frames_of(content: bytes) -> list[tuple[int, int, int, bytes]]:
    """(kind, flags, stream, content) of each; there must be nothing else."""
    found = []
    while content:
        length = int.from_bytes(content[:3], "big")
        kind, flags, number = struct.unpack(">BBI", content[3:HEAD_BYTES])
        body, content = content[HEAD_BYTES : HEAD_BYTES + length], content[HEAD_BYTES + length :]
        assert len(body) == length
        found.append((kind, flags, number, body))
    return found


def words(kind: int, flags: int, number: int, content: bytes) -> str:
    said = [NAMES[kind]]
    if kind in (SETTINGS, PING):
        assert number == 0
        said += ["ACK"] if flags & ACK else []
        said += [content.decode("latin-1")] if kind == PING else _values(content)
    elif kind == GOAWAY:
        last, code = struct.unpack(">II", content[:8])
        said += [str(last), ErrorCode(code).name]
    else:
        said.append(str(number))
        if kind == RST_STREAM:
            said.append(ErrorCode(int.from_bytes(content, "big")).name)
        elif kind == WINDOW_UPDATE:
            said.append(str(int.from_bytes(content, "big") & STREAM_MASK))
        elif kind == DATA:
            said.append(str(len(content)))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            said.append("END_STREAM")
        if kind in (HEADERS, CONTINUATION) and not flags & END_HEADERS:
            said.append("...")
    return " ".join(said)


def text_of(content: bytes) -> list[str]:
    """A header block of a response, as the hpack library reads it."""
    return [f"{name} {value}" for name, value in map(_text, Decoder().decode(content))]


def _text(field: tuple[str | bytes, str | bytes]) -> tuple[str, ...]:
    return tuple(part if isinstance(part, str) else part.decode("latin-1") for part in field)


def _values(content: bytes) -> list[str]:
    return [f"{Setting(name).name}={value}" for name, value in struct.iter_unpack(">HI", content)]


class Servicer:
    """receiver.Receiver: answers with what came."""

    def __init__(self) -> None:
        self.bodies: dict[int, bytes] = {}
        self.ended: list[int] = []
        self.gone_streams: list[int] = []
        self.drained_streams: list[int] = []
        self.connection: Connection

    def request(self, stream: Stream) -> None:
        assert stream.head is not None
        self.bodies[stream.stream_id] = b""
        if stream.head.path == "/test/Early":
            self.connection.out.answer(stream, b"")

    def data(self, stream: Stream, content: bytes, *, has_ended: bool) -> None:
        self.bodies[stream.stream_id] += content
        if not has_ended:
            self.connection.consumed(stream)
            return
        self.ended.append(stream.stream_id)
        assert stream.head is not None
        if stream.head.path == "/test/Many":
            self.connection.out.answer(stream, bytes(MANY_BYTES))
        elif stream.head.path != "/test/Hold":
            self.connection.out.answer(stream, self.bodies[stream.stream_id])

    def gone(self, stream: Stream) -> None:
        self.gone_streams.append(stream.stream_id)

    def drained(self, stream: Stream) -> None:
        self.drained_streams.append(stream.stream_id)

    def overlong(self, stream: Stream, says: str) -> None:
        assert says
        self.connection.out.trailers(stream, b"")


class Peer:
    """`receiver`: in the place of `servicer`, for tests of what stands there in the daemon."""

    def __init__(self, limits: WireLimits = LIMITS, receiver: Receiver | None = None) -> None:
        self.servicer = Servicer()
        self.connection = Connection(limits, receiver or self.servicer, 0.0)
        self.servicer.connection = self.connection
        self.at = 0.0

    def say(self, *sent: bytes) -> list[str]:
        return [words(*heard) for heard in self.hear(b"".join(sent))]

    def hear(self, sent: bytes) -> list[tuple[int, int, int, bytes]]:
        self.connection.receive(sent, self.at)
        while self.connection.has_more:
            self.connection.receive(b"", self.at)
        return self.drain()

    def drain(self) -> list[tuple[int, int, int, bytes]]:
        content = b"".join(self.connection.out.frames)
        self.connection.out.frames.clear()
        return frames_of(content)

    def greeted(self, values: Iterable[tuple[int, int]] = ()) -> Peer:
        """The preface was said, and the settings of both are acknowledged."""
        assert self.say(PREFACE, settings(values))[-1] == "SETTINGS ACK"
        assert self.say(settings(flags=ACK)) == []
        return self
