"""
Messages out of a stream (RFC 6587): each says by its first byte how it ends.

    a digit 1-9    octet counting: "47 <34>1 ...", so many bytes
    anything else  up to a newline or NUL, whichever comes first; nothing between two of them is no message

One that is longer than may be is cut there, and the rest of it passed over: its beginning says what happened. A count that is none makes
the rest of the stream unreadable: FramingError, and its sender connects anew.
"""

from __future__ import annotations

import re

MOST_BYTES = 64 << 10
_COUNT = re.compile(rb"([1-9]\d{0,6}) ")
_LONGEST_COUNT = 8
_END = re.compile(rb"[\n\0]")


class FramingError(ValueError):
    """Nobody can tell any more where a message begins."""


class Framing:
    """`feed` bytes; what is whole comes back. No I/O."""

    def __init__(self) -> None:
        self._held = b""
        self._left_bytes = 0  # of a counted message, when it was cut: passed over
        self._is_cut = False  # of one that ends with a newline

    @property
    def held_bytes(self) -> int:
        return len(self._held)

    def feed(self, data: bytes) -> list[bytes]:
        """Raises FramingError; what was whole before is in its `args[0]`."""
        data = self._held + data
        self._held = b""
        whole: list[bytes] = []
        at = 0
        while at < len(data):
            after = self._passed(data, at) if self._left_bytes or self._is_cut else self._one(data, at, whole)
            if after is None:
                self._held = data[at:]
                break
            at = after
        return whole

    def end(self) -> list[bytes]:
        """The stream is over: what has no end is a message too."""
        held, self._held = self._held, b""
        return [held] if held and not self._is_cut and not b"1" <= held[:1] <= b"9" else []

    def _passed(self, data: bytes, at: int) -> int:
        if self._left_bytes:
            size = min(self._left_bytes, len(data) - at)
            self._left_bytes -= size
            return at + size
        end = _END.search(data, at)
        self._is_cut = end is None
        return end.end() if end else len(data)

    def _one(self, data: bytes, at: int, whole: list[bytes]) -> int | None:
        """Where it ends; None: it is not whole yet."""
        if b"1" <= data[at : at + 1] <= b"9":
            return self._counted(data, at, whole)
        end = _END.search(data, at, at + MOST_BYTES + 1)
        if end is not None:
            if end.start() > at:
                whole.append(data[at : end.start()])
            return end.end()
        if len(data) - at <= MOST_BYTES:
            return None
        whole.append(data[at : at + MOST_BYTES])
        self._is_cut = True
        return at + MOST_BYTES

    def _counted(self, data: bytes, at: int, whole: list[bytes]) -> int | None:
        count = _COUNT.match(data, at)
        if count is None:
            if len(data) - at < _LONGEST_COUNT and data[at:].isdigit():
                return None
            raise FramingError(whole)
        size = int(count[1])
        kept = min(size, MOST_BYTES)
        if len(data) - count.end() < kept:
            return None
        whole.append(data[count.end() : count.end() + kept])
        self._left_bytes = size - kept
        return count.end() + kept
