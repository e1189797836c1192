"""Frames that are allowed one by one and an attack by the thousand: their sender is told to calm down, counted, and gone."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from error_daemon.rpc.wire.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    HEADERS,
    PADDED,
    PING,
    PRIORITY,
    SETTINGS,
    WINDOW_UPDATE,
    ErrorCode,
    Setting,
    goaway,
    ping,
    rst_stream,
    settings,
    window_update,
)
from tests.rpc.wire_hostile.hostile_world import Peer, World, data, frame, hostile_world, prefixed, run, until

Flood = Callable[[Peer], bytes]
MANY = 3000
PREFIX = prefixed(bytes(100_000))[:20]  # the begin of a message that never comes


def each_stream(make: Callable[[Peer, int], bytes]) -> Flood:
    """On one new stream after the other."""
    return lambda peer: b"".join(make(peer, 2 * index + 1) for index in range(MANY))


def after_request(method: str, again: bytes, first: bytes = b"") -> Flood:
    return lambda peer: peer.request(1, method) + first + again * MANY


FLOODS: dict[str, Flood] = {
    "rapid reset": each_stream(
        lambda peer, number: peer.request(number, "Hold") + rst_stream(number, ErrorCode.CANCEL)
    ),
    "rapid reset of calls that run": each_stream(
        lambda peer, number: (
            peer.request(number, "Hold") + data(number, prefixed(b""), ends=True) + rst_stream(number, ErrorCode.CANCEL)
        )
    ),
    "made you reset by a window widened by 0": each_stream(
        lambda peer, number: (
            peer.request(number, "Hold")
            + data(number, prefixed(b""), ends=True)
            + frame(WINDOW_UPDATE, 0, number, bytes(4))
        )
    ),
    "made you reset by data after the end": each_stream(
        lambda peer, number: peer.request(number, "Hold") + data(number, prefixed(b""), ends=True) + data(number, b"x")
    ),
    "made you reset by priority of a wrong size": each_stream(
        lambda peer, number: peer.request(number, "Hold") + frame(PRIORITY, 0, number, b"x")
    ),
    "made you reset by a window too wide": each_stream(
        lambda peer, number: peer.request(number, "Hold") + window_update(number, 2**31 - 1)
    ),
    "made you reset by malformed requests": each_stream(
        lambda peer, number: frame(HEADERS, END_HEADERS, number, b"\x82\x82")
    ),
    "requests of something else": each_stream(
        lambda peer, number: frame(HEADERS, END_HEADERS, number, b"\x82\x84\x86")
    ),
    "more calls at once than are allowed": each_stream(lambda peer, number: peer.request(number, "Hold")),
    "settings": lambda _peer: settings({}) * MANY,
    "settings of windows": lambda _peer: (
        (settings({Setting.INITIAL_WINDOW_SIZE: 1}) + settings({Setting.INITIAL_WINDOW_SIZE: 2})) * MANY
    ),
    "acknowledgements of settings": lambda _peer: frame(SETTINGS, ACK, 0) * MANY,
    "pings": lambda _peer: ping(bytes(8), is_ack=False) * MANY,
    "pongs": lambda _peer: ping(bytes(8), is_ack=True) * MANY,
    "priorities": lambda _peer: frame(PRIORITY, 0, 1, bytes(5)) * MANY,
    "unknown frames": lambda _peer: frame(0x42, 0xFF, 7, b"?") * MANY,
    "goodbyes": lambda peer: peer.request(1, "Hold") + goaway(0, ErrorCode.NO_ERROR) * MANY,
    "window updates of the connection": lambda _peer: window_update(0, 1) * MANY,
    "window updates of a stream": after_request("Hold", window_update(1, 1)),
    "window updates of a closed stream": after_request("Nothing", window_update(1, 1)),
    "resets of a closed stream": after_request("Nothing", rst_stream(1, ErrorCode.CANCEL)),
    "header blocks of a closed stream": after_request("Nothing", frame(HEADERS, END_HEADERS, 1, b"\x82")),
    "empty data": after_request("Sum", data(1, b"")),
    "padded data with nothing in it": after_request("Sum", frame(DATA, PADDED, 1, b"\x03\0\0\0")),
    "empty data on a stream that was reset": after_request("Nothing", data(1, b"")),
    "a message in tiny pieces": after_request("Sum", data(1, b"x"), data(1, PREFIX)),
    "a unary message in tiny pieces": after_request("Raw", data(1, b"x"), data(1, PREFIX)),
    "one header block in many frames": lambda peer: (
        frame(HEADERS, 0, 1, peer.block()) + frame(CONTINUATION, 0, 1, b"") * MANY
    ),
    "thousands of settings in one frame": lambda _peer: frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1) * MANY),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_in_enhance_your_calm_and_the_others_are_served(name: str) -> None:
    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            await peer.send(FLOODS[name](peer))
            assert await peer.sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            await world.others_are_served()
            assert world.codes() == [ErrorCode.ENHANCE_YOUR_CALM]
            await nothing_is_left(world)

    run(body())


async def nothing_is_left(world: World) -> None:
    for peer in world.peers:
        peer.hang_up()
    await until(lambda: world.connections == 0 and world.echo.running == 0)
    assert world.echo.begun == world.echo.cancelled


@pytest.mark.parametrize("name", ["pings", "priorities", "settings", "unknown frames", "pongs"])
def test_the_same_frames_over_a_longer_time_are_no_flood(name: str) -> None:
    """A tenth of them every ten seconds."""

    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            whole = FLOODS[name](peer)
            part = whole[: len(whole) // 10]
            for _ in range(10):
                await peer.send(part)
                await peer.send(ping(b"the last", is_ack=False))
                while (await peer.until(PING)).content != b"the last":
                    pass
                world.clock.at += 10.0
            assert world.codes() == []
            assert await peer.answer(1) == b"cba"

    run(body())


def test_a_client_that_widens_its_window_for_what_it_took_is_no_flood() -> None:
    """As gRPC clients do: pings to measure the way, and two window updates for each answer."""

    async def body() -> None:
        async with hostile_world(nuisances=50, nuisances_per_s=0.001) as world:
            peer = await world.peer()
            for index in range(1000):
                number = 2 * index + 1
                await peer.answer(number)
                await peer.send(window_update(0, 8), window_update(0, 1), ping(bytes(8), is_ack=False))
            assert world.codes() == []

    run(body())


def test_what_was_on_its_way_when_a_stream_was_reset_is_no_flood() -> None:
    async def body() -> None:
        async with hostile_world(stream_window=65_536, nuisances=10) as world:
            peer = await world.peer()
            await peer.send(peer.request(1, "Nothing"), data(1, prefixed(b"a fault")) * 5000)
            assert await peer.reset(1) is ErrorCode.NO_ERROR
            assert await peer.answer(3) == b"cba"
            await peer.send(data(1, prefixed(b"a fault")) * 1000)
            assert await peer.sent_away() is ErrorCode.FLOW_CONTROL_ERROR

    run(body())


def test_calls_that_run_are_never_more_than_the_limit_however_many_are_reset() -> None:
    """What is reset is cancelled; until its servicer has noticed, it is still at work."""

    async def body() -> None:
        async with hostile_world(streams=16, nuisances=10_000) as world:
            peer = await world.peer()
            most = 0

            for index in range(200):
                number = 2 * index + 1
                await peer.send(peer.request(number, "Hold"), data(number, prefixed(b""), ends=True))
                await peer.send(rst_stream(number, ErrorCode.CANCEL))
                most = max(most, world.echo.running)
            await until(lambda: world.echo.running == 0)
            assert most <= 16

    run(body())
