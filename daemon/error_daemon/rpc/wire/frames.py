"""Frames of HTTP/2 (RFC 9113, section 4 and 6): names of what stands in nine bytes, padding, the making of those that a server sends."""

from __future__ import annotations

import struct
from enum import IntEnum

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEAD = struct.Struct(">HBBBI")  # length (upper 16 bits, lower 8), type, flags, stream
HEAD_BYTES = 9
STREAM_MASK = 0x7FFFFFFF  # the first bit is reserved: ignored when it comes
GREATEST_WINDOW = 0x7FFFFFFF
DEFAULT_WINDOW = 65_535
LEAST_FRAME_SIZE = 16_384  # what every peer takes; what we take without asking for more
GREATEST_FRAME_SIZE = 0xFFFFFF

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)

ACK = 0x1  # of SETTINGS and PING
END_STREAM = 0x1  # of DATA and HEADERS
END_HEADERS = 0x4
PADDED = 0x8
PRIORITISED = 0x20  # of HEADERS: five bytes of priority come first


class ErrorCode(IntEnum):
    """RFC 9113, section 7."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Setting(IntEnum):
    """RFC 9113, section 6.5.2. Others are ignored."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6


class ConnectionViolation(Exception):
    """The peer broke the protocol so that nothing more can be believed: GOAWAY with `code` and `says`, and the end."""

    def __init__(self, code: ErrorCode, says: str) -> None:
        super().__init__(f"{code.name}: {says}")
        self.code = code
        self.says = says


class StreamViolation(Exception):
    """The peer broke the protocol on one stream: RST_STREAM with `code`; the others go on."""

    def __init__(self, stream_id: int, code: ErrorCode, says: str) -> None:
        super().__init__(f"{code.name} on stream {stream_id}: {says}")
        self.stream_id = stream_id
        self.code = code
        self.says = says


def head(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    return HEAD.pack(length >> 8, length & 0xFF, kind, flags, stream_id)


def settings(values: dict[Setting, int]) -> bytes:
    content = b"".join(struct.pack(">HI", setting, value) for setting, value in values.items())
    return head(len(content), SETTINGS, 0, 0) + content


SETTINGS_ACK = head(0, SETTINGS, ACK, 0)


def ping(content: bytes, *, is_ack: bool) -> bytes:
    return head(8, PING, ACK if is_ack else 0, 0) + content


def rst_stream(stream_id: int, code: ErrorCode) -> bytes:
    return head(4, RST_STREAM, 0, stream_id) + struct.pack(">I", code)


def goaway(last_stream_id: int, code: ErrorCode, says: str = "") -> bytes:
    content = struct.pack(">II", last_stream_id, code) + says.encode()
    return head(len(content), GOAWAY, 0, 0) + content


def window_update(stream_id: int, increment: int) -> bytes:
    return head(4, WINDOW_UPDATE, 0, stream_id) + struct.pack(">I", increment)


def without_padding(flags: int, content: bytes) -> bytes:
    """Of DATA and HEADERS. Raises ConnectionViolation."""
    if not flags & PADDED:
        return content
    if not content:
        raise ConnectionViolation(ErrorCode.FRAME_SIZE_ERROR, "a padded frame without the length of its padding")
    padding = content[0]
    if padding >= len(content):
        raise ConnectionViolation(ErrorCode.PROTOCOL_ERROR, "padding longer than its frame")
    return content[1 : len(content) - padding]
