"""
One daemon goes and another comes, on the same port, while clients go on calling: no call fails, and none is served twice.

The clients wait for a connection (wait_for_ready), because between the two nobody listens; they repeat nothing of their own accord. What
grpcio repeats is what GOAWAY and REFUSED_STREAM say was not seen (RFC 9113, 8.7).
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from error_daemon.calls import Call, Method, Server, Service, Shape, Transport
from error_daemon.errors import TransientError
from error_daemon.rpc.wire.frames import GOAWAY, GREATEST_WINDOW, PREFACE
from tests.fakes.open_gate import OpenGate
from tests.rpc.serving import MOST_BYTES, SERVERS, Bugs, connect, run, soon, until
from tests.rpc.wire.calling import message
from tests.rpc.wire.peer import call, data, settings, words

NAME = "error_daemon.tests.Drain"
RESTARTS = 20
OWN_CONNECTION = [("grpc.use_local_subchannel_pool", 1)]


class Counting:
    """Says how often each request was served."""

    def __init__(self) -> None:
        self.served: Counter[bytes] = Counter()
        self.go_on = asyncio.Event()

    def service(self) -> Service:
        def now(request: bytes, _call: Call) -> bytes:
            self.served[request] += 1
            return request

        async def later(request: bytes, _call: Call) -> bytes:
            self.served[request] += 1
            await asyncio.sleep(0.002)
            return request

        async def some(request: bytes, _call: Call) -> AsyncIterator[bytes]:
            self.served[request] += 1
            for _ in range(3):
                await asyncio.sleep(0.001)
                yield request

        async def hold(request: bytes, _call: Call) -> bytes:
            self.served[request] += 1
            await self.go_on.wait()
            return request

        shapes = {"Now": (Shape.UNARY, now), "Later": (Shape.UNARY, later), "Some": (Shape.SERVER_STREAM, some)}
        shapes["Hold"] = (Shape.UNARY, hold)
        return Service(NAME, tuple(Method(name, *how, None, None) for name, how in shapes.items()))


async def _begun(counting: Counting, address: str) -> tuple[Server, str]:
    while True:
        server = SERVERS["wire"](MOST_BYTES, Bugs(), OpenGate(), Transport())
        server.add(counting.service())
        try:
            return server, await server.start(address)
        except TransientError:  # the one before is still closing its port
            await asyncio.sleep(0)


class Clients:
    """Call until they are told to stop, each over a connection of its own."""

    def __init__(self, address: str) -> None:
        self.answered: set[bytes] = set()
        self.failed: list[Any] = []
        self.has_ended = False
        self._address = address

    async def call(self, number: int, name: str) -> None:
        channel: Any
        async with grpc.aio.insecure_channel(self._address, options=OWN_CONNECTION) as channel:
            method = (channel.unary_stream if name == "Some" else channel.unary_unary)(f"/{NAME}/{name}")
            for count in range(1_000_000):
                if self.has_ended:
                    return
                request = b"%d %d" % (number, count)
                try:
                    call = method(request, wait_for_ready=True, timeout=20)
                    heard = [answer async for answer in call] if name == "Some" else [await call]
                    assert heard == [request] * len(heard)
                    self.answered.add(request)
                except grpc.RpcError as error:
                    self.failed.append(error)

    def call_in_thread(self, number: int) -> None:
        channel: Any
        with grpc.insecure_channel(self._address, options=OWN_CONNECTION) as channel:
            method = channel.unary_unary(f"/{NAME}/Now")
            for count in range(1_000_000):
                if self.has_ended:
                    return
                request = b"%d %d" % (number, count)
                try:
                    method(request, wait_for_ready=True, timeout=20)
                    self.answered.add(request)
                except grpc.RpcError as error:
                    self.failed.append(error)


def _join(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("kind", ["Now", "Later", "Some", "threads"])
def test_no_call_fails_and_none_is_served_twice_while_daemons_come_and_go(kind: str) -> None:
    async def go() -> None:
        counting = Counting()
        server, address = await _begun(counting, "127.0.0.1:0")
        clients = Clients(address)
        threads = [threading.Thread(target=clients.call_in_thread, args=(number,)) for number in range(3)]
        if kind == "threads":
            for thread in threads:
                thread.start()
            calling: asyncio.Future[Any] = asyncio.ensure_future(asyncio.to_thread(_join, threads))
        else:
            calling = asyncio.ensure_future(asyncio.gather(*(clients.call(number, kind) for number in range(4))))
        for _ in range(RESTARTS):
            before = len(clients.answered)
            await until(lambda before=before: len(clients.answered) > before + 20 or bool(clients.failed))  # type: ignore[misc]
            stopping = asyncio.ensure_future(server.stop(20))
            await asyncio.sleep(0)
            server, _ = await _begun(counting, address)
            await soon(stopping)
        clients.has_ended = True
        await soon(calling)
        await server.stop(0)
        assert clients.failed == []
        assert clients.answered == counting.served.keys()
        assert set(counting.served.values()) == {1}

    run(go())


def test_a_call_that_takes_its_time_ends_where_it_was_begun() -> None:
    async def go() -> None:
        counting = Counting()
        server, address = await _begun(counting, "127.0.0.1:0")
        async with connect(address) as channel:
            running = asyncio.ensure_future(channel.unary_unary(f"/{NAME}/Hold")(b"a"))
            await until(lambda: counting.served[b"a"] == 1)
            stopping = asyncio.ensure_future(server.stop(20))
            await asyncio.sleep(0)
            other, _ = await _begun(Counting(), address)
            method = channel.unary_unary(f"/{NAME}/Now")
            assert await soon(method(b"b", wait_for_ready=True)) == b"b"
            assert not stopping.done()
            counting.go_on.set()
            assert await soon(running) == b"a"
            await soon(stopping)
            await other.stop(0)
        assert counting.served[b"a"] == 1

    run(go())


async def _goaways(reader: asyncio.StreamReader) -> AsyncIterator[str]:
    while head := await soon(reader.readexactly(9)):
        content = await soon(reader.readexactly(int.from_bytes(head[:3], "big")))
        if head[3] == GOAWAY:
            yield words(GOAWAY, 0, 0, content)


def test_a_peer_that_answers_no_ping_is_left_after_a_moment_and_its_calls_may_end() -> None:
    async def go() -> None:
        counting = Counting()
        server, address = await _begun(counting, "127.0.0.1:0")
        reader, writer = await asyncio.open_connection(*address.split(":"))
        writer.write(PREFACE + settings() + call(1, f"/{NAME}/Hold") + data(1, message(b"a"), ends=True))
        await until(lambda: counting.served[b"a"] == 1)
        stopping = asyncio.ensure_future(server.stop(20))
        said = _goaways(reader)
        assert await anext(said) == f"GOAWAY {GREATEST_WINDOW} NO_ERROR"
        assert await anext(said) == "GOAWAY 1 NO_ERROR"
        assert not stopping.done()
        counting.go_on.set()
        await soon(stopping)
        writer.close()
        await said.aclose()  # type: ignore[attr-defined]

    run(go())


def test_a_server_has_stopped_when_its_servicers_have_ended() -> None:
    async def go() -> None:
        begun, ended = asyncio.Event(), []

        async def hold(request: bytes, _call: Call) -> bytes:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                for _ in range(100):  # what it has to put in order takes turns of the loop
                    await asyncio.sleep(0)
                ended.append(request)
            return request

        server = SERVERS["wire"](MOST_BYTES, Bugs(), OpenGate(), Transport())
        server.add(Service(NAME, (Method("Hold", Shape.UNARY, hold, None, None),)))
        async with connect(await server.start("127.0.0.1:0")) as channel:
            running = channel.unary_unary(f"/{NAME}/Hold")(b"a")
            await soon(begun.wait())
            await server.stop(0)
            assert ended == [b"a"]
            running.cancel()

    run(go())


def test_a_servicer_that_does_not_end_keeps_no_server_from_stopping() -> None:
    async def go() -> None:
        begun, may_end = asyncio.Event(), asyncio.Event()

        async def hold(request: bytes, _call: Call) -> bytes:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                await may_end.wait()
            return request

        server = SERVERS["wire"](MOST_BYTES, Bugs(), OpenGate(), Transport())
        server.add(Service(NAME, (Method("Hold", Shape.UNARY, hold, None, None),)))
        async with connect(await server.start("127.0.0.1:0")) as channel:
            running = channel.unary_unary(f"/{NAME}/Hold")(b"a")
            await soon(begun.wait())
            await soon(server.stop(0))
            may_end.set()
            running.cancel()

    run(go())
