"""Peers of a port that speaks TLS: garbage, half a handshake, no encryption. None of them gets as far as the protocol, or stays."""

from __future__ import annotations

import ssl

import pytest

from error_daemon.calls import Transport
from error_daemon.rpc.wire.frames import PREFACE, settings
from tests.fakes.authority import Authority
from tests.fakes.shown_credentials import Shown
from tests.rpc.wire_hostile.hostile_world import hostile_world, run

HELLO = bytes.fromhex("16030100c8010000c40303") + bytes(40)  # the begin of a ClientHello of 200 bytes


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Transport:
    return Transport(Shown(Authority(tmp_path_factory.mktemp("tls") / "authority").issue("localhost")))


def client() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


@pytest.mark.parametrize(
    "sent",
    [b"\0" * 10_000, PREFACE + settings({}), b"GET / HTTP/1.1\r\n\r\n", HELLO[:5], HELLO, b""],
    ids=["garbage", "no TLS", "HTTP/1.1", "the head of a hello", "half a hello", "nothing"],
)
def test_what_is_no_handshake_ends_and_the_others_are_served(tls: Transport, sent: bytes) -> None:
    async def body() -> None:
        async with hostile_world(tls, greeting_s=0.2) as world:
            bad = [await world.raw() for _ in range(20)]
            for peer in bad:
                await peer.send(sent)
            other = await world.peer(tls=client())
            assert await other.answer(1) == b"cba"
            for peer in bad:
                await peer.read_to_the_end()
            assert await other.answer(3) == b"cba"
            assert world.connections == 1

    run(body())


def test_the_limits_are_the_same_behind_tls(tls: Transport) -> None:
    async def body() -> None:
        async with hostile_world(tls) as world:
            peer = await world.peer(tls=client())
            await peer.send(settings({}) * 3000)
            assert (await peer.sent_away()).name == "ENHANCE_YOUR_CALM"
            other = await world.peer(tls=client())
            assert await other.answer(1) == b"cba"

    run(body())
