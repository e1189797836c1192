"""Frames between the daemon and its workers: each message is preceded by its length, 4 bytes, little endian.

Pure: bytes in, bytes out. The caller feeds whatever the socket gave and gets every message that is complete by then;
what is left waits for the next call. A frame above `MAX_FRAME_BYTES` is refused on both sides: nothing that belongs
there is so large, so it is either a definition gone wrong (when writing) or a stream out of step (when reading).
"""

from __future__ import annotations

import struct

from error_daemon.errors import InvariantError, PermanentError

MAX_FRAME_BYTES = 1 << 20
_LENGTH = struct.Struct("<I")


def encode(message: bytes) -> bytes:
    """`message` as a frame. Raises PermanentError if it is larger than MAX_FRAME_BYTES."""
    if len(message) > MAX_FRAME_BYTES:
        raise PermanentError(f"{len(message)} bytes for a worker, at most {MAX_FRAME_BYTES} can be sent")
    return _LENGTH.pack(len(message)) + message


class Decoder:
    """Cuts a stream of bytes into messages. Call `feed` with what arrived, in order."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that `data` completes, in order. Raises InvariantError if a length is above MAX_FRAME_BYTES:
        the stream is of no use after that."""
        kept = self._kept
        if (
            not kept
            and len(data) >= _LENGTH.size
            and _LENGTH.unpack_from(data)[0] == len(data) - _LENGTH.size <= MAX_FRAME_BYTES
        ):
            return [data[_LENGTH.size :]]  # one message and nothing else, as nearly always
        kept += data
        messages: list[bytes] = []
        begin, end = 0, len(kept)
        while end - begin >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(kept, begin)
            if size > MAX_FRAME_BYTES:
                raise InvariantError(f"a frame of {size} bytes came, at most {MAX_FRAME_BYTES} are sent")
            if end - begin - _LENGTH.size < size:
                break
            begin += _LENGTH.size
            messages.append(bytes(kept[begin : begin + size]))
            begin += size
        del kept[:begin]
        return messages
