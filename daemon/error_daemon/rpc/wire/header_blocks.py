"""
Header blocks (RFC 7541) to requests, and fields to header blocks.

Decoding keeps the peer's dynamic table, so every block must be decoded, in order, whatever becomes of its request. The table, Huffman
coding and long integers are the hpack library's; the walk over the fields is ours, because it is on the fault path: the library takes some
80 µs for the block of a usual call, the walk 5 to 15, and a block that was seen before one look into a dictionary for as long as the table
stays as it is. That is so of every block that leaves the table alone. Some clients (gRPC's own) send a usual call's fields all by index:
few such blocks differ. Others (nghttp2's, and so that of grpc-js, and Rust's h2) spell out the path or the length each time, and whoever
spells out a deadline sends no block twice: of blocks with literals only the newest few are remembered.

Encoding uses no dynamic table: the few blocks that a server sends are constants, or literals without indexing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from hpack.exceptions import HPACKError
from hpack.hpack import decode_integer, encode_integer
from hpack.huffman_table import decode_huffman
from hpack.table import HeaderTable

from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode
from error_daemon.rpc.wire.request_head import Fields, RequestHead, read_head

_TABLE_BYTES = 4096  # SETTINGS_HEADER_TABLE_SIZE that we tell: the default
_MOST_BLOCKS = 256
_MOST_SPELT_OUT = 8  # blocks with literals
_LARGEST_SEEN_BYTES = 128  # a usual call's has some 10, or some 60 with a path spelt out
_LARGEST_SEEN_HEAD_BYTES = 4096  # as a request's `held_bytes`; what is remembered stays small
_LONGEST_INTEGER_BYTES = 6
_FIELD_OVERHEAD = 32
_MOST_RESIZES = 2  # at the begin of a block: the smallest size in between, and the last (RFC 7541, 4.2)
# times the limit: the rest is not even decoded, so that the table is lost, and the connection with it
_BEYOND_MEASURE = 2
NO_TABLE = b"\x20"  # table size update to 0: at the begin of a block, when the peer has asked for less than the default


class TooManyFields(Exception):
    """The fields of a request are larger than the limit. The table was kept all the same: the connection can go on."""


class HeaderBlocks:
    """The decoder of one connection. Every method raises ConnectionViolation when the block is broken (COMPRESSION_ERROR: the table can't
    be trusted any more) or beyond all measure (ENHANCE_YOUR_CALM); and TooManyFields."""

    __slots__ = ("_most_list_bytes", "_seen", "_spelt_out", "_table", "held_bytes")

    def __init__(self, most_list_bytes: int) -> None:
        self._table = HeaderTable()
        self._seen: dict[bytes, RequestHead] = {}
        self._spelt_out: deque[bytes] = deque()  # those in `seen` that have literals, oldest first
        self._most_list_bytes = most_list_bytes
        self.held_bytes = 0

    def request(self, block: bytes) -> RequestHead:
        """Raises Malformed and NotGrpc, too. Equal blocks give the same object while the table is unchanged."""
        seen = self._seen.get(block)
        if seen is not None:
            return seen
        fields, literals = self._decode(block)
        head = read_head(fields)
        if (
            literals is not None
            and len(block) <= _LARGEST_SEEN_BYTES
            and head.held_bytes <= _LARGEST_SEEN_HEAD_BYTES
            and len(self._seen) < _MOST_BLOCKS
        ):
            self._remember(block, head, is_spelt_out=literals > 0)
        return head

    def _remember(self, block: bytes, head: RequestHead, *, is_spelt_out: bool) -> None:
        self._seen[block] = head
        self.held_bytes += head.held_bytes
        if is_spelt_out:
            self._spelt_out.append(block)
            if len(self._spelt_out) > _MOST_SPELT_OUT:
                self.held_bytes -= self._seen.pop(self._spelt_out.popleft()).held_bytes

    def fields(self, block: bytes) -> Fields:
        return self._decode(block)[0]

    def _decode(self, block: bytes) -> tuple[Fields, int | None]:
        """The fields, and how many of them are literals; None: the block has changed the table."""
        try:
            fields, size, literals = self._walk(block)
        except (HPACKError, IndexError) as error:
            raise ConnectionViolation(ErrorCode.COMPRESSION_ERROR, f"header block: {error}") from None
        if size > self._most_list_bytes:
            raise TooManyFields
        return fields, literals

    def _walk(self, block: bytes) -> tuple[Fields, int, int | None]:
        """As `_decode`, with the fields' size as it is limited."""
        fields: list[tuple[bytes, bytes]] = []
        at, end, resizes, literals, is_pure = 0, len(block), 0, 0, True
        size, most = 0, _BEYOND_MEASURE * self._most_list_bytes
        entry = self._table.get_by_index
        while at < end:
            first = block[at]
            if first >> 5 == 1:
                resizes += 1
                at = self._resize(block, at, is_in_place=not fields and resizes <= _MOST_RESIZES)
                is_pure = False
                continue
            if first >= 0x80:
                index, at = _integer(block, at, 0x7F)
                field = entry(index)
            else:
                name, value, at = self._literal(block, at)
                field = (name, value)
                literals += 1
                if first >= 0x40:
                    self._table.add(name, value)
                    self._forget_seen()
                    is_pure = False
            fields.append(field)
            size += len(field[0]) + len(field[1]) + _FIELD_OVERHEAD
            if size > most:
                raise ConnectionViolation(ErrorCode.ENHANCE_YOUR_CALM, f"header fields of more than {most} bytes")
        return tuple(fields), size, literals if is_pure else None

    def _literal(self, block: bytes, at: int) -> tuple[bytes, bytes, int]:
        index, at = _integer(block, at, 0x3F if block[at] >= 0x40 else 0x0F)
        if index:
            name = self._table.get_by_index(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return name, value, at

    def _resize(self, block: bytes, at: int, *, is_in_place: bool) -> int:
        size, at = _integer(block, at, 0x1F)
        if not is_in_place:
            raise HPACKError("the table is resized after a field, or again and again")
        if size > _TABLE_BYTES:
            raise HPACKError(f"the table is resized to {size}, above {_TABLE_BYTES}")
        self._table.maxsize = size
        self._forget_seen()
        return at

    def _forget_seen(self) -> None:
        """Indices mean other fields from now on."""
        self._seen.clear()
        self._spelt_out.clear()
        self.held_bytes = 0


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """It, and where it ends. `mask`: the bits of the first byte that are its own."""
    number = block[at] & mask
    if number != mask:
        return number, at + 1
    number, used = decode_integer(block[at : at + _LONGEST_INTEGER_BYTES], mask.bit_length())
    return number, at + used


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    first = block[at]
    length, at = _integer(block, at, 0x7F)
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
