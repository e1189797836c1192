"""
DATA as a server hears it: bodies of requests, and the windows that we give for them (RFC 9113, 5.2, 6.1 and 6.9).

Bytes of DATA, with their padding, count for the connection's window even where they are ignored. That window is widened as soon as half
of it is used, because what the connection's calls keep is limited elsewhere (limits.py, `held_bytes`); a stream's is widened when its
receiver has taken what came, so that a servicer who is slow keeps its own caller waiting, and nobody else.
"""

from __future__ import annotations

from error_daemon.rpc.wire.frames import (
    END_STREAM,
    PADDED,
    ConnectionViolation,
    ErrorCode,
    StreamViolation,
    window_update,
    without_padding,
)
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.nuisance import Nuisance
from error_daemon.rpc.wire.receiver import Receiver
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.streams import Streams


class BodyFrames:
    __slots__ = (
        "_half_window",
        "_nuisance",
        "_open",
        "_out",
        "_receiver",
        "_stream_window",
        "_streams",
        "_whole_window",
        "_window",
    )

    def __init__(self, limits: WireLimits, streams: Streams, receiver: Receiver, nuisance: Nuisance) -> None:
        self._streams = streams
        self._open = streams.open
        self._out = streams.out
        self._receiver = receiver
        self._nuisance = nuisance
        self._stream_window = limits.stream_window
        self._whole_window = self._window = limits.connection_window
        self._half_window = limits.connection_window // 2

    def data(self, flags: int, number: int, content: bytes) -> None:
        size = len(content)
        self._window -= size
        if self._window < self._half_window:
            self._widen()
        stream = self._open.get(number)
        if stream is None or not stream.receiving:
            self._out_of_place(number, size)
            return
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise StreamViolation(number, ErrorCode.FLOW_CONTROL_ERROR, "more than its window")
        if flags & PADDED:
            content = without_padding(flags, content)
        if flags & END_STREAM:
            self.ended(stream, content)
            return
        stream.received += len(content)
        _check_length(stream)
        if content:
            self._receiver.data(stream, content, has_ended=False)
            return
        self._nuisance.count("empty frames")
        if size:
            self._widen_stream(stream, size)

    def ended(self, stream: Stream, content: bytes) -> None:
        """The peer has said all."""
        stream.receiving = False
        stream.received += len(content)
        _check_length(stream)
        self._receiver.data(stream, content, has_ended=True)

    def consumed(self, stream: Stream) -> None:
        """What came on the stream was taken: its window may be wide again."""
        missing = self._stream_window - stream.receive_window
        if stream.receiving and missing >= self._stream_window // 2:
            self._widen_stream(stream, missing)

    def _out_of_place(self, number: int, size: int) -> None:
        self._streams.check_not_idle(number, "DATA")
        if not self._streams.was_reset(number):
            raise StreamViolation(number, ErrorCode.STREAM_CLOSED, "DATA after the end of the stream")
        self._streams.count_late(number, size)
        if size == 0:
            self._nuisance.count("empty frames")

    def _widen(self) -> None:
        if self._window < 0:
            raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "more than the connection's window")
        self._out.frames.append(window_update(0, self._whole_window - self._window))
        self._window = self._whole_window

    def _widen_stream(self, stream: Stream, increment: int) -> None:
        stream.receive_window += increment
        self._out.frames.append(window_update(stream.stream_id, increment))


def _check_length(stream: Stream) -> None:
    """content-length, when it was said, is what comes: never more, and no less in the end."""
    assert stream.head is not None
    length = stream.head.length
    if length is not None and (stream.received > length or (stream.received < length and not stream.receiving)):
        raise StreamViolation(stream.stream_id, ErrorCode.PROTOCOL_ERROR, "content-length is not what came")
