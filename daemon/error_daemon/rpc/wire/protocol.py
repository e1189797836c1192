"""
One connection's socket: bytes to its Connection, frames to its peer, one write per wake-up.

However much has come at once, a peer has its turn and no more (limits.py); it is not read from until it has had as many as that takes.

A peer that does not read what it is sent is not read from either: what it may make us keep is the socket's buffer and what limits.py says.
One that then does not move for `answer_s`, or says nothing for `idle_ping_s` and does not answer a ping, is gone.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Any

from error_daemon.listening.peer import who_is_at
from error_daemon.rpc.wire.calls import Calls
from error_daemon.rpc.wire.common import Common
from error_daemon.rpc.wire.connection import Connection
from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode

_HTTP_1 = (b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC")
_HTTP_1_ANSWER = (
    b"HTTP/1.1 505 HTTP Version Not Supported\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    b"This port speaks gRPC over HTTP/2. error-cli is its client.\n"
)
_REPLACED_WITHIN_S = 60.0
OnViolation = Callable[[str, ConnectionViolation], None]


class WireProtocol(asyncio.Protocol):
    """`on_open(self)` says whether there is room for it; `on_close(self)`."""

    def __init__(
        self,
        common: Common,
        on_open: Callable[[WireProtocol], bool],
        on_close: Callable[[WireProtocol], None],
        on_violation: OnViolation,
        longest_s: float = math.inf,
    ) -> None:
        """`longest_s`: after it, the peer is asked to connect anew."""
        self._longest_s = longest_s
        self._leaving_at = 0.0  # 0: it has not been asked
        self._common = common
        self._on_open = on_open
        self._on_close = on_close
        self._on_violation = on_violation
        self._now = common.now
        self._loop = asyncio.get_running_loop()
        self._is_flushing_soon = False
        self._goes_on_later = False
        self._transport: Any = None
        self._pinged_at = 0.0  # 0: no ping is on its way
        self._closing_at = 0.0  # 0: it is not closed by us
        self._stalled_at = 0.0  # 0: the socket takes what we send
        # at once, or since the socket is full: the loop keeps all of it until all of it is gone
        self._written_bytes = 0
        self.held_bytes = 0

    @property
    def is_idle(self) -> bool:
        return not self.connection.streams and not self.connection.is_closing

    # --- the socket

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._heard_at = self.opened_at = now = self._now()
        self.calls = Calls(self._common, peer_of(transport), who_is_at(transport), self.flush_soon)
        self.connection = Connection(self._common.limits, self.calls, now, self._now)
        self.calls.join(self.connection)
        if not _is_h2(transport):
            no_h2 = ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "TLS, and ALPN did not give h2")
            self._on_violation(self.calls.peer, no_h2)
            self.abort()
        elif not self._on_open(self):
            self.end(ErrorCode.ENHANCE_YOUR_CALM, "too many connections")
        else:
            self.flush()

    def data_received(self, data: bytes) -> None:
        now = self._heard_at = self._now()
        connection = self.connection
        was_greeted = connection.is_greeted
        connection.receive(data, now)
        if connection.violation is not None:
            if not was_greeted and data[:4] in _HTTP_1:
                connection.out.frames[:] = [_HTTP_1_ANSWER]
            self._on_violation(self.calls.peer, connection.violation)
        self.flush()
        if connection.has_more:
            self._go_on_later()

    def _go_on_later(self) -> None:
        """A turn is over, and not all is done that has come."""
        if not self._goes_on_later:
            self._goes_on_later = True
            self._transport.pause_reading()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._goes_on_later = False
        if self._stalled_at:
            return  # until what it has made is read
        if self.connection.has_more:
            self.data_received(b"")
        if not self.connection.has_more and not self._transport.is_closing():
            self._transport.resume_reading()

    def eof_received(self) -> bool:
        return False  # a peer that hears nothing any more: close

    def connection_lost(self, exc: Exception | None) -> None:
        self._stalled_at = 0.0
        self.connection.lost()
        self._account()
        self._on_close(self)

    def pause_writing(self) -> None:
        self._stalled_at = self._now()
        self.calls.set_writable(False)
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._stalled_at = 0.0
        self._go_on_later()
        self.calls.set_writable(True)

    # --- out

    def flush_soon(self) -> None:
        """At the end of this turn of the loop, with whatever else comes until then."""
        if not self._is_flushing_soon:
            self._is_flushing_soon = True
            self._loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._is_flushing_soon = False
        self.flush()

    def flush(self) -> None:
        connection = self.connection
        frames = connection.out.frames
        if frames:
            content = b"".join(frames)
            frames.clear()
            self._written_bytes = len(content) + (self._written_bytes if self._stalled_at else 0)
            self._transport.write(content)
        if connection.is_closing:
            self._closing_at = self._closing_at or self._now()
            if not self._transport.is_closing():  # asyncio's TLS that is closed twice can't be aborted
                self._transport.close()
        elif connection.out.unsent_bytes > self._common.limits.unsent_bytes:
            self.end(ErrorCode.ENHANCE_YOUR_CALM, "answers are not taken")
        self._account()

    def _account(self) -> None:
        """What this peer makes us keep, in the sum of all."""
        held_bytes = self.connection.held_bytes + self.calls.held_bytes
        if self._stalled_at:
            held_bytes += self._written_bytes
        self._common.held_bytes += held_bytes - self.held_bytes
        self.held_bytes = held_bytes
        if self._common.held_bytes > self._common.limits.all_held_bytes:
            self._common.make_room()

    def end(self, code: ErrorCode, says: str) -> None:
        """GOAWAY, and no more."""
        if self.connection.is_closing:
            return
        if code is not ErrorCode.NO_ERROR:
            self._on_violation(self.calls.peer, ConnectionViolation(code, says))
        self.connection.end(code, says)
        self.flush()

    def abort(self) -> None:
        self.connection.lost()
        self._transport.abort()

    # --- time

    def look(self, now: float) -> None:
        """Every few seconds: is the peer there, and does it go on?"""
        limits, connection = self._common.limits, self.connection
        if self._closing_at:
            if now - self._closing_at > limits.answer_s:  # it does not even take its farewell
                self.abort()
        elif not connection.is_greeted and now - self.opened_at > limits.greeting_s:
            self.end(ErrorCode.SETTINGS_TIMEOUT, "no preface")
        elif connection.unfinished_s(now) > limits.request_s:
            self.end(ErrorCode.ENHANCE_YOUR_CALM, "a frame that does not come to its end")
        elif self._stalled_at and now - self._stalled_at > limits.answer_s:
            self._on_violation(self.calls.peer, ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, "reads nothing"))
            self.abort()
        elif not self._is_alive(now):
            self.abort()
        else:
            if now - self.opened_at > self._longest_s:
                self._replace(now)
            self.calls.refuse_slow(now - limits.request_s)
            for stream in connection.out.not_taken(now, limits.request_s):
                connection.reset(stream, ErrorCode.CANCEL)
            self.flush()

    def _replace(self, now: float) -> None:
        """It is too old. Calls that are under way may end within a grace."""
        if not self._leaving_at:
            self._leaving_at = now
            self.connection.announce_leave()
        elif (self.connection.has_left and not self.connection.streams) or now - self._leaving_at > _REPLACED_WITHIN_S:
            self.end(ErrorCode.NO_ERROR, "connect anew")

    def _is_alive(self, now: float) -> bool:
        limits = self._common.limits
        if self._heard_at >= self._pinged_at:
            self._pinged_at = 0.0
            if now - self._heard_at > limits.idle_ping_s:
                self._pinged_at = now
                self.connection.ping()
            return True
        return now - self._pinged_at <= limits.answer_s


def _is_h2(transport: asyncio.BaseTransport) -> bool:
    """In clear it is known beforehand; over TLS both must have said so (RFC 9113, 3.2)."""
    tls = transport.get_extra_info("ssl_object")
    return tls is None or tls.selected_alpn_protocol() == "h2"


def peer_of(transport: asyncio.BaseTransport) -> str:
    """As grpc writes it: ipv4:127.0.0.1:5, ipv6:[::1]:5, unix:"""
    name = transport.get_extra_info("peername")
    if not isinstance(name, tuple):
        return "unix:"
    host, port = name[:2]
    return f"ipv6:[{host}]:{port}" if ":" in host else f"ipv4:{host}:{port}"
