"""What the daemon and the store's writer say to each other over their socket pair.

A frame is its length in four bytes, little endian, and so many bytes. A message is one frame of JSON text, an object with a
`kind`; a batch is followed by one frame for each of its `tables`, in that order: the rows of that table, packed (rows.py).

    daemon → writer   batch   {id, tables: [name, ...]} and a frame for each     answered by done or failed
                      forget  {id, error_type, strategy_id}  (null: any)         answered by done or failed
                      query   {id, name, params}                                 answered by rows … rows, or failed
    writer → daemon   ready   {problems: [text]}           the file is open
                      shut    {problem, mend, forever}     it is not; the writer ends. forever: trying again is useless
                      done    {id, rows, refused: [{table, problem, row}]}
                      rows    {id, rows: [...], more}
                      failed  {id, problem, fatal}         nothing was changed. fatal: only a new writer can go on

The daemon ends the writer by closing its end: the writer then finishes what it has in hand, and closes the file.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

from error_daemon.errors import InvariantError

_LENGTH = struct.Struct("<I")
_encode = json.JSONEncoder(separators=(",", ":")).encode


def pack_length(content: bytes) -> bytes:
    """What goes before the content of a frame."""
    return _LENGTH.pack(len(content))


def pack(content: bytes) -> bytes:
    """One frame."""
    return pack_length(content) + content


def pack_message(message: dict[str, Any]) -> bytes:
    return pack(_encode(message).encode())


class Unpacker:
    """Cuts a stream of bytes into frames: feed what was received, then take `frames()` until it ends."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        self._buffer += data

    def frames(self) -> Iterator[bytes]:
        """The whole frames received so far, each once."""
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            end = start + _LENGTH.size + length
            if len(self._buffer) < end:
                break
            yield bytes(self._buffer[start + _LENGTH.size : end])
            start = end
        del self._buffer[:start]


def parse_message(frame: bytes) -> dict[str, Any]:
    message = json.loads(frame)
    if not isinstance(message, dict) or "kind" not in message:
        raise InvariantError(f"not a message of the store's protocol: {frame[:80]!r}")
    return message
