"""Header blocks that mean much more than they are: the work and the memory for each is bounded, whatever it says."""

from __future__ import annotations

import pytest
from hpack.hpack import encode_integer

from error_daemon.rpc.wire.frames import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, ErrorCode
from error_daemon.rpc.wire.header_blocks import literal
from tests.rpc.wire_hostile.hostile_world import Peer, frame, hostile_world, run

LIST_BYTES = 8192


def text(content: bytes, *, is_huffman: bool = False) -> bytes:
    length = encode_integer(len(content), 7)
    if is_huffman:
        length[0] |= 0x80
    return bytes(length) + content


LARGE_ENTRY = b"\x40\x01a" + text(b"v" * 4000)  # indexed: it is 62 from now on
BOMBS: dict[str, bytes] = {
    "thousands of references to one large entry": LARGE_ENTRY + b"\xbe" * 8000,
    "thousands of references to a small one": b"\x82" * 12_000,
    "thousands of fields": b"\x00\x01a\x00" * 3000,
    "thousands of fields that are remembered": b"\x40\x01a\x00" * 3000,
    "thousands of strings of one byte in Huffman's code": b"\x40\x81\x1f\x81\x1f" * 2400,
    "one string that Huffman's code makes larger": b"\x00\x01a" + text(b"\x00" * 12_000 + b"\x07", is_huffman=True),
}


async def sent(peer: Peer, block: bytes) -> None:
    await peer.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block))


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_header_bomb_ends_its_connection(bomb: str) -> None:
    async def body() -> None:
        async with hostile_world(header_list_bytes=LIST_BYTES) as world:
            peer = await world.peer()
            await sent(peer, BOMBS[bomb])
            assert await peer.sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            assert world.codes() == [ErrorCode.ENHANCE_YOUR_CALM]
            await world.others_are_served()

    run(body())


def test_a_header_list_above_the_limit_is_a_refused_call_and_no_more() -> None:
    async def body() -> None:
        async with hostile_world(header_list_bytes=LIST_BYTES) as world:
            peer = await world.peer()
            await sent(peer, peer.block() + literal(b"x", bytes(LIST_BYTES)))
            assert await peer.status(1) == "8"
            assert await peer.answer(3) == b"cba"
            assert world.codes() == []

    run(body())


def test_header_fields_at_the_limit_are_taken() -> None:
    async def body() -> None:
        async with hostile_world(header_list_bytes=LIST_BYTES) as world:
            peer = await world.peer()
            await peer.send(peer.request(1, "Raw", ("x", "y" * (LIST_BYTES - 500))), b"")
            assert await peer.answer(3) == b"cba"
            assert world.codes() == []

    run(body())


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"\x20" * 1000, ErrorCode.COMPRESSION_ERROR),
        (b"\x3f\xe2\x1f", ErrorCode.COMPRESSION_ERROR),  # a table of 4097 bytes
        (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ErrorCode.COMPRESSION_ERROR),
        (b"\x00\x7f\xff\xff\xff\xff\xff\xff", ErrorCode.COMPRESSION_ERROR),
        (b"\x00\x01a" + text(b"\xff" * 100, is_huffman=True), ErrorCode.COMPRESSION_ERROR),
        (bytes(20_000), ErrorCode.ENHANCE_YOUR_CALM),
    ],
    ids=["resized again and again", "too large a table", "a long index", "a long string", "wrong Huffman", "too large"],
)
def test_a_block_that_says_impossible_things_ends_its_connection(block: bytes, code: ErrorCode) -> None:
    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            await sent(peer, block)
            assert await peer.sent_away() is code
            await world.others_are_served()

    run(body())


def test_a_block_in_many_large_pieces_is_not_kept() -> None:
    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            await peer.send(
                frame(HEADERS, 0, 1, peer.block()), *(frame(CONTINUATION, 0, 1, bytes(4000)) for _ in range(5))
            )
            assert await peer.sent_away() is ErrorCode.ENHANCE_YOUR_CALM

    run(body())
