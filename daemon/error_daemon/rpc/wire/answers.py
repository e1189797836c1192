"""
What a servicer says, as frames: headers, messages, and the status that ends the call (gRPC over HTTP/2, "Responses").

A unary call whose servicer added no metadata and asked for no compression is answered by one piece of bytes (Outgoing.answer). Large
messages count for the connection's turn.
"""

from __future__ import annotations

from collections.abc import Callable

from google.rpc import code_pb2

from error_daemon.errors import ErrorRecoveryError
from error_daemon.rpc.status import RpcStatus, StatusError, status_of
from error_daemon.rpc.wire.deadlines import LATE
from error_daemon.rpc.wire.messages import gzipped
from error_daemon.rpc.wire.outgoing import Outgoing
from error_daemon.rpc.wire.statuses import metadata_block, trailers
from error_daemon.rpc.wire.stream import Stream
from error_daemon.rpc.wire.turn import FRAME_BYTES, Turn
from error_daemon.rpc.wire.wire_call import WireCall

_OK = RpcStatus(code_pb2.OK, "", b"")


class Answers:
    """Of one connection. `on_bug(method, exception)` hears of whatever the caller is told no more of than INTERNAL."""

    __slots__ = ("_on_bug", "_out", "_turn")

    def __init__(self, out: Outgoing, turn: Turn, on_bug: Callable[[str, BaseException], None]) -> None:
        self._out = out
        self._turn = turn
        self._on_bug = on_bug

    def only(self, stream: Stream, call: WireCall, message: bytes) -> None:
        """The answer of a call that has one."""
        if len(message) > FRAME_BYTES:
            self._turn.spend(len(message))
        if call.is_plain:
            self._out.answer(stream, message)
        else:
            self.message(stream, call, message)
            self.end(stream, call)

    def message(self, stream: Stream, call: WireCall, message: bytes) -> None:
        """One of many."""
        self._turn.spend(len(message))
        if not stream.has_head:
            self.head(stream, call)
        if call.compresses and not call.is_next_plain:
            self._out.message(stream, gzipped(message), is_compressed=True)
        else:
            self._out.message(stream, message)
        call.is_next_plain = False

    def head(self, stream: Stream, call: WireCall) -> None:
        encoding: tuple[tuple[str, bytes], ...] = (("grpc-encoding", b"gzip"),) if call.compresses else ()
        self._out.response_head(stream, metadata_block((*encoding, *call.initial)))

    def end(self, stream: Stream, call: WireCall) -> None:
        """All went well."""
        self._out.trailers(stream, trailers(_OK, call.trailing))

    def late(self, stream: Stream, call: WireCall) -> None:
        self._out.trailers(stream, trailers(LATE, call.trailing))

    def fail(self, stream: Stream, method: str, call: WireCall, error: BaseException) -> None:
        status = status_of(error)
        if status.code == code_pb2.INTERNAL and not isinstance(error, StatusError):
            self._on_bug(method, error)
        if stream.sending and stream.trailers is None:
            self._out.trailers(stream, trailers(status, call.trailing))

    def refuse(self, stream: Stream, error: StatusError | ErrorRecoveryError) -> None:
        """No servicer has seen the call."""
        self._out.trailers(stream, trailers(status_of(error)))
