"""What a connection tells of the requests that come: between HTTP/2 (connection.py) and gRPC (calls.py)."""

from __future__ import annotations

from typing import Protocol

from error_daemon.rpc.wire.stream import Stream


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
