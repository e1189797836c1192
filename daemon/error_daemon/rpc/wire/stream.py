"""One stream of a connection: its two halves, its windows, and what waits to be sent on it."""

from __future__ import annotations

from typing import Any

from error_daemon.rpc.wire.request_head import RequestHead


class Stream:
    """
    receiving        the peer may still send (it has not set END_STREAM)
    sending          we may still send
    receive_window   bytes that the peer may still send before we widen it
    send_window      bytes that we may send; below zero when the peer has made its initial window smaller
    pending          DATA that the windows don't let out yet, and `trailers` after it
    received         bytes of DATA without padding, for content-length
    call             what the receiver keeps with it
    """

    __slots__ = (
        "call",
        "has_head",
        "head",
        "pending",
        "receive_window",
        "received",
        "receiving",
        "send_window",
        "sending",
        "stream_id",
        "trailers",
    )

    def __init__(self, stream_id: int, head: RequestHead | None, receive_window: int, send_window: int) -> None:
        self.stream_id = stream_id
        self.head = head
        self.receiving = True
        self.sending = True
        self.receive_window = receive_window
        self.send_window = send_window
        self.received = 0
        self.has_head = False  # response headers were sent
        self.pending: bytearray | None = None
        self.trailers: bytes | None = None
        self.call: Any = None
