"""
Peers that make the server keep things: half of a frame, requests without an end, answers that they do not take.

What is kept is measured twice: by the server's account (held_bytes), and by tracemalloc for all that rpc/wire and hpack have allocated.
The account must be true to half as much again: a peer that finds something that costs ten times what is counted would have its way.
"""

from __future__ import annotations

import gc
import gzip
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable

import pytest

from error_daemon.rpc.wire.frames import (
    DATA,
    END_HEADERS,
    HEADERS,
    ErrorCode,
    Setting,
    head,
    ping,
    settings,
    window_update,
)
from error_daemon.rpc.wire.header_blocks import literal
from tests.rpc.wire_hostile.hostile_world import (
    MESSAGE_BYTES,
    Peer,
    World,
    data,
    frame,
    hostile_world,
    prefixed,
    run,
    turns,
)

MIB = 1 << 20
ALL_BYTES = 4 * MIB
SLACK_BYTES = MIB  # of parts that are always there, and what one turn may add before it is noticed
CONNECTION_BYTES = 8192  # each, when it does nothing
Hoard = Callable[[World, Peer], Awaitable[None]]


async def half_a_frame(_world: World, peer: Peer) -> None:
    await peer.send(peer.request(1, "Sum"), head(256 * 1024, DATA, 0, 1), bytes(255 * 1024))


async def half_a_header_block(_world: World, peer: Peer) -> None:
    await peer.send(frame(HEADERS, 0, 1, peer.block("Raw", ("x", "y" * 11_000))))


async def requests_without_a_body(_world: World, peer: Peer) -> None:
    for index in range(100):
        fields = b"".join(literal(b"x-%d" % field, b"%d" % index) for field in range(150))
        block = peer.block() + fields
        await peer.send(frame(HEADERS, END_HEADERS, 2 * index + 1, block))


async def requests_with_large_fields(_world: World, peer: Peer) -> None:
    for index in range(100):
        await peer.send(peer.request(2 * index + 1, "Deaf", ("x", f"{index:07000}")))


async def messages_without_an_end(_world: World, peer: Peer) -> None:
    for index in range(20):
        begin = prefixed(bytes(MESSAGE_BYTES))[:200_000]
        await peer.send(peer.request(2 * index + 1, "Raw"), data(2 * index + 1, begin))


async def messages_that_nobody_takes(_world: World, peer: Peer) -> None:
    for index in range(20):
        await peer.send(peer.request(2 * index + 1, "Deaf"), data(2 * index + 1, prefixed(b"ab") * 30_000))


async def empty_messages_that_nobody_takes(_world: World, peer: Peer) -> None:
    for index in range(20):
        await peer.send(peer.request(2 * index + 1, "Deaf"), data(2 * index + 1, prefixed(b"") * 40_000))


async def packed_messages_that_nobody_takes(_world: World, peer: Peer) -> None:
    packed = prefixed(gzip.compress(bytes(MESSAGE_BYTES)), is_compressed=True)
    for index in range(40):
        number = 2 * index + 1
        await peer.send(peer.request(number, "Deaf", ("grpc-encoding", "gzip")), data(number, packed))


async def answers_that_are_not_taken(_world: World, peer: Peer) -> None:
    for index in range(40):
        number = 2 * index + 1
        await peer.send(peer.request(number, "Large"), data(number, prefixed(b"%d" % 500_000), ends=True))


async def answers_that_are_not_read(_world: World, peer: Peer) -> None:
    """Its windows are wide; its socket is full."""
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await peer.send(settings({Setting.INITIAL_WINDOW_SIZE: 2**31 - 1}), frame(8, 0, 0, b"\x7f\xff\0\0"))
    for index in range(40):
        number = 2 * index + 1
        await peer.send(peer.request(number, "Large"), data(number, prefixed(b"%d" % 500_000), ends=True))


async def streams_that_are_not_read(_world: World, peer: Peer) -> None:
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await peer.send(settings({Setting.INITIAL_WINDOW_SIZE: 2**31 - 1}), frame(8, 0, 0, b"\x7f\xff\0\0"))
    for index in range(200):
        number = 2 * index + 1
        await peer.send(peer.request(number, "Pour"), data(number, prefixed(b"%d" % 100_000), ends=True))


async def header_blocks_that_are_remembered(_world: World, peer: Peer) -> None:
    """Short ones, each of which means much: a path of 3 KiB by its index, and something else that makes the block a new one."""
    path = f"/{'p' * 3000}"
    await peer.send(peer.request(1, "Raw", ("x", "y")))
    first = peer.encoder.encode(
        [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")]
    )
    await peer.send(head(len(first), HEADERS, 5, 3) + first)
    for index in range(300):
        block = first_indexed(peer, path) + bytes([0x80 | 15 + index % 40, 0x80 | 15 + index // 40])
        await peer.send(head(len(block), HEADERS, 5, 2 * index + 5) + block)


def first_indexed(peer: Peer, path: str) -> bytes:
    return peer.encoder.encode(
        [(":method", "POST"), (":scheme", "http"), (":path", path), ("content-type", "application/grpc")]
    )


HOARDS: dict[str, tuple[Hoard, int]] = {
    hoard.__name__.replace("_", " "): (hoard, peers)
    for hoard, peers in (
        (half_a_frame, 40),
        (half_a_header_block, 320),
        (requests_without_a_body, 8),
        (requests_with_large_fields, 10),
        (messages_without_an_end, 4),
        (messages_that_nobody_takes, 4),
        (empty_messages_that_nobody_takes, 4),
        (packed_messages_that_nobody_takes, 4),
        (answers_that_are_not_taken, 4),
        (answers_that_are_not_read, 4),
        (streams_that_are_not_read, 4),
        (header_blocks_that_are_remembered, 20),
    )
}


@pytest.mark.parametrize("name", HOARDS)
def test_what_peers_hoard_is_bounded_and_the_others_are_served(name: str) -> None:
    hoard, count = HOARDS[name]

    async def body() -> None:
        async with hostile_world(all_held_bytes=ALL_BYTES, held_bytes=2 * MIB, unsent_bytes=2 * MIB) as world:
            before = allocated()
            most_held = most_allocated = 0
            for index in range(count):
                await hoard(world, await world.peer())
                await turns(20)
                most_held = max(most_held, world.held_bytes)
                if index % (count // 4) == count // 4 - 1:
                    most_allocated = max(most_allocated, allocated() - before)
            await world.others_are_served()
            assert most_held <= ALL_BYTES + SLACK_BYTES
            assert most_allocated <= 1.5 * ALL_BYTES + SLACK_BYTES + CONNECTION_BYTES * world.connections
            print(f"{name}: held {most_held}, allocated {most_allocated}, {len(world.codes())} sent away")
            assert set(world.codes()) <= {ErrorCode.ENHANCE_YOUR_CALM}

    tracemalloc.start()
    try:
        run(body())
    finally:
        tracemalloc.stop()


def allocated() -> int:
    """Bytes that live, of what the wire server has asked for."""
    gc.collect()
    places = [tracemalloc.Filter(True, "*/rpc/wire/*"), tracemalloc.Filter(True, "*/hpack/*")]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(places).statistics("filename"))


def test_the_peer_that_holds_most_goes_and_not_whoever_comes_next() -> None:
    async def body() -> None:
        async with hostile_world(all_held_bytes=MIB, held_bytes=MIB) as world:
            greedy, modest = await world.peer(), await world.peer()
            begin = prefixed(bytes(MESSAGE_BYTES))
            await modest.send(modest.request(1), data(1, begin[:200_000]))
            for number in (1, 3, 5):
                await greedy.send(greedy.request(number), data(number, begin[:250_000]))
            await greedy.send(ping(bytes(8), is_ack=False))
            await greedy.until(6)
            await modest.send(modest.request(3), data(3, begin[:200_000]))
            assert await greedy.sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            assert await modest.answer(7) == b"cba"
            assert len(world.codes()) == 1

    run(body())


def test_one_peer_is_refused_calls_beyond_its_share() -> None:
    async def body() -> None:
        async with hostile_world(held_bytes=MIB) as world:
            peer = await world.peer()
            for index in range(6):
                number = 2 * index + 1
                await peer.send(peer.request(number), data(number, prefixed(bytes(MESSAGE_BYTES))[:200_000]))
            assert await peer.status(11) == "8"
            assert await peer.answer(13) == b"cba"
            assert world.codes() == []

    run(body())


@pytest.mark.parametrize("packed", ["one member", "two members", "packed twice", "trailing rubbish", "no gzip at all"])
def test_a_gzip_bomb_is_refused_before_it_goes_off(packed: str) -> None:
    bomb = gzip.compress(bytes(64 * MIB))
    bodies = {
        "one member": bomb,
        "two members": gzip.compress(b"a") + bomb,
        "packed twice": gzip.compress(bomb + bomb),
        "trailing rubbish": gzip.compress(b"a") + bytes(10_000),
        "no gzip at all": zlib.compress(bytes(1000)),
    }
    code = {"one member": "8", "packed twice": "0"}.get(packed, "13")

    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer({Setting.INITIAL_WINDOW_SIZE: MIB})
            await peer.send(window_update(0, MIB))
            fields = ("grpc-encoding", "gzip")
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            await peer.send(
                peer.request(1, "Raw", fields), data(1, prefixed(bodies[packed], is_compressed=True), ends=True)
            )
            assert await peer.status(1) == code
            assert tracemalloc.get_traced_memory()[1] - before < 4 * MESSAGE_BYTES
            await world.others_are_served()

    tracemalloc.start()
    try:
        run(body())
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("size", [MESSAGE_BYTES + 1, 2**32 - 1])
def test_a_message_that_says_that_it_is_too_large_is_refused_by_its_first_bytes(size: int) -> None:
    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            await peer.send(peer.request(1), data(1, b"\0" + size.to_bytes(4, "big")))
            assert await peer.status(1) == "8"
            assert await peer.reset(1) is ErrorCode.NO_ERROR
            await peer.send(data(1, bytes(100_000)))  # it was on its way
            assert await peer.answer(3) == b"cba"

    run(body())
