"""
HTTP/2 as a server hears it: bytes in, calls of the receiver out (RFC 9113).

A stream is in `streams` while at least one of its halves is open. One that is not there is idle when its number is above the greatest
seen, and closed below; of those that we have reset, the numbers are remembered for a while, because what the peer had sent before it
heard of that is no mistake. What may come on which stream:

                    idle (above)     open             half-closed by peer   closed            reset by us
    HEADERS         a request        trailers         STREAM_CLOSED         STREAM_CLOSED !   decoded, ignored
    DATA            PROTOCOL !       taken            STREAM_CLOSED         STREAM_CLOSED     counted, ignored
    RST_STREAM      PROTOCOL !       gone             gone                  ignored           ignored
    WINDOW_UPDATE   PROTOCOL !       taken            taken                 ignored           ignored
    PRIORITY        ignored          ignored          ignored               ignored           ignored
                                     (!: of the connection, the others of the stream alone)

A header block changes the table of its connection, so it is decoded even where its request is refused; and bytes of DATA count for the
connection's window even where they are ignored.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from error_daemon.rpc.wire.frames import (
    ACK,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    GREATEST_FRAME_SIZE,
    GREATEST_WINDOW,
    HEAD,
    HEAD_BYTES,
    LEAST_FRAME_SIZE,
    PADDED,
    PREFACE,
    PRIORITISED,
    SETTINGS,
    SETTINGS_ACK,
    STREAM_MASK,
    ConnectionViolation,
    ErrorCode,
    Setting,
    StreamViolation,
    goaway,
    ping,
    rst_stream,
    settings,
    window_update,
)
from error_daemon.rpc.wire.header_blocks import HeaderBlocks, TooManyFields
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.nuisance import Nuisance
from error_daemon.rpc.wire.outgoing import Outgoing
from error_daemon.rpc.wire.request_head import Malformed, NotGrpc, check_trailers
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.turn import Turn

_MOST_RESETS_REMEMBERED = 1024
_MOST_SETTINGS = 32  # in one frame, as in nghttp2; six are known
_WIDENINGS = (
    10  # WINDOW_UPDATE: so many, two for each request and twenty for each DATA frame that we have sent are what
)
_WIDENINGS_A_FRAME = 20  # a client may need (Envoy's figures); more of them bring nothing
_DEFAULT_WINDOW = 65_535
_STREAM_COST_BYTES = 4096  # with a call that runs: a task, generators


class Receiver(Protocol):
    """Who answers the requests. Called in the midst of `receive`; answers go to Connection.out."""

    def request(self, stream: Stream) -> None:
        """A request has begun; `stream.head` is there."""

    def data(self, stream: Stream, content: bytes, *, has_ended: bool) -> None:
        """More of its body."""

    def gone(self, stream: Stream) -> None:
        """It was reset, by the peer or for what the peer did: nothing can be answered any more."""

    def drained(self, stream: Stream) -> None:
        """What waited to be sent on it is sent."""

    def overlong(self, stream: Stream, says: str) -> None:
        """Its header fields are too many."""


@dataclass(slots=True)
class _OpenBlock:
    """A header block whose last frame has not come."""

    number: int
    content: bytearray
    has_ended: bool
    began_at: float
    continuations: int = 0


class Connection:
    """The receiving half of one connection, and its streams. `out` is the other half. `at`: steady time in seconds.

    has_more      this turn is over (`turn_s`, `frames_a_turn`): send what is in `out`, let others have theirs, and receive(b"")
    closing       nothing more is taken: send what is in `out`, then close
    called_at     when its last request came; 0: none yet
    pongs         pings of ours that were answered
    """

    def __init__(
        self, limits: WireLimits, receiver: Receiver, at: float, now: Callable[[], float] | None = None
    ) -> None:
        """`now`: the clock of the times, to see when a turn is over; without it, only frames are counted."""
        self.streams: dict[int, Stream] = {}
        self.streams_bytes = 0
        self.out = Outgoing(self._finished, receiver.drained)
        self.is_greeted = False  # preface and first settings have come
        self.is_closing = False
        self.has_more = False
        self.peer_leaves = False
        self.called_at = 0.0
        self.pongs = 0
        self.violation: ConnectionViolation | None = None
        self._limits = limits
        self._receiver = receiver
        self._blocks = HeaderBlocks(limits.header_list_bytes)
        self._nuisance = Nuisance(limits.nuisances, limits.nuisances_per_s, at)
        self._at = at
        self.turn = Turn(limits, now or self._time)
        self._partial = bytearray()
        self._partial_at = at
        self._needed = 0  # bytes that a whole frame takes; the preface is looked at byte by byte
        self._greatest = 0  # stream number seen
        self._greatest_served = GREATEST_WINDOW  # above it, streams are refused: we are leaving
        self._skipped: deque[range] = deque(maxlen=32)
        self._resets: dict[int, int] = {}  # bytes of DATA that may still come on each
        self._requests = 0
        self._widenings = 0
        self._pings = 0
        self._pings_sent = 0
        self._leaves_at_pong = 0  # the number of one that is answered when the peer knows that we shall leave
        self._is_acknowledged = False  # our settings
        self._open_block: _OpenBlock | None = None
        self._window = limits.connection_window
        self._handlers: tuple[Callable[[int, int, bytes], None], ...] = (
            self._data,
            self._headers,
            self._priority,
            self._rst_stream,
            self._settings,
            self._push_promise,
            self._ping,
            self._goaway,
            self._window_update,
            self._continuation,
        )
        self.out.frames.append(_greeting(limits))

    @property
    def held_bytes(self) -> int:
        """Memory for what the peer has sent, and for answers that it does not take; messages not counted, which are the receiver's."""
        block = self._open_block
        return (
            len(self._partial)
            + self.streams_bytes
            + self._blocks.held_bytes
            + self.out.unsent_bytes
            + (len(block.content) if block else 0)
        )

    def unfinished_s(self, now: float) -> float:
        """For how long a frame, or a header block, has been on its way."""
        if self._open_block is not None:
            return now - self._open_block.began_at
        return now - self._partial_at if self._partial and not self.has_more else 0.0

    # --- bytes in

    def receive(self, content: bytes, at: float) -> None:
        """Whatever has come. Never raises for what a peer sends: see `violation` and `is_closing`."""
        self._at = at
        self.has_more = False
        if self.is_closing:
            return
        partial = self._partial
        was_partial = bool(partial)
        if was_partial:
            partial += content
            if len(partial) < self._needed:
                return
            content = bytes(partial)
            partial.clear()
        try:
            taken = self._take(content)
        except ConnectionViolation as violation:
            self._break(violation)
            return
        if taken < len(content):
            partial += memoryview(content)[taken:]
            if taken or not was_partial:
                self._partial_at = at

    def _take(self, content: bytes) -> int:
        """Every whole frame, until the turn is over; the bytes used."""
        start = 0 if self.is_greeted else self._greet(content)
        if not self.is_greeted:
            return 0
        end, most_bytes, handlers = len(content), self._limits.frame_bytes, self._handlers
        turn = self.turn
        turn.begin(self._at)
        while end - start >= HEAD_BYTES:
            high, low, kind, flags, number = HEAD.unpack_from(content, start)
            length = high << 8 | low
            if length > most_bytes:
                raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes, above {most_bytes}")
            after: int = start + HEAD_BYTES + length
            if after > end:
                self._needed = HEAD_BYTES + length
                return start
            if self._open_block is not None and kind != CONTINUATION:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "a frame within a header block")
            if kind < len(handlers):
                try:
                    handlers[kind](flags, number & STREAM_MASK, content[start + HEAD_BYTES : after])
                except StreamViolation as violation:
                    self._refuse(violation)
            else:
                self.nuisance("frames of unknown types")
            start = after
            if self.is_closing:
                return end
            if start < end and not turn.goes_on():
                self.has_more = True
                self._needed = 0
                return start
        self._needed = HEAD_BYTES
        return start

    def _time(self) -> float:
        return self._at

    def _greet(self, content: bytes) -> int:
        """The preface, and that SETTINGS comes first; the bytes used by the preface."""
        if not content.startswith(PREFACE[: len(content)]):
            raise ConnectionViolation(
                ErrorCode.PROTOCOL_ERROR, "this port speaks gRPC over HTTP/2, with prior knowledge"
            )
        start = len(PREFACE)
        if len(content) < start + HEAD_BYTES:
            return 0
        if content[start + 3] != SETTINGS or content[start + 4] & ACK:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "the first frame must be SETTINGS")
        self.is_greeted = True
        return start

    # --- requests

    def _headers(self, flags: int, number: int, content: bytes) -> None:
        if flags & (PADDED | PRIORITISED):
            content = _without_padding_and_priority(flags, content)
        if len(content) > self._limits.header_block_bytes:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, "a header block that is too large")
        if flags & END_HEADERS:
            self._block(number, content, bool(flags & END_STREAM))
        else:
            self._check_number(number)
            self._open_block = _OpenBlock(number, bytearray(content), bool(flags & END_STREAM), self._at)

    def _continuation(self, flags: int, number: int, content: bytes) -> None:
        block = self._open_block
        if block is None or block.number != number:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without its HEADERS")
        block.content += content
        block.continuations += 1
        if block.continuations > self._limits.continuations or len(block.content) > self._limits.header_block_bytes:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, "a header block in too many pieces")
        if flags & END_HEADERS:
            self._open_block = None
            self._block(number, bytes(block.content), block.has_ended)

    def _block(self, number: int, block: bytes, has_ended: bool) -> None:
        stream = self.streams.get(number)
        if stream is not None:
            self._trailers(stream, block, has_ended)
        elif number > self._greatest:
            self._check_number(number)
            if number != self._greatest + 2 and number > 1:
                self._skipped.append(range(self._greatest + 1, number))
            self._greatest = number
            self._request(number, block, has_ended)
        elif number in self._resets:
            self._decode_only(block)
        else:
            self._check_number(number)
            is_idle = any(number in skipped for skipped in self._skipped)
            code = ErrorCode.PROTOCOL_ERROR if is_idle else ErrorCode.STREAM_CLOSED
            raise ConnectionViolation(code, f"HEADERS on stream {number}, which is closed")

    def _request(self, number: int, block: bytes, has_ended: bool) -> None:
        self._requests += 1
        self.called_at = self._at
        stream = Stream(number, None, self._limits.stream_window, self.out.initial_window)
        try:
            head = self._blocks.request(block)
        except Malformed as wrong:
            self.streams[number] = stream
            raise StreamViolation(number, ErrorCode.PROTOCOL_ERROR, str(wrong)) from None
        except (NotGrpc, TooManyFields) as wrong:
            head, refusal = None, wrong
        is_late = number > self._greatest_served  # no fault of the peer's, who has not heard yet that we leave
        if is_late or len(self.streams) >= self._limits.streams:
            if not is_late:
                self.nuisance("streams at once")
            self._remember_reset(number, stream)
            self.out.frames.append(rst_stream(number, ErrorCode.REFUSED_STREAM))
            return
        self.streams[number] = stream
        stream.began_at = self._at
        stream.receiving = not has_ended
        if head is None:
            self._answer_refusal(stream, refusal)
            return
        stream.head = head
        stream.held_bytes = _STREAM_COST_BYTES + head.held_bytes
        self.streams_bytes += stream.held_bytes
        self._receiver.request(stream)
        if has_ended and stream.sending:
            self._ended(stream, b"")

    def _answer_refusal(self, stream: Stream, refusal: NotGrpc | TooManyFields) -> None:
        self.nuisance("requests that are no gRPC calls")
        if isinstance(refusal, NotGrpc):
            self.out.http_answer(stream, refusal.status, refusal.says)
        else:
            self._receiver.overlong(stream, f"the header fields are larger than {self._limits.header_list_bytes} bytes")

    def _trailers(self, stream: Stream, block: bytes, has_ended: bool) -> None:
        number = stream.stream_id
        try:
            fields = self._blocks.fields(block)
        except TooManyFields:
            raise StreamViolation(number, ErrorCode.ENHANCE_YOUR_CALM, "too many trailers") from None
        if not stream.receiving:
            raise StreamViolation(number, ErrorCode.STREAM_CLOSED, "HEADERS after the end of the stream")
        if not has_ended:
            raise StreamViolation(number, ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream")
        try:
            check_trailers(fields)
        except Malformed as wrong:
            raise StreamViolation(number, ErrorCode.PROTOCOL_ERROR, str(wrong)) from None
        stream.receiving = False
        self._ended(stream, b"")

    def _decode_only(self, block: bytes) -> None:
        self.nuisance("header blocks for streams that were reset")
        try:
            self._blocks.fields(block)
        except TooManyFields:
            return

    def _check_number(self, number: int) -> None:
        if number % 2 == 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, f"HEADERS on stream {number}, which no client opens")

    # --- bodies

    def _data(self, flags: int, number: int, content: bytes) -> None:
        size = len(content)
        self._window -= size
        if self._window < self._limits.connection_window // 2:
            self._widen()
        stream = self.streams.get(number)
        if stream is None or not stream.receiving:
            self._data_out_of_place(number, size)
            return
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise StreamViolation(number, ErrorCode.FLOW_CONTROL_ERROR, "more than its window")
        if flags & PADDED:
            content = _without_padding(flags, content)
        if flags & END_STREAM:
            stream.receiving = False
            self._ended(stream, content)
            return
        stream.received += len(content)
        self._check_length(stream)
        if content:
            self._receiver.data(stream, content, has_ended=False)
            return
        self.nuisance("empty frames")
        if size:
            self._widen_stream(stream, size)

    def _ended(self, stream: Stream, content: bytes) -> None:
        """The peer has said all."""
        stream.received += len(content)
        self._check_length(stream)
        self._receiver.data(stream, content, has_ended=True)

    def _check_length(self, stream: Stream) -> None:
        """content-length, when it was said, is what comes: never more, and no less in the end."""
        assert stream.head is not None
        length = stream.head.length
        if length is not None and (stream.received > length or (stream.received < length and not stream.receiving)):
            raise StreamViolation(stream.stream_id, ErrorCode.PROTOCOL_ERROR, "content-length is not what came")

    def _data_out_of_place(self, number: int, size: int) -> None:
        self._check_not_idle(number, "DATA")
        window = self._resets.get(number)
        if window is not None:
            self._count_late(number, window - size)
            return
        raise StreamViolation(number, ErrorCode.STREAM_CLOSED, "DATA after the end of the stream")

    def _count_late(self, number: int, window: int) -> None:
        """What was on its way when we reset the stream can't be more than its window, which is widened no more."""
        if window < 0:
            raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "more than the window of a stream that was reset")
        if window == self._resets[number]:
            self.nuisance("empty frames")
        self._resets[number] = window

    def _widen(self) -> None:
        if self._window < 0:
            raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "more than the connection's window")
        increment = self._limits.connection_window - self._window
        self._window += increment
        self.out.frames.append(window_update(0, increment))

    def consumed(self, stream: Stream) -> None:
        """What came on the stream was taken: its window may be wide again."""
        missing = self._limits.stream_window - stream.receive_window
        if stream.receiving and missing >= self._limits.stream_window // 2:
            self._widen_stream(stream, missing)

    def _widen_stream(self, stream: Stream, increment: int) -> None:
        stream.receive_window += increment
        self.out.frames.append(window_update(stream.stream_id, increment))

    # --- about streams and the connection

    def _priority(self, _flags: int, number: int, content: bytes) -> None:
        """Deprecated by RFC 9113: checked, and ignored."""
        self.nuisance("priorities")
        if number == 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
        if len(content) != 5:
            if self._is_idle(number):  # which can't be reset
                raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY has 5 bytes")
            raise StreamViolation(number, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY has 5 bytes")

    def _rst_stream(self, _flags: int, number: int, content: bytes) -> None:
        if len(content) != 4:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM has 4 bytes")
        self._check_not_idle(number, "RST_STREAM")
        self.nuisance("stream resets")
        stream = self.streams.get(number)
        if stream is not None:
            self._drop(stream)

    def _settings(self, flags: int, number: int, content: bytes) -> None:
        if number != 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & ACK:
            if content:
                raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS has no content")
            if self._is_acknowledged:
                self.nuisance("acknowledgements of nothing")
            self._is_acknowledged = True
            return
        if len(content) % 6:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS come in sixes")
        if len(content) > 6 * _MOST_SETTINGS:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, f"more than {_MOST_SETTINGS} settings at once")
        self.nuisance("settings")
        windows = []
        for setting, value in struct.iter_unpack(">HI", content):
            if setting == Setting.INITIAL_WINDOW_SIZE:
                windows.append(_checked_window(value))
            else:
                self._set(setting, value)
        if windows:
            self.out.set_initial_window(windows[-1], max(windows), self.streams.values())
        self.out.frames.append(SETTINGS_ACK)
        self.out.go_on()

    def _set(self, setting: int, value: int) -> None:
        if setting == Setting.MAX_FRAME_SIZE:
            if not LEAST_FRAME_SIZE <= value <= GREATEST_FRAME_SIZE:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, f"a greatest frame of {value} bytes")
            self.out.frame_bytes = min(value, self._limits.frame_bytes)
        elif setting == Setting.ENABLE_PUSH:
            if value > 1:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
        elif setting == Setting.HEADER_TABLE_SIZE:
            self.out.set_table_size(value)

    def _push_promise(self, _flags: int, _number: int, _content: bytes) -> None:
        raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    def _ping(self, flags: int, number: int, content: bytes) -> None:
        if number != 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if len(content) != 8:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "PING has 8 bytes")
        if flags & ACK:
            self.pongs += 1
            if self.pongs > self._pings_sent:
                self.nuisance("acknowledgements of nothing")
            if self.pongs == self._leaves_at_pong:
                self.leave()
            return
        self._pings += 1
        if (
            self._pings > self.out.data_frames
        ):  # a client measures the way with one, each time that it was sent something
            self.nuisance("pings")
        self.out.frames.append(ping(content, is_ack=True))

    def _goaway(self, _flags: int, number: int, content: bytes) -> None:
        if number != 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(content) < 8:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY has at least 8 bytes")
        if self.peer_leaves:
            self.nuisance("goodbyes")
        self.peer_leaves = True
        self._close_if_left()

    def _window_update(self, _flags: int, number: int, content: bytes) -> None:
        if len(content) != 4:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
        increment = int.from_bytes(content, "big") & STREAM_MASK
        self._widenings += 1
        if self._widenings > _WIDENINGS + 2 * self._requests + _WIDENINGS_A_FRAME * self.out.data_frames:
            self.nuisance("window updates")
        if number == 0:
            if increment == 0:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "a window widened by 0")
            self.out.widen(increment)
            return
        self._check_not_idle(number, "WINDOW_UPDATE")
        stream = self.streams.get(number)
        if stream is None:
            return
        if increment == 0:
            raise StreamViolation(number, ErrorCode.PROTOCOL_ERROR, "a window widened by 0")
        self.out.widen_stream(stream, increment)

    def _is_idle(self, number: int) -> bool:
        """Streams with even numbers are ours to open, and we open none; 0 is none."""
        return number > self._greatest or number % 2 == 0

    def _check_not_idle(self, number: int, what: str) -> None:
        if self._is_idle(number):
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, f"{what} on stream {number}, which is idle")

    def nuisance(self, what: str) -> None:
        """Raises ConnectionViolation when it is one too many."""
        self._nuisance.count(what, self._at)

    def ping(self) -> None:
        """Is the peer there?"""
        self._pings_sent += 1
        self.out.frames.append(ping(b"are you?", is_ack=False))

    # --- ends

    def _finished(self, stream: Stream) -> None:
        """Our half is done. A peer that still talks is asked to stop (RFC 9113, 8.1)."""
        self._remove(stream)
        if stream.receiving:
            stream.receiving = False
            self._remember_reset(stream.stream_id, stream)
            self.out.frames.append(rst_stream(stream.stream_id, ErrorCode.NO_ERROR))

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """We give it up."""
        if self.streams.get(stream.stream_id) is stream:
            self._remember_reset(stream.stream_id, stream)
            self.out.frames.append(rst_stream(stream.stream_id, code))
            self._drop(stream)

    def _refuse(self, violation: StreamViolation) -> None:
        number = violation.stream_id
        self.nuisance("mistakes on streams")
        stream = self.streams.get(number)
        self._remember_reset(number, stream)
        self.out.frames.append(rst_stream(number, violation.code))
        if stream is not None:
            self._drop(stream)

    def _remove(self, stream: Stream) -> None:
        if self.streams.pop(stream.stream_id, None) is not None:
            self.streams_bytes -= stream.held_bytes
            if self.peer_leaves:
                self._close_if_left()

    def _close_if_left(self) -> None:
        if not self.streams:
            self.is_closing = True

    def _drop(self, stream: Stream) -> None:
        self._remove(stream)
        stream.receiving = False
        self.out.forget(stream)
        self._receiver.gone(stream)

    def _remember_reset(self, number: int, stream: Stream | None) -> None:
        self._resets[number] = max(0, stream.receive_window) if stream else 0
        if len(self._resets) > _MOST_RESETS_REMEMBERED:
            del self._resets[next(iter(self._resets))]

    def _break(self, violation: ConnectionViolation) -> None:
        self.violation = violation.with_traceback(None)  # which would keep what came
        self.end(violation.code, violation.says)

    def end(self, code: ErrorCode, says: str) -> None:
        """GOAWAY, and nothing more. It names the last request that was seen: what a client believes unseen, it sends again."""
        self._say_leave(code, says)
        self.lost()

    def lost(self) -> None:
        """The connection is no more."""
        self.is_closing = True
        self._partial.clear()
        self._open_block = None
        self._blocks = HeaderBlocks(0)
        for stream in list(self.streams.values()):
            self._drop(stream)

    def announce_leave(self) -> None:
        """We shall leave: calls that are on their way are still served (RFC 9113, 6.8), and we leave when the peer has heard of it,
        which a ping shows."""
        self.out.frames.append(goaway(GREATEST_WINDOW, ErrorCode.NO_ERROR, "the daemon stops"))
        self.ping()
        self._leaves_at_pong = self._pings_sent

    def leave(self) -> None:
        """No call that comes from now on is served; those that are there may end."""
        self._say_leave(ErrorCode.NO_ERROR, "the daemon stops")

    @property
    def has_left(self) -> bool:
        return self._greatest_served < GREATEST_WINDOW

    def _say_leave(self, code: ErrorCode, says: str) -> None:
        """The number in it never grows: what is above may have been sent to another server by now (RFC 9113, 6.8)."""
        self._greatest_served = min(self._greatest, self._greatest_served)
        self.out.frames.append(goaway(self._greatest_served, code, says))


def _checked_window(size: int) -> int:
    if size > GREATEST_WINDOW:
        raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "an initial window above 2^31-1")
    return size


def _greeting(limits: WireLimits) -> bytes:
    values = {
        Setting.MAX_CONCURRENT_STREAMS: limits.streams,
        Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
        Setting.MAX_FRAME_SIZE: limits.frame_bytes,
        Setting.MAX_HEADER_LIST_SIZE: limits.header_list_bytes,
    }
    return settings(values) + window_update(0, limits.connection_window - _DEFAULT_WINDOW)


def _without_padding(flags: int, content: bytes) -> bytes:
    if not flags & PADDED:
        return content
    if not content:
        raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "a padded frame without the length of its padding")
    padding = content[0]
    if padding >= len(content):
        raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "padding longer than its frame")
    return content[1 : len(content) - padding]


def _without_padding_and_priority(flags: int, content: bytes) -> bytes:
    content = _without_padding(flags, content)
    if not flags & PRIORITISED:
        return content
    if len(content) < 5:
        raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
    return content[5:]
