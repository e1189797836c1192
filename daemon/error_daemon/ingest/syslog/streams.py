"""
Connections of syslog, all of them: messages in their order, and none is read before the one before it is in the ring.

A quarter of a megabyte that is read at once can be fifty thousand messages, and its sender has the next one ready: what is taken goes by
turns. In one, a millisecond is spent on the messages of all connections together, and then on everything else that the daemon has to do.
A connection that is not through is not read from, so what waits is bounded, and its sender's buffer keeps the rest.

Where there is no place for one more connection, the caller that has the most of them loses the one that was silent for longest.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from time import perf_counter

from error_daemon.ingest.syslog.framing import Framing, FramingError
from error_daemon.listening.peer import who_is_at
from error_daemon.model.access import Caller, Peer

_TURN_S = 0.001
_PIECE_BYTES = 8 << 10  # as much is cut into messages at once
_MOST_CONNECTIONS = 512

Take = Callable[[bytes, Caller, str], float]
"""(message, caller, sender) → after how many seconds it has to come again; 0: it need not."""
IsOver = Callable[[], bool]


def turn() -> IsOver:
    """Whether the turn that begins now is over."""
    until = perf_counter() + _TURN_S
    return lambda: perf_counter() >= until


class Streams:
    """`caller_of`: None: it may not report. `on_bug(error)` hears of what taking a message raised."""

    def __init__(
        self,
        caller_of: Callable[[Peer], Caller | None],
        take: Take,
        on_bug: Callable[[Exception], None],
        most_connections: int = _MOST_CONNECTIONS,
    ) -> None:
        self.caller_of = caller_of
        self.take = take
        self._on_bug = on_bug
        self._most_connections = most_connections
        self._streams: set[_Stream] = set()
        self._ready: deque[_Stream] = deque()  # each once

    def new(self) -> asyncio.Protocol:
        """For a connection that is being made."""
        return _Stream(self)

    def abort(self) -> None:
        for stream in list(self._streams):
            stream.abort()

    def opened(self, stream: _Stream) -> bool:
        """Whether there is a place for it."""
        if len(self._streams) >= self._most_connections and not self._make_place():
            return False
        self._streams.add(stream)
        return True

    def closed(self, stream: _Stream) -> None:
        self._streams.discard(stream)

    def has_some(self, stream: _Stream) -> None:
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._turn)
        if stream not in self._ready:
            self._ready.append(stream)

    def _turn(self) -> None:
        is_over = turn()
        while self._ready:
            stream = self._ready.popleft()
            if self._has_more(stream, is_over):
                self._ready.append(stream)
            if is_over():
                break
        if self._ready:
            asyncio.get_running_loop().call_soon(self._turn)

    def _has_more(self, stream: _Stream, is_over: IsOver) -> bool:
        """Whether there is more that could be taken of it now. One that breaks what reads it is ended, and harms no other."""
        try:
            return stream.take(is_over)
        except Exception as error:  # noqa: BLE001 - a bug that one sender's message shows must not end the others
            stream.abort()
            self.closed(stream)
            self._on_bug(error)
            return False

    def _make_place(self) -> bool:
        [(key, _)] = Counter(stream.caller.key for stream in self._streams).most_common(1)
        silent = [one for one in self._streams if one.caller.key == key and not one.has_more]
        if not silent:
            return False
        oldest = min(silent, key=lambda one: one.heard_at)
        oldest.abort()
        self.closed(oldest)
        return True


class _Stream(asyncio.Protocol):
    """One connection."""

    caller: Caller

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._framing = Framing()
        self._unread = bytearray()
        self._waiting: deque[bytes] = deque()
        self._later: asyncio.TimerHandle | None = None
        self._has_end = False  # which is still to be taken
        self._is_ending = False
        self._is_lost = False
        self.heard_at = perf_counter()

    @property
    def has_more(self) -> bool:
        """To be taken."""
        return bool(self._waiting or self._unread or self._has_end)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        peer = who_is_at(transport)
        caller = self._streams.caller_of(peer)
        if caller is None:
            self._transport.abort()
            return
        self.caller, self._sender = caller, peer.address
        if not self._streams.opened(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_ending:
            return
        self._unread += data
        self.heard_at = perf_counter()
        self._go_on()

    def eof_received(self) -> bool:
        self._has_end = self._is_ending = True
        self._go_on()
        return self._transport.get_extra_info("ssl_object") is None  # what it sent is taken first; TLS ends at once

    def connection_lost(self, exc: Exception | None) -> None:
        """What it had sent is still to be taken, and until then it keeps its place."""
        self._is_lost = True
        if not self.has_more:
            self._streams.closed(self)

    def abort(self) -> None:
        self._forget()
        if self._later is not None:
            self._later.cancel()
        self._transport.abort()

    def take(self, is_over: IsOver) -> bool:
        """Whether there is more that could be taken now."""
        while self._later is None and self.has_more:
            if is_over():
                self._read_no_more()
                return True
            if not self._waiting:
                self._cut()
            elif retry_after_s := self._streams.take(self._waiting[0], self.caller, self._sender):
                self._read_no_more()
                self._later = asyncio.get_running_loop().call_later(retry_after_s, self._again)
            else:
                self._waiting.popleft()
        if self._later is None:
            self._has_taken_all()
        return False

    def _go_on(self) -> None:
        if self._later is None:
            self._streams.has_some(self)

    def _again(self) -> None:
        self._later = None
        self._go_on()

    def _cut(self) -> None:
        """Some more of what has come, into messages."""
        piece = bytes(self._unread[:_PIECE_BYTES])
        del self._unread[:_PIECE_BYTES]
        try:
            self._waiting.extend(self._framing.feed(piece))
        except FramingError as error:
            self._forget()
            self._waiting.extend(error.args[0])
            self._is_ending = True
        if not self._unread and self._has_end:
            self._has_end = False
            self._waiting.extend(self._framing.end())

    def _has_taken_all(self) -> None:
        if self._is_lost:
            self._streams.closed(self)
        elif self._is_ending:
            self._transport.close()
        elif not self._transport.is_closing():
            self._transport.resume_reading()

    def _read_no_more(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _forget(self) -> None:
        self._waiting.clear()
        self._unread.clear()
        self._has_end = False
