"""
Messages in a body, as gRPC puts them there: one byte that says whether it is compressed, four of length, the message.

What is wrong with one is a status of its call (gRPC, "Compression" and "Status codes and their use"), raised as StatusError.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from google.rpc import code_pb2

from error_daemon.rpc.status import StatusError

PREFIX_BYTES = 5
_WINDOW_BITS: Mapping[bytes, int] = {b"gzip": 31, b"deflate": 15}  # of zlib
ENCODINGS = "identity,deflate,gzip"


class UnknownEncoding(StatusError):
    """Its caller is to be told which are known (gRPC, "Compression")."""


class Body:
    """
    The messages of one request that are not taken yet. They are cut out one by one, as they are taken: one frame may bring 50,000 of them,
    and that is not the work of one turn. `held`: bytes of memory for all of that.

    is_ready     there is a message to be taken, or what is wrong with it
    is_partial   what is there is the begin of a message
    has_more     there is something behind the message that is ready
    """

    __slots__ = ("_encoding", "_most_bytes", "_next", "_rest", "_wrong", "held")

    def __init__(self, encoding: bytes, most_bytes: int) -> None:
        self.held = 0
        self._encoding = encoding
        self._most_bytes = most_bytes
        self._next: bytes | None = None
        self._wrong: StatusError | None = None
        self._rest = bytearray()

    @property
    def is_ready(self) -> bool:
        return self._next is not None or self._wrong is not None

    @property
    def is_partial(self) -> bool:
        return not self.is_ready and bool(self._rest)

    @property
    def has_more(self) -> bool:
        return self.is_ready and bool(self._rest)

    def feed(self, content: bytes) -> None:
        """Raises StatusError for the first message: RESOURCE_EXHAUSTED when it is too large, as soon as its length is known. What is wrong
        with a later one is told when it is taken."""
        if not self._rest and self._next is None and content[:1] == b"\x00":
            length = int.from_bytes(content[1:PREFIX_BYTES], "big")
            if length == len(content) - PREFIX_BYTES and length <= self._most_bytes:  # the usual: one message, whole
                self._next = content[PREFIX_BYTES:]
                self.held += length
                return
        self._rest += content
        self.held += len(content)
        if not self.is_ready:
            self._cut()
        if self._next is None and self._wrong is not None:
            raise self._wrong

    def take(self) -> bytes:
        """Only when `is_ready`. Raises StatusError."""
        if self._next is None:
            assert self._wrong is not None
            raise self._wrong
        message, self._next = self._next, None
        self.held -= len(message)
        self._cut()
        return message

    def drop(self) -> None:
        self.held = 0
        self._next = None
        self._rest.clear()

    def _cut(self) -> None:
        """The next message, when it is whole."""
        rest = self._rest
        if len(rest) < PREFIX_BYTES:
            return
        length = int.from_bytes(rest[1:PREFIX_BYTES], "big")
        if length > self._most_bytes:
            self._wrong = too_large(length, self._most_bytes)
            return
        if len(rest) < PREFIX_BYTES + length:
            return
        message = bytes(memoryview(rest)[PREFIX_BYTES : PREFIX_BYTES + length])
        flag = rest[0]
        del rest[: PREFIX_BYTES + length]
        self.held -= PREFIX_BYTES + length
        if flag:
            try:
                message = inflated(message, flag, self._encoding, self._most_bytes)
            except StatusError as wrong:
                self._wrong = wrong
                return
        self._next = message
        self.held += len(message)


def inflated(message: bytes, flag: int, encoding: bytes, most_bytes: int) -> bytes:
    """Never makes more than `most_bytes` of it, however well it was packed."""
    if flag != 1:
        raise StatusError(code_pb2.INTERNAL, f"a message with the flag {flag}: 0 and 1 are known")
    if encoding == b"identity":
        raise StatusError(code_pb2.INTERNAL, "a compressed message, and no grpc-encoding that says how")
    bits = _WINDOW_BITS.get(encoding)
    if bits is None:
        name = encoding.decode("latin-1")
        raise UnknownEncoding(code_pb2.UNIMPLEMENTED, f"grpc-encoding {name!r} is not known: identity, deflate or gzip")
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
