"""
Header blocks (RFC 7541) beside the hpack library, which has read them for years.

What it accepts is read as the same fields, and nothing is accepted that it refuses. In two things we are stricter: an integer takes at
most six bytes (RFC 7541, 5.1: an encoder may pad one without end, and a limit is asked for), and a block resizes the table at most twice
(4.2: more is never needed). And fields above the limit refuse their request, not the connection.
"""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
import pytest
from hpack import Decoder, Encoder, HPACKError
from hpack.struct import NeverIndexedHeaderTuple
from hypothesis import given
from hypothesis import settings as settled

from error_daemon.rpc.wire.frames import ConnectionViolation, ErrorCode
from error_daemon.rpc.wire.header_blocks import HeaderBlocks, TooManyFields, block_of, literal, trailers_of
from error_daemon.rpc.wire.request_head import Malformed
from tests.rpc.wire.peer import block, fields

Fields = Sequence[tuple[bytes, bytes]]
MOST_BYTES = 1 << 16
NAMES = st.one_of(
    st.sampled_from([b":path", b":method", b"te", b"content-type", b"x-a", b"x-b", b"grpc-timeout", b""]),
    st.binary(max_size=20),
)
FIELD = st.tuples(
    NAMES, st.one_of(st.sampled_from([b"", b"a", b"POST", b"x" * 200, b"y" * 5000]), st.binary(max_size=60))
)
LISTS = st.lists(st.tuples(FIELD, st.booleans()), max_size=8)
BLOCKS = st.lists(st.tuples(LISTS, st.booleans(), st.lists(st.integers(0, 4096), max_size=2)), max_size=6)
EXTRA = st.lists(
    st.tuples(st.sampled_from([b"x-a", b"x-b", b"grpc-timeout"]), st.sampled_from([b"1S", b"2S"])), max_size=2
)
SPELT_OUT = block(fields())


@settled(max_examples=300, deadline=None)
@given(BLOCKS)
def test_what_the_library_encodes_is_read_as_it_was_however_the_table_changes(
    blocks: list[tuple[list[tuple[tuple[bytes, bytes], bool]], bool, list[int]]],
) -> None:
    encoder, ours = Encoder(), HeaderBlocks(MOST_BYTES)
    for of, is_huffman, sizes in blocks:
        for size in sizes:
            if size != encoder.header_table_size:  # the library forgets a change that is followed by the same again
                encoder.header_table_size = size
        meant = [NeverIndexedHeaderTuple(*field) if is_secret else field for field, is_secret in of]
        content = encoder.encode(meant, huffman=is_huffman)
        assert ours.fields(content) == tuple(field for field, _ in of)


def _read(decoder: Decoder, content: bytes) -> Fields | None:
    """None: refused."""
    try:
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(content, raw=True)]
    except (HPACKError, IndexError):  # a block that ends within a field
        return None


PIECES = st.one_of(
    st.binary(max_size=12),
    st.integers(0x80, 0xFF).map(lambda first: bytes([first])),
    st.builds(literal, st.binary(max_size=4), st.binary(max_size=4)),
    st.builds(lambda field: b"\x40" + literal(*field)[1:], st.tuples(st.binary(max_size=4), st.binary(max_size=4))),
    st.integers(0x20, 0x3F).map(lambda first: bytes([first])),
    st.sampled_from(
        [b"\x3f\xe1\x1f", b"\x3f\xe2\x1f", b"\xff\x80\x80\x80\x80\x01", b"\x00\x85\xff\xff\xff\xff\xff\x00"]
    ),
    st.binary(max_size=6).map(lambda content: b"\x00\x01a" + bytes([0x80 | len(content)]) + content),
)


@settled(max_examples=1000, deadline=None)
@given(st.lists(st.lists(PIECES, max_size=6).map(b"".join), max_size=4))
def test_any_bytes_are_read_as_the_library_reads_them_or_refused(blocks: list[bytes]) -> None:
    theirs, ours = Decoder(MOST_BYTES), HeaderBlocks(MOST_BYTES)
    for content in blocks:
        meant = _read(theirs, content)
        try:
            read = ours.fields(content)
        except ConnectionViolation:
            assert meant is None or _is_beyond_need(content)
            return
        assert meant is not None
        assert list(read) == list(meant)


def _is_beyond_need(content: bytes) -> bool:
    """It may have an integer that goes on for longer than ours may, or resize the table three times."""
    run = resizes = 0
    for byte in content:
        run = run + 1 if byte >= 0x80 else 0
        resizes += byte >> 5 == 1
        if run >= 5 or resizes >= 3:
            return True
    return False


def _all(*blocks: str) -> list[tuple[tuple[bytes, bytes], ...]]:
    reader = HeaderBlocks(MOST_BYTES)
    return [reader.fields(bytes.fromhex(block)) for block in blocks]


GET = ((b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"www.example.com"))
GET_HTTPS = (
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/index.html"),
    (b":authority", b"www.example.com"),
    (b"custom-key", b"custom-value"),
)
APPENDIX_C = {
    "C.2.1": (
        ["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572"],
        [((b"custom-key", b"custom-header"),)],
    ),
    "C.2.2": (["040c 2f73 616d 706c 652f 7061 7468"], [((b":path", b"/sample/path"),)]),
    "C.2.3": (["1008 7061 7373 776f 7264 0673 6563 7265 74"], [((b"password", b"secret"),)]),
    "C.2.4": (["82"], [((b":method", b"GET"),)]),
    "C.3": (
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [GET, (*GET, (b"cache-control", b"no-cache")), GET_HTTPS],
    ),
    "C.4, Huffman": (
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
        [GET, (*GET, (b"cache-control", b"no-cache")), GET_HTTPS],
    ),
}


@pytest.mark.parametrize("section", APPENDIX_C)
def test_the_examples_of_the_rfc_are_read(section: str) -> None:
    blocks, meant = APPENDIX_C[section]
    assert _all(*blocks) == meant


BROKEN = {
    "index 0": "80",
    "index 0 of a name, which is a name spelled out, and ends": "00",
    "index beyond both tables": "be",
    "index beyond both tables, in two bytes": "ff00",
    "name's index beyond both tables": "7f00 00",
    "index that goes on for ever": "ff80 8080 8080 8080 8080 8080 01",
    "integer that ends early": "ff",
    "name that ends early": "400a 6375",
    "value that ends early": "4001 610a 62",
    "no value": "4001 61",
    "Huffman padding of more than 7 bits": "0001 6184 ffff ffff",
    "Huffman padding that is not all ones": "0001 6181 00",
    "Huffman code of the end": "0001 6184 ffff fffc",
    "table larger than was said": "3fe21f",
    "table resized after a field": "8220",
    "table resized at the end": "82 00 0161 0162 3fe11f",
    "integer above 32 bits": "ffff ffff ffff 0f",
}


@pytest.mark.parametrize("says", BROKEN)
def test_a_block_that_is_broken_ends_the_connection(says: str) -> None:
    content = bytes.fromhex(BROKEN[says])
    for read in (HeaderBlocks(MOST_BYTES).fields, HeaderBlocks(MOST_BYTES).request):
        with pytest.raises(ConnectionViolation) as refused:
            read(content)
        assert refused.value.code is ErrorCode.COMPRESSION_ERROR
    assert _read(Decoder(), content) is None


def test_the_table_may_be_resized_twice_at_the_begin_and_forgets_what_does_not_fit() -> None:
    reader = HeaderBlocks(MOST_BYTES)
    reader.fields(b"\x40\x01a\x01b")
    assert reader.fields(b"\xbe") == ((b"a", b"b"),)
    assert reader.fields(b"\x20\x3f\xe1\x1f\x82") == ((b":method", b"GET"),)
    with pytest.raises(ConnectionViolation):
        reader.fields(b"\xbe")


def test_an_entry_larger_than_the_table_empties_it() -> None:
    reader = HeaderBlocks(MOST_BYTES)
    reader.fields(b"\x40\x01a\x01b")
    large = b"v" * 5000
    encoded = b"\x40" + literal(b"n", large)[1:]
    assert reader.fields(encoded) == ((b"n", large),)
    with pytest.raises(ConnectionViolation):
        reader.fields(b"\xbe")


def test_fields_above_the_limit_are_refused_and_the_table_is_kept() -> None:
    reader = HeaderBlocks(200)
    with pytest.raises(TooManyFields):
        reader.fields(b"\x40\x01a\x7f\x49" + b"b" * 200)
    with pytest.raises(TooManyFields):
        reader.request(b"\xbe")
    assert reader.fields(b"\x82\x40\x01c\x01d") == ((b":method", b"GET"), (b"c", b"d"))
    assert reader.fields(b"\xbe") == ((b"c", b"d"),)


def test_a_block_of_indexed_fields_is_read_once_for_as_long_as_the_table_stays_as_it_is() -> None:
    encoder, reader = Encoder(), HeaderBlocks(MOST_BYTES)
    first = reader.request(encoder.encode(fields()))
    again = encoder.encode(fields())
    assert reader.request(again) is reader.request(again)
    assert reader.request(again) == first
    other = reader.request(encoder.encode(fields("/test/Other")))
    assert other.path == "/test/Other"
    assert reader.request(encoder.encode(fields())).path == "/test/Say"
    reader.fields(b"\x20")
    with pytest.raises(ConnectionViolation):
        reader.request(again)


def test_a_block_that_spells_fields_out_is_read_once_too() -> None:
    reader = HeaderBlocks(MOST_BYTES)
    assert reader.request(SPELT_OUT) is reader.request(SPELT_OUT)


def test_of_blocks_that_spell_fields_out_only_the_newest_few_are_remembered() -> None:
    reader = HeaderBlocks(MOST_BYTES)
    first = reader.request(SPELT_OUT)
    for number in range(8):
        assert reader.request(SPELT_OUT + literal(b"grpc-timeout", b"%dm" % number)).timeout_s == number / 1000
        held_bytes = reader.held_bytes
    for number in range(1000):
        reader.request(SPELT_OUT + literal(b"grpc-timeout", b"%du" % (number % 10)))
    assert reader.held_bytes == held_bytes
    assert reader.request(SPELT_OUT) == first
    assert reader.request(SPELT_OUT) is not first


def test_a_block_that_changes_the_table_is_read_each_time_and_what_was_seen_before_is_forgotten() -> None:
    reader = HeaderBlocks(MOST_BYTES)
    seen = reader.request(SPELT_OUT)
    adds = SPELT_OUT + b"\x40\x01a\x01b"
    assert reader.request(adds) == reader.request(adds)
    assert reader.request(adds) is not reader.request(adds)
    assert reader.request(SPELT_OUT) is not seen


@settled(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["/test/Say", "/test/Other"]), EXTRA, st.booleans()), max_size=30))
def test_a_request_is_what_the_library_reads_whatever_was_remembered(
    requests: list[tuple[str, list[tuple[bytes, bytes]], bool]],
) -> None:
    encoder, library, reader = Encoder(), Decoder(), HeaderBlocks(MOST_BYTES)
    for path, extra, is_by_index in requests:
        spelt_out = [*fields(path), *extra]
        encoded = encoder.encode(spelt_out if is_by_index else [NeverIndexedHeaderTuple(*each) for each in spelt_out])
        assert reader.request(encoded).fields == tuple(tuple(each) for each in library.decode(encoded, raw=True))


def test_what_is_malformed_is_malformed_again() -> None:
    reader = HeaderBlocks(MOST_BYTES)
    for _ in range(2):
        with pytest.raises(Malformed):
            reader.request(b"\x82")


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300)), max_size=5), st.sampled_from([200, 404, 415])
)
def test_what_we_encode_is_what_the_library_reads(of: list[tuple[bytes, bytes]], status: int) -> None:
    assert _read(Decoder(1 << 20), block_of(status, of)) == [(b":status", b"%d" % status), *of]
    assert _read(Decoder(1 << 20), trailers_of(of)) == of
