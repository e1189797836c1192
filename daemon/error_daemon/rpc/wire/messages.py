"""
Messages in a body, as gRPC puts them there: one byte that says whether it is compressed, four of length, the message.

What is wrong with one is a status of its call (gRPC, "Compression" and "Status codes and their use"), raised as StatusError.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Mapping

from google.rpc import code_pb2

from error_daemon.rpc.status import StatusError

PREFIX_BYTES = 5
_WINDOW_BITS: Mapping[bytes, int] = {b"gzip": 31, b"deflate": 15}  # of zlib
ENCODINGS = b"identity,deflate,gzip"


class Body:
    """The messages of one request that are not taken yet, and the begin of the next. `held`: bytes of all of that."""

    __slots__ = ("_encoding", "_most_bytes", "_partial", "held", "whole")

    def __init__(self, encoding: bytes, most_bytes: int) -> None:
        self.whole: deque[bytes] = deque()
        self.held = 0
        self._encoding = encoding
        self._most_bytes = most_bytes
        self._partial = bytearray()

    @property
    def is_partial(self) -> bool:
        return bool(self._partial)

    def feed(self, content: bytes) -> None:
        """Raises StatusError: RESOURCE_EXHAUSTED for one that is too large, as soon as its length is known."""
        partial = self._partial
        if not partial and content[:1] == b"\x00":
            length = int.from_bytes(content[1:PREFIX_BYTES], "big")
            if length == len(content) - PREFIX_BYTES and length <= self._most_bytes:  # the usual: one message, whole
                self.whole.append(content[PREFIX_BYTES:])
                self.held += length
                return
        partial += content
        self.held += len(content)
        while len(partial) >= PREFIX_BYTES:
            length = int.from_bytes(partial[1:PREFIX_BYTES], "big")
            if length > self._most_bytes:
                raise too_large(length, self._most_bytes)
            if len(partial) < PREFIX_BYTES + length:
                return
            message = bytes(memoryview(partial)[PREFIX_BYTES : PREFIX_BYTES + length])
            flag = partial[0]
            del partial[: PREFIX_BYTES + length]
            self.held -= PREFIX_BYTES + length
            if flag:
                message = inflated(message, flag, self._encoding, self._most_bytes)
            self.whole.append(message)
            self.held += len(message)

    def take(self) -> bytes:
        message = self.whole.popleft()
        self.held -= len(message)
        return message


def inflated(message: bytes, flag: int, encoding: bytes, most_bytes: int) -> bytes:
    """Never makes more than `most_bytes` of it, however well it was packed."""
    if flag != 1:
        raise StatusError(code_pb2.INTERNAL, f"a message with the flag {flag}: 0 and 1 are known")
    if encoding == b"identity":
        raise StatusError(code_pb2.INTERNAL, "a compressed message, and no grpc-encoding that says how")
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        name = encoding.decode("latin-1")
        raise StatusError(code_pb2.UNIMPLEMENTED, f"grpc-encoding {name!r} is not known: identity, deflate or gzip")
    unpacker = zlib.decompressobj(bits)
    try:
        content = unpacker.decompress(message, most_bytes + 1)
    except zlib.error as error:
        raise StatusError(code_pb2.INTERNAL, f"a message that can't be unpacked: {error}") from None
    if len(content) > most_bytes:
        raise too_large(len(content), most_bytes)
    if not unpacker.eof or unpacker.unused_data:
        raise StatusError(code_pb2.INTERNAL, "a compressed message that ends early, or late")
    return content


def too_large(length: int, most_bytes: int) -> StatusError:
    return StatusError(
        code_pb2.RESOURCE_EXHAUSTED,
        f"a message of {length} bytes or more; at most {most_bytes} are taken (max_message_bytes)",
    )


def gzipped(message: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(message) + packer.flush()
