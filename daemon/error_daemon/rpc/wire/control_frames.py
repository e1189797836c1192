"""
Frames about streams and about the connection: PRIORITY, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE (RFC 9113, 6.3 to 6.9).

None of them brings a call. Those that a client needs are free in the measure in which it needs them: a PING for each DATA frame that it was
sent, to measure the way; WINDOW_UPDATEs for its requests, and to take its answers. What is beyond that is a nuisance, as are all others.
"""

from __future__ import annotations

import struct

from error_daemon.rpc.wire.frames import (
    ACK,
    DEFAULT_WINDOW,
    GREATEST_FRAME_SIZE,
    GREATEST_WINDOW,
    LEAST_FRAME_SIZE,
    SETTINGS_ACK,
    STREAM_MASK,
    ConnectionViolation,
    ErrorCode,
    Setting,
    StreamViolation,
    ping,
    settings,
    window_update,
)
from error_daemon.rpc.wire.leaving import Leaving
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.nuisance import Nuisance
from error_daemon.rpc.wire.streams import Streams

_MOST_SETTINGS = 32  # in one frame, as in nghttp2; six are known
# WINDOW_UPDATE: so many, two for each request and twenty for each DATA frame that we have sent are what a client may need
# (Envoy's figures); more of them bring nothing
_WIDENINGS = 10
_WIDENINGS_A_REQUEST = 2
_WIDENINGS_A_FRAME = 20


class ControlFrames:
    __slots__ = ("_is_acknowledged", "_leaving", "_limits", "_nuisance", "_out", "_pings", "_streams", "_widenings")

    def __init__(self, limits: WireLimits, streams: Streams, leaving: Leaving, nuisance: Nuisance) -> None:
        self._limits = limits
        self._streams = streams
        self._out = streams.out
        self._leaving = leaving
        self._nuisance = nuisance
        self._widenings = 0
        self._pings = 0
        self._is_acknowledged = False  # our settings

    # --- about one stream

    def priority(self, _flags: int, number: int, content: bytes) -> None:
        """Deprecated by RFC 9113: checked, and ignored."""
        self._nuisance.count("priorities")
        if number == 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "PRIORITY on stream 0")
        if len(content) != 5:
            if self._streams.is_idle(number):  # which can't be reset
                raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY has 5 bytes")
            raise StreamViolation(number, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY has 5 bytes")

    def rst_stream(self, _flags: int, number: int, content: bytes) -> None:
        if len(content) != 4:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM has 4 bytes")
        self._streams.check_not_idle(number, "RST_STREAM")
        self._nuisance.count("stream resets")
        stream = self._streams.open.get(number)
        if stream is not None:
            self._streams.drop(stream)

    def window_update(self, _flags: int, number: int, content: bytes) -> None:
        """Of a stream, or of the connection."""
        if len(content) != 4:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE has 4 bytes")
        increment = int.from_bytes(content, "big") & STREAM_MASK
        self._count_widening()
        if number == 0:
            if increment == 0:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "a window widened by 0")
            self._out.widen(increment)
            return
        self._streams.check_not_idle(number, "WINDOW_UPDATE")
        stream = self._streams.open.get(number)
        if stream is None:
            return
        if increment == 0:
            raise StreamViolation(number, ErrorCode.PROTOCOL_ERROR, "a window widened by 0")
        self._out.widen_stream(stream, increment)

    def _count_widening(self) -> None:
        self._widenings += 1
        for_requests = _WIDENINGS_A_REQUEST * self._streams.begun
        if self._widenings > _WIDENINGS + for_requests + _WIDENINGS_A_FRAME * self._out.data_frames:
            self._nuisance.count("window updates")

    def push_promise(self, _flags: int, _number: int, _content: bytes) -> None:
        raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "PUSH_PROMISE from a client")

    # --- about the connection

    def settings(self, flags: int, number: int, content: bytes) -> None:
        if number != 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & ACK:
            self._acknowledged(content)
            return
        if len(content) % 6:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "SETTINGS come in sixes")
        if len(content) > 6 * _MOST_SETTINGS:
            raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, f"more than {_MOST_SETTINGS} settings at once")
        self._nuisance.count("settings")
        windows = []
        for setting, value in struct.iter_unpack(">HI", content):
            if setting == Setting.INITIAL_WINDOW_SIZE:
                windows.append(_checked_window(value))
            else:
                self._set(setting, value)
        if windows:
            self._out.set_initial_window(windows[-1], max(windows), self._streams.open.values())
        self._out.frames.append(SETTINGS_ACK)
        self._out.go_on()

    def _acknowledged(self, content: bytes) -> None:
        if content:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS has no content")
        if self._is_acknowledged:
            self._nuisance.count("acknowledgements of nothing")
        self._is_acknowledged = True

    def _set(self, setting: int, value: int) -> None:
        if setting == Setting.MAX_FRAME_SIZE:
            if not LEAST_FRAME_SIZE <= value <= GREATEST_FRAME_SIZE:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, f"a greatest frame of {value} bytes")
            self._out.frame_bytes = min(value, self._limits.frame_bytes)
        elif setting == Setting.ENABLE_PUSH:
            if value > 1:
                raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "ENABLE_PUSH is 0 or 1")
        elif setting == Setting.HEADER_TABLE_SIZE:
            self._out.set_table_size(value)

    def ping(self, flags: int, number: int, content: bytes) -> None:
        if number != 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if len(content) != 8:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "PING has 8 bytes")
        if flags & ACK:
            if not self._leaving.answered():
                self._nuisance.count("acknowledgements of nothing")
            return
        self._pings += 1
        # a client measures the way with one, each time that it was sent something
        if self._pings > self._out.data_frames:
            self._nuisance.count("pings")
        self._out.frames.append(ping(content, is_ack=True))

    def goaway(self, _flags: int, number: int, content: bytes) -> None:
        if number != 0:
            raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
        if len(content) < 8:
            raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY has at least 8 bytes")
        if self._leaving.peer_leaves:
            self._nuisance.count("goodbyes")
        self._leaving.peer_leaves = True


def greeting(limits: WireLimits) -> bytes:
    """What we say first: our settings, and the connection's window."""
    values = {
        Setting.MAX_CONCURRENT_STREAMS: limits.streams,
        Setting.INITIAL_WINDOW_SIZE: limits.stream_window,
        Setting.MAX_FRAME_SIZE: limits.frame_bytes,
        Setting.MAX_HEADER_LIST_SIZE: limits.header_list_bytes,
    }
    return settings(values) + window_update(0, limits.connection_window - DEFAULT_WINDOW)


def _checked_window(size: int) -> int:
    if size > GREATEST_WINDOW:
        raise ConnectionViolation(ErrorCode.FLOW_CONTROL_ERROR, "an initial window above 2^31-1")
    return size
