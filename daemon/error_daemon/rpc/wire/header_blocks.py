"""
Header blocks (RFC 7541) to requests, and fields to header blocks.

Decoding keeps the peer's dynamic table, so every block must be decoded, in order, whatever becomes of its request. The table, Huffman
coding and long integers are the hpack library's; the walk over the fields is ours, because it is on the fault path: the library takes some
80 µs for the block of a usual call, the walk 5, and a block that was seen before, made of indexed fields alone, one look into a dictionary
for as long as the table stays as it is.

Encoding uses no dynamic table: the few blocks that a server sends are constants, or literals without indexing.
"""

from __future__ import annotations

from collections.abc import Iterable

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer, encode_integer
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode
from error_daemon.rpc.wire.request_head import Fields, RequestHead, read_head

_TABLE_BYTES = 4096  # SETTINGS_HEADER_TABLE_SIZE that we tell: the default
_MOST_BLOCKS = 256
_LARGEST_SEEN_BYTES = 128  # a usual call's has some 10
_LARGEST_SEEN_HEAD_BYTES = 4096  # as a request's `held_bytes`; what is remembered stays small
_FIELD_OVERHEAD = 32
NO_TABLE = b"\x20"  # table size update to 0: at the begin of a block, when the peer has asked for less than the default


class TooManyFields(Exception):
    """The fields of a request are larger than the limit. The table was kept all the same: the connection can go on."""


class HeaderBlocks:
    """The decoder of one connection. Every method raises ConnectionViolation (COMPRESSION_ERROR) when the block is broken: the table can't
    be trusted any more; and TooManyFields."""

    __slots__ = ("_most_list_bytes", "_seen", "_table", "held_bytes")

    def __init__(self, most_list_bytes: int) -> None:
        self._table = HeaderTable()
        self._seen: dict[bytes, RequestHead] = {}
        self._most_list_bytes = most_list_bytes
        self.held_bytes = 0

    def request(self, block: bytes) -> RequestHead:
        """Raises Malformed and NotGrpc, too. Equal blocks give the same object while the table is unchanged."""
        seen = self._seen.get(block)
        if seen is not None:
            return seen
        fields, is_indexed = self._decode(block)
        head = read_head(fields)
        if (
            is_indexed
            and len(block) <= _LARGEST_SEEN_BYTES
            and head.held_bytes <= _LARGEST_SEEN_HEAD_BYTES
            and len(self._seen) < _MOST_BLOCKS
        ):
            self._seen[block] = head
            self.held_bytes += head.held_bytes
        return head

    def fields(self, block: bytes) -> Fields:
        return self._decode(block)[0]

    def _decode(self, block: bytes) -> tuple[Fields, bool]:
        try:
            fields, is_indexed = self._walk(block)
        except (HPACKError, IndexError) as error:
            raise ConnectionViolation(ErrorCode.COMPRESSION_ERROR, f"header block: {error}") from None
        if sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in fields) > self._most_list_bytes:
            raise TooManyFields
        return fields, is_indexed

    def _walk(self, block: bytes) -> tuple[Fields, bool]:
        """The fields, and whether all of them came by index."""
        fields: list[tuple[bytes, bytes]] = []
        at, end, is_indexed = 0, len(block), True
        entry = self._table.get_by_index
        while at < end:
            first = block[at]
            if first >= 0x80:
                if first == 0xFF:
                    index, used = decode_integer(block[at : at + 6], 7)
                    at += used
                else:
                    index, at = first & 0x7F, at + 1
                fields.append(entry(index))
                continue
            is_indexed = False
            if first >> 5 == 1:
                at = self._resize(block, at, is_first=not fields)
                continue
            name, value, at = self._literal(block, at)
            fields.append((name, value))
            if first >= 0x40:
                self._table.add(name, value)
                self._forget_seen()
        return tuple(fields), is_indexed

    def _literal(self, block: bytes, at: int) -> tuple[bytes, bytes, int]:
        first = block[at]
        prefix_bits = 6 if first >= 0x40 else 4
        index, used = decode_integer(block[at : at + 6], prefix_bits)
        at += used
        if index:
            name = self._table.get_by_index(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return name, value, at

    def _resize(self, block: bytes, at: int, *, is_first: bool) -> int:
        size, used = decode_integer(block[at : at + 6], 5)
        if not is_first:
            raise HPACKError("the table is resized after a field")
        if size > _TABLE_BYTES:
            raise HPACKError(f"the table is resized to {size}, above {_TABLE_BYTES}")
        self._table.maxsize = size
        self._forget_seen()
        return at + used

    def _forget_seen(self) -> None:
        """Indices mean other fields from now on."""
        self._seen.clear()
        self.held_bytes = 0


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    first = block[at]
    if first & 0x7F == 0x7F:
        length, used = decode_integer(block[at : at + 6], 7)
        at += used
    else:
        length, at = first & 0x7F, at + 1
    end = at + length
    if end > len(block):
        raise HPACKError("a string is longer than its block")
    content = block[at:end]
    return (decode_huffman(content) if first & 0x80 else content), end


# --- out


def literal(name: bytes, value: bytes) -> bytes:
    """One field without indexing, with its name spelled out."""
    return b"\x00" + bytes(encode_integer(len(name), 7)) + name + bytes(encode_integer(len(value), 7)) + value


def block_of(status: int, fields: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """A response's header block."""
    first = b"\x88" if status == 200 else literal(b":status", b"%d" % status)
    return first + trailers_of(fields)


def trailers_of(fields: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join(literal(name, value) for name, value in fields)
