"""
The streams of one connection: what each number stands for, what may come on it, and how streams end (RFC 9113, 5.1).

A stream is in `open` while at least one of its halves is open. One that is not there is idle when its number is above the greatest
seen, and closed below; of those that we have reset, the numbers are remembered for a while, because what the peer had sent before it
heard of that is no mistake. What may come on which stream:

                    idle (above)     open             half-closed by peer   closed            reset by us
    HEADERS         a request        trailers         STREAM_CLOSED         STREAM_CLOSED !   decoded, ignored
    DATA            PROTOCOL !       taken            STREAM_CLOSED         STREAM_CLOSED     counted, ignored
    RST_STREAM      PROTOCOL !       gone             gone                  ignored           ignored
    WINDOW_UPDATE   PROTOCOL !       taken            taken                 ignored           ignored
    PRIORITY        ignored          ignored          ignored               ignored           ignored
                                     (!: of the connection, the others of the stream alone)

HEADERS: request_frames.py, DATA: body_frames.py, the others: control_frames.py.
"""

from __future__ import annotations

from collections import deque

from error_daemon.rpc.wire.frames import (
    GREATEST_WINDOW,
    ConnectionViolation,
    ErrorCode,
    StreamViolation,
    rst_stream,
)
from error_daemon.rpc.wire.outgoing import Outgoing
from error_daemon.rpc.wire.receiver import Receiver
from error_daemon.rpc.wire.stream import Stream

_MOST_RESETS_REMEMBERED = 1024
_MOST_GAPS_REMEMBERED = 32


class Streams:
    """
    open              by number
    held_bytes        memory for the open ones, as each says
    begun             how many requests there were
    greatest          number seen
    greatest_served   above it, requests are refused: we are leaving
    out               what is sent on them
    """

    __slots__ = (
        "_gaps",
        "_late_windows",
        "_receiver",
        "begun",
        "greatest",
        "greatest_served",
        "held_bytes",
        "open",
        "out",
    )

    def __init__(self, receiver: Receiver) -> None:
        self.open: dict[int, Stream] = {}
        self.held_bytes = 0
        self.begun = 0
        self.greatest = 0
        self.greatest_served = GREATEST_WINDOW
        self.out = Outgoing(self._finished, receiver.drained)
        self._receiver = receiver
        self._gaps: deque[range] = deque(maxlen=_MOST_GAPS_REMEMBERED)
        self._late_windows: dict[int, int] = {}  # of those that we have reset: bytes that may still come on each

    # --- numbers

    def begin(self, number: int) -> None:
        """A request, above the greatest. Numbers that it skips are never used (RFC 9113, 5.1.1)."""
        self.begun += 1
        if number != self.greatest + 2 and number > 1:
            self._gaps.append(range(self.greatest + 1, number))
        self.greatest = number

    def add(self, stream: Stream) -> None:
        self.open[stream.stream_id] = stream
        self.held_bytes += stream.held_bytes

    def is_idle(self, number: int) -> bool:
        """Streams with even numbers are ours to open, and we open none; 0 is none."""
        return number > self.greatest or number % 2 == 0

    def check_not_idle(self, number: int, what: str) -> None:
        if self.is_idle(number):
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, f"{what} on stream {number}, which is idle")

    def was_skipped(self, number: int) -> bool:
        return any(number in gap for gap in self._gaps)

    def was_reset(self, number: int) -> bool:
        """By us, not long ago."""
        return number in self._late_windows

    def count_late(self, number: int, size: int) -> None:
        """What was on its way when we reset the stream can't be more than its window, which is widened no more."""
        self._late_windows[number] -= size
        if self._late_windows[number] < 0:
            raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "more than the window of a stream that was reset")

    # --- ends

    def _finished(self, stream: Stream) -> None:
        """Our half is done. A peer that still talks is asked to stop (RFC 9113, 8.1)."""
        self._remove(stream)
        if stream.receiving:
            stream.receiving = False
            self._say_reset(stream.stream_id, stream, ErrorCode.NO_ERROR)

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """We give it up."""
        if self.open.get(stream.stream_id) is stream:
            self._say_reset(stream.stream_id, stream, code)
            self.drop(stream)

    def refuse(self, violation: StreamViolation) -> None:
        """For what the peer did on it."""
        number = violation.stream_id
        stream = self.open.get(number)
        self._say_reset(number, stream, violation.code)
        if stream is not None:
            self.drop(stream)

    def refuse_new(self, stream: Stream) -> None:
        """A request that was not even looked at: its client may send it again (RFC 9113, 8.7)."""
        self._say_reset(stream.stream_id, stream, ErrorCode.REFUSED_STREAM)

    def drop(self, stream: Stream) -> None:
        """Nothing comes on it any more, and nothing goes."""
        self._remove(stream)
        stream.receiving = False
        self.out.forget(stream)
        self._receiver.gone(stream)

    def drop_all(self) -> None:
        for stream in list(self.open.values()):
            self.drop(stream)

    def _remove(self, stream: Stream) -> None:
        if self.open.pop(stream.stream_id, None) is not None:
            self.held_bytes -= stream.held_bytes

    def _say_reset(self, number: int, stream: Stream | None, code: ErrorCode) -> None:
        self._late_windows[number] = max(0, stream.receive_window) if stream else 0
        if len(self._late_windows) > _MOST_RESETS_REMEMBERED:
            del self._late_windows[next(iter(self._late_windows))]
        self.out.frames.append(rst_stream(number, code))
