"""
Goodbyes (GOAWAY; RFC 9113, 6.8), and the pings of ours that show that ours was heard.

    we leave         `announce`: calls that are on their way are still served; when its ping is answered, or when who drains
                     the connection waits no longer, `leave`: what comes after is refused, what is there may end
    the peer leaves  its calls may end; a connection without any is over then (Connection.is_closing)
    a violation      `say` alone, and nothing more is taken

What we say names the last request that was seen, so that a client knows which of its calls it may send again elsewhere.
"""

from __future__ import annotations

from error_daemon.rpc.wire.frames import GREATEST_WINDOW, ErrorCode, goaway, ping
from error_daemon.rpc.wire.streams import Streams


class Leaving:
    """`peer_leaves`: it has said so. `pongs`: pings of ours that were answered."""

    __slots__ = ("_leaves_at_pong", "_out", "_pings_sent", "_streams", "peer_leaves", "pongs")

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._out = streams.out
        self._pings_sent = 0
        self._leaves_at_pong = 0  # the number of one that is answered when the peer knows that we shall leave
        self.peer_leaves = False
        self.pongs = 0

    @property
    def has_left(self) -> bool:
        return self._streams.greatest_served < GREATEST_WINDOW

    def announce(self) -> None:
        """We shall leave: calls that are on their way are still served (RFC 9113, 6.8), and we leave when the peer has heard of it,
        which a ping shows."""
        self._out.frames.append(goaway(GREATEST_WINDOW, ErrorCode.NO_ERROR, "the daemon stops"))
        self.ping()
        self._leaves_at_pong = self._pings_sent

    def leave(self) -> None:
        """No call that comes from now on is served; those that are there may end."""
        self.say(ErrorCode.NO_ERROR, "the daemon stops")

    def say(self, code: ErrorCode, says: str) -> None:
        """The number in it never grows: what is above may have been sent to another server by now (RFC 9113, 6.8)."""
        streams = self._streams
        streams.greatest_served = min(streams.greatest, streams.greatest_served)
        self._out.frames.append(goaway(streams.greatest_served, code, says))

    def ping(self) -> None:
        """Is the peer there?"""
        self._pings_sent += 1
        self._out.frames.append(ping(b"are you?", is_ack=False))

    def answered(self) -> bool:
        """The peer answers a ping. Whether there was one to be answered."""
        self.pongs += 1
        if self.pongs == self._leaves_at_pong:
            self.leave()
        return self.pongs <= self._pings_sent
