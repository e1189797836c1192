"""Every limit is in docs/wire.md, and those that have a setting follow it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from error_daemon.rpc.wire.frames import ErrorCode, Setting
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.runtime.from_settings import wire_limits_of
from error_daemon.settings import RpcSettings, Settings
from tests.rpc.wire_hostile.hostile_world import data, hostile_world, prefixed, run

PAGE = Path(__file__).parents[3] / "docs" / "wire.md"


def test_the_page_has_every_limit() -> None:
    page = PAGE.read_text()
    assert [field.name for field in fields(WireLimits) if f"`{field.name}`" not in page] == []


def test_the_defaults_of_the_settings_are_those_of_the_limits() -> None:
    settings = Settings()
    assert wire_limits_of(settings) == WireLimits(settings.max_message_bytes)


def test_the_settings_are_followed() -> None:
    rpc = RpcSettings(
        connections=7, calls=8, unfinished_bytes=80 << 20, request_timeout="3s", idle_ping="4s", peer_timeout="5s",
        nuisances_per_s=6,
    )  # fmt: skip
    assert wire_limits_of(Settings(rpc=rpc, max_message_bytes=65_536)) == WireLimits(
        65_536, connections=7, streams=8, held_bytes=10 << 20, unsent_bytes=10 << 20, all_held_bytes=80 << 20,
        request_s=3.0, idle_ping_s=4.0, answer_s=5.0, nuisances=60, nuisances_per_s=6,
    )  # fmt: skip


def test_a_peer_that_takes_no_answers_goes_before_they_are_too_many() -> None:
    async def body() -> None:
        async with hostile_world(unsent_bytes=1 << 20) as world:
            peer = await world.peer({Setting.INITIAL_WINDOW_SIZE: 0})
            for number in (1, 3, 5):
                await peer.send(peer.request(number, "Large"), data(number, prefixed(b"400000"), ends=True))
            assert await peer.sent_away() is ErrorCode.ENHANCE_YOUR_CALM
            await world.others_are_served()

    run(body())


def test_calls_beyond_the_limit_are_refused_and_the_others_go_on() -> None:
    async def body() -> None:
        async with hostile_world(streams=2) as world:
            peer = await world.peer()
            await peer.send(peer.request(1, "Each"), peer.request(3, "Each"), peer.request(5, "Each"))
            assert await peer.reset(5) is ErrorCode.REFUSED_STREAM
            await peer.send(data(1, prefixed(b"x"), ends=True))
            assert await peer.status(1) == "0"
            assert await peer.answer(7) == b"cba"
            assert world.codes() == []

    run(body())
