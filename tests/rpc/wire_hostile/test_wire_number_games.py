"""Stream numbers, windows and frames that make no sense, and other protocols: told by the right code, and of no harm to others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from error_daemon.rpc.wire.frames import (
    END_HEADERS,
    HEADERS,
    PREFACE,
    SETTINGS,
    ErrorCode,
    Setting,
    goaway,
    head,
    settings,
    window_update,
)
from tests.rpc.wire_hostile.hostile_world import Peer, data, frame, hostile_world, prefixed, run

LAST = 2**31 - 1
PROTOCOL, CLOSED, FLOW = ErrorCode.PROTOCOL_ERROR, ErrorCode.STREAM_CLOSED, ErrorCode.FLOW_CONTROL_ERROR
CALM, SIZE = ErrorCode.ENHANCE_YOUR_CALM, ErrorCode.FRAME_SIZE_ERROR
GAMES: dict[str, tuple[ErrorCode, Callable[[Peer], bytes]]] = {
    "an even number": (PROTOCOL, lambda peer: peer.request(2)),
    "number 0": (PROTOCOL, lambda peer: peer.request(0)),
    "backwards": (PROTOCOL, lambda peer: peer.request(9) + peer.request(7)),
    "the same again": (CLOSED, lambda peer: peer.request(9, "Nothing", ends=True) + peer.request(9)),
    "one after the last": (PROTOCOL, lambda peer: peer.request(LAST) + peer.request(1)),
    "data on a stream that is idle": (PROTOCOL, lambda _peer: data(5, b"x")),
    "a connection's window too wide": (FLOW, lambda _peer: window_update(0, LAST) * 2),
    "streams' windows too wide": (
        FLOW,
        lambda peer: peer.request(1, "Hold") + window_update(1, LAST - 65_535)
        + settings({Setting.INITIAL_WINDOW_SIZE: 65_536}),
    ),
    "streams' windows too wide for a moment": (
        FLOW,
        lambda peer: peer.request(1, "Hold") + window_update(1, LAST - 65_535)
        + frame(SETTINGS, 0, 0, settings({Setting.INITIAL_WINDOW_SIZE: LAST})[9:]
                + settings({Setting.INITIAL_WINDOW_SIZE: 1})[9:]),
    ),
    "an initial window above all": (FLOW, lambda _peer: settings({Setting.INITIAL_WINDOW_SIZE: LAST + 1})),
    "a frame above the limit": (SIZE, lambda _peer: head(2**24 - 1, 0, 0, 1)),
    "the preface again": (SIZE, lambda _peer: PREFACE),
}  # fmt: skip


@pytest.mark.parametrize("game", GAMES)
def test_a_game_ends_its_connection_with_the_right_code(game: str) -> None:
    code, sent = GAMES[game]

    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            await peer.send(sent(peer))
            assert await peer.sent_away() is code
            assert world.codes() == [code]
            await world.others_are_served()

    run(body())


def test_more_data_than_the_window_of_the_connection_ends_it() -> None:
    async def body() -> None:
        async with hostile_world(connection_window=65_536, stream_window=65_536, frame_bytes=200_000) as world:
            peer = await world.peer()
            await peer.send(peer.request(1, "Deaf"), data(1, bytes(100_000)))
            assert await peer.sent_away() is FLOW
            await world.others_are_served()

    run(body())


def test_more_data_than_the_window_of_a_stream_ends_the_stream_alone() -> None:
    async def body() -> None:
        async with hostile_world(stream_window=65_536) as world:
            peer = await world.peer()
            await peer.send(peer.request(1, "Deaf"), data(1, prefixed(bytes(60_000)) * 2))
            assert await peer.reset(1) is FLOW
            assert await peer.answer(3) == b"cba"

    run(body())


def test_the_last_number_is_served() -> None:
    async def body() -> None:
        async with hostile_world() as world:
            assert await (await world.peer()).answer(LAST) == b"cba"

    run(body())


def test_a_client_that_said_goodbye_is_served_until_its_last_call_has_ended() -> None:
    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.peer()
            await peer.send(peer.request(1, "Each"), data(1, prefixed(b"x")), goaway(0, ErrorCode.NO_ERROR))
            assert await peer.answer(3) == b"cba"
            await peer.send(data(1, b"", ends=True))
            assert await peer.status(1) == "0"
            await peer.closed()
            assert world.codes() == []

    run(body())


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nhost: here\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        bytes(1 << 20),
    ],
    ids=["HTTP/1.1", "TLS", "SSH", "a mebibyte of nothing"],
)
def test_another_protocol_is_turned_away(sent: bytes) -> None:
    async def body() -> None:
        async with hostile_world() as world:
            peer = await world.raw()
            await peer.send(sent)
            await peer.closed()
            assert world.codes() == [PROTOCOL]
            await world.others_are_served()

    run(body())


def test_what_is_remembered_of_streams_that_were_reset_is_bounded() -> None:
    """However many streams are reset, what is remembered of them is bounded."""

    async def body() -> None:
        async with hostile_world(nuisances=10_000) as world:
            peer = await world.peer()
            for index in range(3000):
                number = 2 * index + 1
                await peer.send(frame(HEADERS, END_HEADERS, number, b"\x82\x82"))
            assert await peer.answer(6001) == b"cba"
            connection = next(iter(world.server.connections)).connection
            assert len(connection._table._late_windows) <= 1024
            assert not connection.streams

    run(body())
