"""Peers that take their time: what is not done within its time is given up, and its place is for others. The clock is the test's own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from error_daemon.rpc.wire.frames import (
    DATA,
    HEADERS,
    PING,
    PREFACE,
    SETTINGS,
    ErrorCode,
    Setting,
    head,
    ping,
    settings,
    window_update,
)
from tests.rpc.wire_hostile.hostile_world import Peer, data, frame, hostile_world, prefixed, run, turns, until

MESSAGE = prefixed(b"abc")


@pytest.mark.parametrize("sent", [b"", b"P", PREFACE, PREFACE + frame(SETTINGS, 0, 0)[:8]], ids=len)
def test_a_connection_that_does_not_say_hello_ends(sent: bytes) -> None:
    async def body() -> None:
        async with hostile_world(greeting_s=10.0) as world:
            peer = await world.raw()
            await peer.send(sent)
            await peer.until(SETTINGS)
            await world.pass_time(9.9)
            await world.others_are_served()
            assert world.codes() == []
            await world.pass_time(0.2)
            assert await peer.sent_away() is ErrorCode.SETTINGS_TIMEOUT
            assert world.codes() == [ErrorCode.SETTINGS_TIMEOUT]

    run(body())


HALVES: dict[str, Callable[[Peer], bytes]] = {
    "a frame": lambda peer: peer.request(3, "Sum") + head(100_000, DATA, 0, 3) + bytes(10),
    "the head of a frame": lambda _peer: b"\0\0",
    "a header block": lambda peer: frame(HEADERS, 0, 3, peer.block()[:10]),
    "a frame of a header block": lambda peer: peer.request(3, "Raw", ("x", "y" * 50))[:20],
}


@pytest.mark.parametrize("half", HALVES)
def test_half_of_something_is_not_waited_for_for_ever(half: str) -> None:
    """A byte now and then does not make it longer."""

    async def body() -> None:
        async with hostile_world(request_s=60.0) as world:
            peer = await world.peer()
            await peer.answer(1)
            await peer.send(HALVES[half](peer))
            await turns(5)
            for _ in range(5):
                await world.pass_time(11.0)
                await peer.send(b"\0" if "frame" in half else b"")
                await turns(5)
            assert peer.is_open()
            await world.pass_time(6.0)
            assert await peer.sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            assert world.codes() == [ErrorCode.ENHANCE_YOUR_CALM]
            await world.others_are_served()

    run(body())


def test_frames_that_come_slowly_and_whole_are_taken() -> None:
    async def body() -> None:
        async with hostile_world(request_s=60.0) as world:
            peer = await world.peer()
            await peer.answer(1)
            await peer.send(peer.request(3, "Sum"))
            for index in range(20):
                await peer.send(data(3, MESSAGE)[:6])
                await world.pass_time(30.0)
                await peer.send(data(3, MESSAGE)[6:])
                while world.echo.streamed <= index:
                    await turns(1)
            await peer.send(data(3, b"", ends=True))
            assert (await peer.until(DATA, 3)).content[5:] == b"60"
            assert world.codes() == []

    run(body())


@pytest.mark.parametrize("begin", [b"", MESSAGE[:1], MESSAGE], ids=["nothing", "a byte", "a message without an end"])
@pytest.mark.parametrize("method", ["Raw", "Pour"])
def test_a_request_of_one_message_that_does_not_end_is_given_up(begin: bytes, method: str) -> None:
    async def body() -> None:
        async with hostile_world(request_s=60.0) as world:
            peer = await world.peer()
            await peer.send(peer.request(1, method), data(1, begin) if begin else b"")
            await peer.answer(3)
            await world.pass_time(59.0)
            await peer.send(data(1, begin[1:2]) if len(begin) == 1 else b"")
            await peer.answer(5)
            await world.pass_time(2.0)
            assert await peer.status(1) == "4"  # DEADLINE_EXCEEDED
            assert await peer.reset(1) is ErrorCode.NO_ERROR
            assert await peer.answer(7) == b"cba"

    run(body())


def test_answers_that_are_not_taken_are_given_up() -> None:
    """A window of nothing; or one that is widened by a byte a second."""

    async def body() -> None:
        async with hostile_world(request_s=60.0) as world:
            peer = await world.peer({Setting.INITIAL_WINDOW_SIZE: 0})
            for number in range(1, 41, 2):
                await peer.send(peer.request(number, "Large"), data(number, prefixed(b"100000"), ends=True))
            await until(lambda: world.held_bytes > 2_000_000)
            await world.pass_time(1.0)
            for _ in range(59):
                await world.pass_time(1.0)
                await peer.send(window_update(1, 1))
                await turns(3)
            assert world.held_bytes > 2_000_000
            await world.pass_time(2.0)
            assert await peer.reset(1) is ErrorCode.CANCEL
            assert world.held_bytes < 20_000
            await world.others_are_served()

    run(body())


def test_a_stream_whose_reader_is_slow_goes_on() -> None:
    """Nobody waits for it, and it holds one answer."""

    async def body() -> None:
        async with hostile_world(request_s=60.0) as world:
            peer = await world.peer({Setting.INITIAL_WINDOW_SIZE: 10})
            await peer.send(peer.request(1, "Pour"), data(1, prefixed(b"20"), ends=True))
            assert len((await peer.until(DATA, 1)).content) == 10
            for _ in range(5):
                await world.pass_time(50.0)
                await peer.send(window_update(1, 10))
                assert len((await peer.until(DATA, 1)).content) <= 10
            assert world.held_bytes < 10_000

    run(body())


def full_socket(peer: Peer) -> bytes:
    """Answers to calls without an end, to somebody who does not read."""
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return (
        settings({Setting.INITIAL_WINDOW_SIZE: 2**31 - 1})
        + window_update(0, 2**30)
        + peer.request(1, "Pour")
        + data(1, prefixed(b"100000"), ends=True)
    )


def test_a_peer_that_does_not_read_is_cut_off() -> None:
    async def body() -> None:
        async with hostile_world(answer_s=20.0) as world:
            peer = await world.peer()
            await peer.send(full_socket(peer))
            await until(lambda: world.held_bytes > 100_000)
            held_bytes = world.held_bytes
            await world.pass_time(19.0)
            await world.others_are_served()
            assert world.held_bytes <= held_bytes < 8_000_000
            await world.pass_time(2.0)
            await until(lambda: world.connections == 0)
            assert world.codes() == [ErrorCode.ENHANCE_YOUR_CALM]

    run(body())


def test_a_peer_that_does_not_read_its_farewell_is_cut_off() -> None:
    async def body() -> None:
        async with hostile_world(answer_s=20.0) as world:
            peer = await world.peer()
            await peer.send(full_socket(peer))
            await until(lambda: world.held_bytes > 100_000)
            next(iter(world.server.connections)).end(ErrorCode.ENHANCE_YOUR_CALM, "go")
            await world.pass_time(19.0)
            assert world.connections == 1
            await world.pass_time(2.0)
            await until(lambda: world.connections == 0)
            assert world.codes() == [ErrorCode.ENHANCE_YOUR_CALM]

    run(body())


@pytest.mark.parametrize("answers", [True, False])
def test_a_silent_peer_is_asked_whether_it_is_there(answers: bool) -> None:
    async def body() -> None:
        async with hostile_world(idle_ping_s=60.0, answer_s=20.0) as world:
            peer = await world.peer()
            await peer.answer(1)
            await world.pass_time(61.0)
            asked = await peer.until(PING)
            if answers:
                await peer.send(ping(asked.content, is_ack=True))
                await turns(5)
            await world.pass_time(21.0)
            assert world.connections == (1 if answers else 0)
            assert world.codes() == []

    run(body())


def test_a_flood_of_connections_takes_the_places_of_those_that_do_nothing() -> None:
    async def body() -> None:
        async with hostile_world(connections=20) as world:
            works, idle = await world.peer(), await world.peer()
            await works.send(works.request(1, "Hold"), data(1, MESSAGE, ends=True))
            await idle.answer(1)
            await until(lambda: world.echo.running == 1)
            flood = []
            for _ in range(100):
                world.clock.at += 0.001
                flood.append(await world.peer())
                await turns(2)
            await world.others_are_served()
            assert world.connections <= 21
            assert await idle.answer(3) == b"cba"  # it has called something once
            assert await works.answer(3) == b"cba"
            assert await flood[0].sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            assert len(world.codes()) == 100 - 18 + 1

    run(body())


def test_whoever_called_last_keeps_its_place_and_the_others_may_come_again() -> None:
    async def body() -> None:
        async with hostile_world(connections=3) as world:
            peers = []
            for _ in range(3):
                peers.append(await world.peer())
                world.clock.at += 1.0
                await peers[-1].answer(1)
            world.clock.at += 1.0
            await peers[0].answer(3)
            await world.others_are_served()
            assert await peers[1].sent_away() is ErrorCode.NO_ERROR
            assert await peers[0].answer(5) == await peers[2].answer(5) == b"cba"
            assert world.codes() == []

    run(body())


def test_where_everybody_works_a_newcomer_is_told_that_there_is_no_place() -> None:
    async def body() -> None:
        async with hostile_world(connections=3) as world:
            for _ in range(3):
                peer = await world.peer()
                await peer.send(peer.request(1, "Hold"), data(1, MESSAGE, ends=True))
            await until(lambda: world.echo.running == 3)
            assert await (await world.peer()).sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            assert world.codes() == [ErrorCode.ENHANCE_YOUR_CALM]
            assert await peer.answer(3) == b"cba"

    run(body())
