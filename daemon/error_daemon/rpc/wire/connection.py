"""
HTTP/2 as a server hears it: bytes in, calls of the receiver out (RFC 9113).

Bytes become frames here, one after the other until the turn is over, and each kind has its handler:

    streams.py          which streams there are, and what may come on which
    request_frames.py   HEADERS, CONTINUATION: requests and trailers
    body_frames.py      DATA: bodies, and the windows that we give
    control_frames.py   the others
    leaving.py          goodbyes, ours and the peer's

A violation of the protocol ends what it is about: StreamViolation its stream, ConnectionViolation all of it.
"""

from __future__ import annotations

from collections.abc import Callable

from error_daemon.rpc.wire.body_frames import BodyFrames
from error_daemon.rpc.wire.control_frames import ControlFrames, greeting
from error_daemon.rpc.wire.frames import (
    ACK,
    CONTINUATION,
    HEAD,
    HEAD_BYTES,
    PREFACE,
    SETTINGS,
    STREAM_MASK,
    ConnectionViolation,
    ErrorCode,
    StreamViolation,
)
from error_daemon.rpc.wire.leaving import Leaving
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.nuisance import Nuisance
from error_daemon.rpc.wire.receiver import Receiver
from error_daemon.rpc.wire.request_frames import RequestFrames
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.streams import Streams
from error_daemon.rpc.wire.turn import Turn


class Connection:
    """The receiving half of one connection, and its streams. `out` is the other half. `at`: steady time in seconds.

    streams       the open ones, by number
    is_greeted    preface and first settings have come
    has_more      this turn is over (`turn_s`, `frames_a_turn`): send what is in `out`, let others have theirs, and receive(b"")
    is_closing    nothing more is taken: send what is in `out`, then close
    """

    def __init__(
        self, limits: WireLimits, receiver: Receiver, at: float, now: Callable[[], float] | None = None
    ) -> None:
        """`now`: the clock of the times, to see when a turn is over; without it, only frames are counted."""
        self.turn = Turn(limits, at, now)
        self._table = Streams(receiver)
        self.streams = self._table.open
        self.out = self._table.out
        self.is_greeted = False
        self.has_more = False
        self.violation: ConnectionViolation | None = None
        self._limits = limits
        self._nuisance = Nuisance(limits, self.turn)
        self._leaving = Leaving(self._table)
        self._bodies = BodyFrames(limits, self._table, receiver, self._nuisance)
        self._requests = RequestFrames(
            limits, self._table, receiver, bodies=self._bodies, nuisance=self._nuisance, turn=self.turn
        )
        self._handlers = self._made_handlers(ControlFrames(limits, self._table, self._leaving, self._nuisance))
        self._partial = bytearray()
        self._partial_at = at
        self._needed = 0  # bytes that a whole frame takes; the preface is looked at byte by byte
        self._has_ended = False
        self.out.frames.append(greeting(limits))

    def _made_handlers(self, control: ControlFrames) -> tuple[Callable[[int, int, bytes], None], ...]:
        """By the frame's type: (flags, stream, content). They raise ConnectionViolation and StreamViolation."""
        return (
            self._bodies.data,
            self._requests.headers,
            control.priority,
            control.rst_stream,
            control.settings,
            control.push_promise,
            control.ping,
            control.goaway,
            control.window_update,
            self._requests.continuation,
        )

    @property
    def is_closing(self) -> bool:
        return self._has_ended or (self._leaving.peer_leaves and not self.streams)

    @property
    def called_at(self) -> float:
        """When its last request came; 0: none yet."""
        return self._requests.called_at

    @property
    def held_bytes(self) -> int:
        """Memory for what the peer has sent, and for answers that it does not take; messages not counted, which are the receiver's."""
        return len(self._partial) + self._table.held_bytes + self._requests.held_bytes + self.out.unsent_bytes

    def unfinished_s(self, now: float) -> float:
        """For how long a frame, or a header block, has been on its way."""
        block = self._requests.open_block
        if block is not None:
            return now - block.began_at
        return now - self._partial_at if self._partial and not self.has_more else 0.0

    # --- bytes in

    def receive(self, content: bytes, at: float) -> None:
        """Whatever has come. Never raises for what a peer sends: see `violation` and `is_closing`."""
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
            taken = self._take(content, at)
        except ConnectionViolation as violation:
            self._break(violation)
            return
        if taken < len(content):
            partial += memoryview(content)[taken:]
            if taken or not was_partial:
                self._partial_at = at

    def _take(self, content: bytes, at: float) -> int:
        """Every whole frame, until the turn is over; the bytes used."""
        start = 0 if self.is_greeted else self._greet(content)
        if not self.is_greeted:
            return 0
        end, most_bytes, handlers = len(content), self._limits.frame_bytes, self._handlers
        requests, turn = self._requests, self.turn
        turn.begin(at)
        while end - start >= HEAD_BYTES:
            high, low, kind, flags, number = HEAD.unpack_from(content, start)
            length = high << 8 | low
            if length > most_bytes:
                raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, f"a frame of {length} bytes, above {most_bytes}")
            after: int = start + HEAD_BYTES + length
            if after > end:
                self._needed = HEAD_BYTES + length
                return start
            if requests.open_block is not None and kind != CONTINUATION:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "a frame within a header block")
            if kind < len(handlers):
                try:
                    handlers[kind](flags, number & STREAM_MASK, content[start + HEAD_BYTES : after])
                except StreamViolation as violation:
                    self._nuisance.count("mistakes on streams")
                    self._table.refuse(violation)
            else:
                self._nuisance.count("frames of unknown types")
            start = after
            if self.is_closing:
                return end
            if start < end and not turn.goes_on():
                self.has_more = True
                self._needed = 0
                return start
        self._needed = HEAD_BYTES
        return start

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

    # --- of its calls

    def nuisance(self, what: str) -> None:
        """Raises ConnectionViolation when it is one too many."""
        self._nuisance.count(what)

    def consumed(self, stream: Stream) -> None:
        """What came on the stream was taken: more may come."""
        self._bodies.consumed(stream)

    def reset(self, stream: Stream, code: ErrorCode) -> None:
        """We give it up."""
        self._table.reset(stream, code)

    # --- its end

    def _break(self, violation: ConnectionViolation) -> None:
        self.violation = violation.with_traceback(None)  # which would keep what came
        self.end(violation.code, violation.says)

    def end(self, code: ErrorCode, says: str) -> None:
        """GOAWAY, and nothing more. It names the last request that was seen: what a client believes unseen, it sends again."""
        self._leaving.say(code, says)
        self.lost()

    def lost(self) -> None:
        """The connection is no more."""
        self._has_ended = True
        self._partial.clear()
        self._requests.drop()
        self._table.drop_all()

    def ping(self) -> None:
        """Is the peer there?"""
        self._leaving.ping()

    def announce_leave(self) -> None:
        """We shall leave, when the peer has heard of it."""
        self._leaving.announce()

    def leave(self) -> None:
        """No call that comes from now on is served; those that are there may end."""
        self._leaving.leave()

    @property
    def has_left(self) -> bool:
        return self._leaving.has_left
