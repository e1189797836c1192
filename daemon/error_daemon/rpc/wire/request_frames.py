"""
HEADERS and CONTINUATION as a server hears them: requests, and trailers (RFC 9113, 6.2, 6.10 and 8.1).

A header block changes the table of its connection, so it is decoded even where its request is refused. Between its first frame and its
last nothing else may come, and it is no whole block before the last: so what is kept of it is limited in bytes and in frames.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.rpc.wire.body_frames import BodyFrames
from error_daemon.rpc.wire.frames import (
    END_HEADERS,
    END_STREAM,
    PADDED,
    PRIORITISED,
    ConnectionViolation,
    ErrorCode,
    StreamViolation,
    without_padding,
)
from error_daemon.rpc.wire.header_blocks import HeaderBlocks, TooManyFields
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.nuisance import Nuisance
from error_daemon.rpc.wire.receiver import Receiver
from error_daemon.rpc.wire.request_head import Malformed, NotGrpc, check_trailers
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.streams import Streams
from error_daemon.rpc.wire.turn import Turn

_STREAM_COST_BYTES = 4096  # with a call that runs: a task, generators


@dataclass(slots=True)
class OpenBlock:
    """A header block whose last frame has not come."""

    number: int
    content: bytearray
    has_ended: bool
    began_at: float
    continuations: int = 0


class RequestFrames:
    """`called_at`: when the last request came, steady time in seconds; 0: none yet. `open_block`: only its CONTINUATION may come."""

    __slots__ = (
        "_blocks",
        "_bodies",
        "_limits",
        "_nuisance",
        "_open",
        "_receiver",
        "_streams",
        "_turn",
        "called_at",
        "open_block",
    )

    def __init__(
        self,
        limits: WireLimits,
        streams: Streams,
        receiver: Receiver,
        *,
        bodies: BodyFrames,
        nuisance: Nuisance,
        turn: Turn,
    ) -> None:
        self._limits = limits
        self._streams = streams
        self._open = streams.open
        self._receiver = receiver
        self._bodies = bodies
        self._nuisance = nuisance
        self._turn = turn
        self._blocks = HeaderBlocks(limits.header_list_bytes)
        self.open_block: OpenBlock | None = None
        self.called_at = 0.0

    @property
    def held_bytes(self) -> int:
        """Memory for the block that is on its way, and for what those before left behind."""
        return self._blocks.held_bytes + (len(self.open_block.content) if self.open_block else 0)

    def drop(self) -> None:
        """No block comes any more."""
        self.open_block = None
        self._blocks = HeaderBlocks(0)

    # --- frames to blocks

    def headers(self, flags: int, number: int, content: bytes) -> None:
        if flags & (PADDED | PRIORITISED):
            content = _without_padding_and_priority(flags, content)
        if len(content) > self._limits.header_block_bytes:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, "a header block that is too large")
        if flags & END_HEADERS:
            self._block(number, content, bool(flags & END_STREAM))
        else:
            _check_number(number)
            self.open_block = OpenBlock(number, bytearray(content), bool(flags & END_STREAM), self._turn.at)

    def continuation(self, flags: int, number: int, content: bytes) -> None:
        block = self.open_block
        if block is None or block.number != number:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "CONTINUATION without its HEADERS")
        block.content += content
        block.continuations += 1
        if block.continuations > self._limits.continuations or len(block.content) > self._limits.header_block_bytes:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, "a header block in too many pieces")
        if flags & END_HEADERS:
            self.open_block = None
            self._block(number, bytes(block.content), block.has_ended)

    # --- blocks to requests

    def _block(self, number: int, block: bytes, has_ended: bool) -> None:
        streams = self._streams
        stream = self._open.get(number)
        if stream is not None:
            self._trailers(stream, block, has_ended)
        elif number > streams.greatest:
            _check_number(number)
            streams.begin(number)
            self._request(number, block, has_ended)
        elif streams.was_reset(number):
            self._decode_only(block)
        else:
            _check_number(number)
            code = ErrorCode.PROTOCOL_ERROR if streams.was_skipped(number) else ErrorCode.STREAM_CLOSED
            raise ConnectionViolation(code, f"HEADERS on stream {number}, which is closed")

    def _request(self, number: int, block: bytes, has_ended: bool) -> None:
        streams, limits = self._streams, self._limits
        self.called_at = at = self._turn.at
        stream = Stream(number, None, limits.stream_window, streams.out.initial_window)
        try:
            head = self._blocks.request(block)
        except Malformed as wrong:
            streams.add(stream)
            raise StreamViolation(number, ErrorCode.PROTOCOL_ERROR, str(wrong)) from None
        except (NotGrpc, TooManyFields) as wrong:
            head, refusal = None, wrong
        is_late = number > streams.greatest_served  # no fault of the peer's, who has not heard yet that we leave
        if is_late or len(self._open) >= limits.streams:
            if not is_late:
                self._nuisance.count("streams at once")
            streams.refuse_new(stream)
            return
        stream.began_at = at
        stream.receiving = not has_ended
        if head is None:
            streams.add(stream)
            self._answer_refusal(stream, refusal)
            return
        stream.head = head
        stream.held_bytes = _STREAM_COST_BYTES + head.held_bytes
        streams.add(stream)
        self._receiver.request(stream)
        if has_ended and stream.sending:
            self._bodies.ended(stream, b"")

    def _answer_refusal(self, stream: Stream, refusal: NotGrpc | TooManyFields) -> None:
        self._nuisance.count("requests that are no gRPC calls")
        if isinstance(refusal, NotGrpc):
            self._streams.out.http_answer(stream, refusal.status, refusal.says)
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
        self._bodies.ended(stream, b"")

    def _decode_only(self, block: bytes) -> None:
        self._nuisance.count("header blocks for streams that were reset")
        try:
            self._blocks.fields(block)
        except TooManyFields:
            return


def _check_number(number: int) -> None:
    if number % 2 == 0:
        raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, f"HEADERS on stream {number}, which no client opens")


def _without_padding_and_priority(flags: int, content: bytes) -> bytes:
    content = without_padding(flags, content)
    if not flags & PRIORITISED:
        return content
    if len(content) < 5:
        raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
    return content[5:]
