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
    held_bytes       what it costs to keep it, its header fields included; its messages count elsewhere
    began_at         steady time in seconds
    received         bytes of DATA without padding, for content-length
    waits_since      when its answer was first seen waiting; 0: it was not
    call, caller     what the receiver keeps with it
    """

    __slots__ = (
        "began_at",
        "call",
        "caller",
        "has_head",
        "head",
        "held_bytes",
        "pending",
        "receive_window",
        "received",
        "receiving",
        "send_window",
        "sending",
        "stream_id",
        "trailers",
        "waits_since",
    )

    def __init__(self, stream_id: int, head: RequestHead | None, receive_window: int, send_window: int) -> None:
        self.stream_id = stream_id
        self.head = head
        self.receiving = True
        self.sending = True
        self.receive_window = receive_window
        self.send_window = send_window
        self.received = 0
        self.held_bytes = 0
        self.began_at = 0.0
        self.waits_since = 0.0
        self.has_head = False  # response headers were sent
        self.pending: bytearray | None = None
        self.trailers: bytes | None = None
        self.call: Any = None
        self.caller: Any = None
