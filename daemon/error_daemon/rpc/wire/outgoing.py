"""
What a connection sends: frames in order, and the peer's flow control (RFC 9113, 5.2 and 6.9).

Nothing is written here: frames gather in `frames` until protocol.py takes them, once per wake-up. DATA that the peer's windows don't let
out waits on its stream, and its trailers behind it; streams that wait have their turns one frame each, so that a large answer keeps no
small one waiting.
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable

from error_daemon.rpc.wire.frames import (
    CONTINUATION,
    DATA,
    DEFAULT_WINDOW,
    END_HEADERS,
    END_STREAM,
    GREATEST_WINDOW,
    HEAD,
    HEADERS,
    LEAST_FRAME_SIZE,
    ConnectionViolation,
    ErrorCode,
    StreamViolation,
    head,
)
from error_daemon.rpc.wire.header_blocks import NO_TABLE, block_of
from error_daemon.rpc.wire.stream import Stream

_RESPONSE = block_of(200, [(b"content-type", b"application/grpc")])
_OK = b"\x00\x0bgrpc-status\x010"
_MESSAGE_HEAD = struct.Struct(">HBBBIBI")  # a DATA frame's nine bytes and the five before a message
_PREFIX_BYTES = 5
_LARGEST_AT_ONCE = LEAST_FRAME_SIZE - _PREFIX_BYTES  # every peer takes it in one frame


class Outgoing:
    """The sending half of one connection. `on_finished(stream)`: its last frame is among `frames`; `on_drained(stream)`: nothing waits
    on it any more, and more may come."""

    __slots__ = (
        "_able",
        "_block_prefix",
        "_on_drained",
        "_on_finished",
        "_waiting",
        "data_frames",
        "frame_bytes",
        "frames",
        "initial_window",
        "unsent_bytes",
        "window",
    )

    def __init__(self, on_finished: Callable[[Stream], None], on_drained: Callable[[Stream], None]) -> None:
        self.frames: list[bytes] = []
        self.window = DEFAULT_WINDOW
        self.initial_window = DEFAULT_WINDOW
        self.frame_bytes = LEAST_FRAME_SIZE
        self.data_frames = 0  # sent so far
        self.unsent_bytes = 0  # DATA that waits for the peer's windows
        self._waiting: dict[Stream, None] = {}  # streams with such
        # of them, those with a window, in the order of their turns
        self._able: OrderedDict[Stream, None] = OrderedDict()
        self._block_prefix = b""
        self._on_finished = on_finished
        self._on_drained = on_drained

    # --- answers

    def answer(self, stream: Stream, message: bytes) -> None:
        """A whole unary answer: headers, the message, trailers that say OK."""
        size = len(message) + _PREFIX_BYTES
        if size > self.window or size > stream.send_window or size > _LARGEST_AT_ONCE or stream.has_head:
            self.message(stream, message)
            self.trailers(stream, _OK)
            return
        self.window -= size
        self.data_frames += 1
        number = stream.stream_id
        if self._block_prefix:
            self._headers(number, _RESPONSE, END_HEADERS)
            header = b""
        else:
            header = HEAD.pack(0, len(_RESPONSE), HEADERS, END_HEADERS, number) + _RESPONSE
        self.frames.append(
            b"".join(
                (
                    header,
                    _MESSAGE_HEAD.pack(size >> 8, size & 0xFF, DATA, 0, number, 0, len(message)),
                    message,
                    HEAD.pack(0, len(_OK), HEADERS, END_HEADERS | END_STREAM, number),
                    _OK,
                )
            )
        )
        stream.sending = False
        self._on_finished(stream)

    def response_head(self, stream: Stream, fields: bytes = b"") -> None:
        """The headers of a response, once. `fields`: further ones, encoded."""
        if not stream.has_head:
            stream.has_head = True
            self._headers(stream.stream_id, _RESPONSE + fields, END_HEADERS)

    def message(self, stream: Stream, message: bytes, *, is_compressed: bool = False) -> None:
        """A message of a response, after its headers, as far as the windows go; the rest waits on its stream."""
        self.response_head(stream)
        size = len(message) + _PREFIX_BYTES
        if not stream.pending and size <= min(self.window, stream.send_window, self.frame_bytes):
            self.window -= size
            self.data_frames += 1
            stream.send_window -= size
            start = _MESSAGE_HEAD.pack(size >> 8, size & 0xFF, DATA, 0, stream.stream_id, is_compressed, len(message))
            self.frames.append(start + message)
            return
        prefix = struct.pack(">BI", is_compressed, len(message))
        if stream.pending is None:
            stream.pending = bytearray()
        stream.pending += prefix
        stream.pending += message
        self.unsent_bytes += size
        self._send_pending(stream)

    def trailers(self, stream: Stream, fields: bytes) -> None:
        """The end of a response, after what waits. Without headers before, it is the whole response ("trailers-only")."""
        if not stream.has_head:
            stream.has_head = True
            fields = _RESPONSE + fields
        if stream.pending:
            stream.trailers = fields
        else:
            self._finish(stream, fields)

    def http_answer(self, stream: Stream, status: int, says: str) -> None:
        """What somebody who doesn't speak gRPC is told. Without words it has no content, as for HEAD; nor has it where there is no window
        for it: such a client is not waited for."""
        allow = [(b"allow", b"POST")] if status == 405 else []
        block = block_of(status, [(b"content-type", b"text/plain"), *allow])
        content = says.encode() + b"\n"
        if says and len(content) <= min(self.window, stream.send_window):
            self._headers(stream.stream_id, block, END_HEADERS)
            self.window -= len(content)
            self.frames.append(head(len(content), DATA, END_STREAM, stream.stream_id) + content)
        else:
            self._headers(stream.stream_id, block, END_HEADERS | END_STREAM)
        stream.sending = False
        self._on_finished(stream)

    def forget(self, stream: Stream) -> None:
        """Nothing more goes out on it."""
        stream.sending = False
        if stream.pending:
            self.unsent_bytes -= len(stream.pending)
            stream.pending = None
        self._waiting.pop(stream, None)
        self._able.pop(stream, None)

    def _finish(self, stream: Stream, fields: bytes) -> None:
        self._headers(stream.stream_id, fields, END_HEADERS | END_STREAM)
        stream.sending = False
        self._on_finished(stream)

    def _headers(self, number: int, block: bytes, flags: int) -> None:
        if self._block_prefix:
            block, self._block_prefix = self._block_prefix + block, b""
        rest = block[self.frame_bytes :]
        if not rest:
            self.frames.append(head(len(block), HEADERS, flags, number) + block)
            return
        self.frames.append(head(self.frame_bytes, HEADERS, flags & ~END_HEADERS, number) + block[: self.frame_bytes])
        while rest:
            piece, rest = rest[: self.frame_bytes], rest[self.frame_bytes :]
            self.frames.append(head(len(piece), CONTINUATION, 0 if rest else END_HEADERS, number) + piece)

    # --- flow control

    def _send_pending(self, stream: Stream) -> None:
        """As much of it as may go now."""
        while self._send_one_frame(stream):
            pass

    def _send_one_frame(self, stream: Stream) -> bool:
        """Whether one more may go."""
        pending = stream.pending
        assert pending is not None
        size = min(len(pending), self.window, stream.send_window, self.frame_bytes)
        if size > 0:
            self.frames.append(head(size, DATA, 0, stream.stream_id) + bytes(memoryview(pending)[:size]))
            del pending[:size]
            self.window -= size
            self.data_frames += 1
            stream.send_window -= size
            self.unsent_bytes -= size
        if pending:
            self._waiting[stream] = None
            if stream.send_window > 0:
                self._able[stream] = None
            return size > 0
        self._waiting.pop(stream, None)
        self._able.pop(stream, None)
        stream.waits_since = 0.0
        if stream.trailers is not None:
            self._finish(stream, stream.trailers)
        else:
            self._on_drained(stream)
        return False

    def widen(self, increment: int) -> None:
        """The connection's window."""
        if self.window + increment > GREATEST_WINDOW:
            raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "the connection's window is wider than 2^31-1")
        self.window += increment
        self.go_on()

    def widen_stream(self, stream: Stream, increment: int) -> None:
        if stream.send_window + increment > GREATEST_WINDOW:
            raise StreamViolation(stream.stream_id, ErrorCode.FLOW_CONTROL_ERROR, "a window wider than 2^31-1")
        stream.send_window += increment
        if stream.pending:
            self._send_pending(stream)

    def go_on(self) -> None:
        """What waits has its turns, as far as the windows go."""
        while self.window > 0 and self._able:
            stream, _ = self._able.popitem(last=False)  # to the end of the queue, if it is still able afterwards
            self._send_one_frame(stream)

    def not_taken(self, now: float, longest_s: float) -> list[Stream]:
        """Streams with a whole answer that has waited for longer. Of those that were not seen waiting before, the time begins now."""
        late = []
        for stream in self._waiting:
            if stream.trailers is None:
                continue
            if not stream.waits_since:
                stream.waits_since = now
            elif now - stream.waits_since > longest_s:
                late.append(stream)
        return late

    # --- the peer's settings

    def set_initial_window(self, size: int, greatest: int, streams: Iterable[Stream]) -> None:
        """`greatest`: of the sizes that were told with it, one after the other, up to `size`. To be followed by `go_on`, when all settings
        are applied and acknowledged: until it hears that, the peer may hold to the old."""
        change, most_change = size - self.initial_window, greatest - self.initial_window
        self.initial_window = size
        for stream in streams:
            if stream.send_window + most_change > GREATEST_WINDOW:
                raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "a window wider than 2^31-1")
            stream.send_window += change
            if stream.send_window > 0 and stream.pending:
                self._able[stream] = None

    def set_table_size(self, size: int) -> None:
        """We use no table; a peer that makes its table smaller waits to hear that (RFC 7541, 4.2)."""
        if size < 4096:
            self._block_prefix = NO_TABLE
