"""However much one peer has sent at once, the others wait for one of its turns and no more."""

from __future__ import annotations

import pytest

from error_daemon.rpc.wire.frames import HEADERS, PING, window_update
from tests.rpc.wire_hostile.hostile_world import Peer, data, frame, hostile_world, prefixed, run, until

CALLS = 4000


def calls(peer: Peer, count: int) -> bytes:
    """Requests that are valid, and small."""
    return b"".join(
        peer.request(2 * index + 1) + data(2 * index + 1, prefixed(b"x"), ends=True) for index in range(count)
    )


def test_a_call_is_answered_while_thousands_of_another_peer_wait() -> None:
    async def body() -> None:
        async with hostile_world(frames_a_turn=32) as world:
            greedy, other = await world.peer(), await world.peer()
            await other.answer(1)
            greedy.writer.write(calls(greedy, CALLS))
            await until(lambda: world.echo.answered > 1)
            await other.answer(3)
            assert world.echo.answered < CALLS / 2
            await greedy.until(HEADERS, 2 * CALLS - 1)  # and nothing of it is lost
            assert world.echo.answered == CALLS + 2
            assert world.violations == []

    run(body())


def test_a_turn_ends_by_the_clock_too() -> None:
    async def body() -> None:
        async with hostile_world(turn_s=0.001) as world:
            greedy, other = await world.peer(), await world.peer()
            await other.answer(1)

            def take_long() -> None:
                world.clock.at += 0.002  # every call takes longer than a turn

            world.echo.on_raw = take_long
            greedy.writer.write(calls(greedy, 200))
            await until(lambda: world.echo.answered > 2)
            await other.answer(3)
            assert world.echo.answered < 100
            await greedy.until(HEADERS, 399)

    run(body())


@pytest.mark.parametrize("kind", ["tiny data", "window updates", "pongs"])
def test_a_flood_that_is_allowed_keeps_nobody_waiting(kind: str) -> None:
    floods = {
        "tiny data": data(1, prefixed(b"x")) * 10_000,
        "window updates": window_update(0, 1) * 15_000,
        "pongs": frame(PING, 1, 0, bytes(8)) * 15_000,
    }

    async def body() -> None:
        async with hostile_world(frames_a_turn=32, nuisances=100_000) as world:
            greedy, other = await world.peer(), await world.peer()
            await other.answer(1)
            await greedy.send(greedy.request(1, "Sum"))
            greedy.writer.write(floods[kind])
            greedy.writer.write(greedy.request(3) + data(3, prefixed(b"last"), ends=True))
            await other.answer(3)
            assert world.echo.answered == 2  # the flood is not done with
            await greedy.until(HEADERS, 3)
            assert world.violations == []

    run(body())


def test_a_stream_of_thousands_of_messages_keeps_nobody_waiting() -> None:
    async def body() -> None:
        async with hostile_world(frames_a_turn=32) as world:
            greedy, other = await world.peer(), await world.peer()
            await other.answer(1)
            await greedy.send(greedy.request(1, "Sum"))
            greedy.writer.write(data(1, prefixed(b"x") * 20_000))
            await until(lambda: world.echo.streamed > 0)
            await other.answer(3)
            assert world.echo.streamed < 10_000
            await until(lambda: world.echo.streamed == 20_000)

    run(body())
