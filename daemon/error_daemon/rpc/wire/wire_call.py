"""A call as its servicer sees it."""

from __future__ import annotations

from collections.abc import Callable

from error_daemon.model.access import Caller
from error_daemon.rpc.wire.statuses import unbase64
from error_daemon.rpc.wire.stream import Stream

Value = str | bytes

# fields that are no metadata of the caller's
_OF_THE_WIRE = frozenset(
    (
        "te",
        "content-type",
        "content-length",
        "host",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "grpc-message-type",
    )
)


class WireCall:
    """
    calls.Call, and what generated servicers may ask for beyond it (generated.py).

    initial, trailing   metadata that go with the headers and the trailers
    compresses          answers are packed with gzip; set before the first one only
    is_next_plain       but for the next one
    heads_itself        the servicer may say when the headers go; otherwise they go before a stream's first answer
    on_head             sends the headers; None before the call is Running (running.py)
    on_end              called when the call has ended, however it did
    deadline_at         seconds on the loop's clock
    """

    __slots__ = (
        "_stream",
        "compresses",
        "deadline_at",
        "heads_itself",
        "initial",
        "is_next_plain",
        "on_end",
        "on_head",
        "peer",
        "trailing",
    )

    def __init__(self, peer: str, stream: Stream) -> None:
        self.peer = peer
        self.compresses = False
        self.is_next_plain = False
        self.heads_itself = False
        self.initial: tuple[tuple[str, Value], ...] = ()
        self.trailing: tuple[tuple[str, Value], ...] = ()
        self.on_head: Callable[[], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.deadline_at: float | None = None
        self._stream = stream

    @property
    def caller(self) -> Caller:
        caller: Caller = self._stream.caller
        return caller

    @property
    def is_plain(self) -> bool:
        return not (self.compresses or self.initial or self.trailing)

    def metadata(self) -> list[tuple[str, Value]]:
        """What the caller sent; values of names that end with -bin are bytes. What is no base64 is left out."""
        found: list[tuple[str, Value]] = []
        for name, value in self._fields():
            if name in _OF_THE_WIRE:
                continue
            if not name.endswith("-bin"):
                found.append((name, value.decode("latin-1")))
                continue
            for part in value.split(b","):
                try:
                    found.append((name, unbase64(part.strip())))
                except ValueError:
                    continue
        return found

    def takes_gzip(self) -> bool:
        """Whether the caller said that it can unpack it."""
        accepted = (value for name, value in self._fields() if name == "grpc-accept-encoding")
        return any(b"gzip" in map(bytes.strip, value.split(b",")) for value in accepted)

    def _fields(self) -> list[tuple[str, bytes]]:
        return self._stream.head.metadata() if self._stream.head else []

    def send_head(self) -> None:
        """The headers now, before the first answer."""
        if self.on_head is not None:
            self.on_head()
