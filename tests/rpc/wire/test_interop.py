"""
gRPC's interoperability test cases (grpc/doc/interop-test-descriptions.md) between grpcio's clients and this server.

Each runs with the synchronous and the asyncio client, to servicers of both kinds; and the same against grpcio's own server, which shows
that the test is right. Two things of theirs are not here, because no servicer of Python can see it: whether a request came packed (it is
counted in bytes instead), and TLS credentials (tests/rpc/test_server_contract.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import grpc
import pytest

from error_daemon.rpc.wire.generated import services_of
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.server import WireServer
from tests.fakes.open_gate import OpenGate
from tests.rpc.serving import Bugs, run, until
from tests.rpc.wire.interop import INITIAL, TRAILING, AsyncTests, PlainTests, pb2, pb2_grpc
from tests.rpc.wire.interop_clients import CLIENTS, OPTIONS

Code = grpc.StatusCode
SERVICERS: dict[str, Callable[[], Any]] = {"aio servicer": AsyncTests, "plain servicer": PlainTests}
REQUEST_BYTES, ANSWER_BYTES = 271_828, 314_159
SENT_SIZES = [27_182, 8, 1_828, 45_904]
ASKED_SIZES = [31_415, 9, 2_653, 58_979]


@asynccontextmanager
async def _wire(servicer: Any) -> AsyncIterator[str]:
    bugs = Bugs()
    limits = WireLimits(max_message_bytes=1 << 20)
    server = WireServer(limits, bugs, lambda _peer, violation: bugs("wire", violation), OpenGate())
    for service in services_of(lambda to: pb2_grpc.add_TestServiceServicer_to_server(servicer, to)):
        server.add(service)
    yield await server.start("127.0.0.1:0")
    await server.stop(0)
    assert bugs.heard == []


@asynccontextmanager
async def _grpcio(servicer: Any) -> AsyncIterator[str]:
    if isinstance(servicer, AsyncTests):
        aio: Any = grpc.aio.server(options=OPTIONS)
        pb2_grpc.add_TestServiceServicer_to_server(servicer, aio)
        port = aio.add_insecure_port("127.0.0.1:0")
        await aio.start()
        yield f"127.0.0.1:{port}"
        await aio.stop(0)
        return
    with ThreadPoolExecutor(8) as threads:
        plain: Any = grpc.server(threads, options=OPTIONS)
        pb2_grpc.add_TestServiceServicer_to_server(servicer, plain)
        port = plain.add_insecure_port("127.0.0.1:0")
        plain.start()
        yield f"127.0.0.1:{port}"
        await asyncio.to_thread(plain.stop(0).wait)


SERVERS: dict[str, Any] = {"wire": _wire, "grpcio": _grpcio}


@dataclass
class World:
    server: str
    address: str
    servicer: Any
    client: Any
    make_client: Any


@pytest.fixture(
    params=[(server, servicer, client) for server in SERVERS for servicer in SERVICERS for client in CLIENTS],
    ids="-".join,
)
def world(request: pytest.FixtureRequest) -> Callable[[], Any]:
    server, kind, client = request.param

    @asynccontextmanager
    async def begun() -> AsyncIterator[World]:
        servicer = SERVICERS[kind]()
        async with SERVERS[server](servicer) as address, CLIENTS[client](address) as made:
            yield World(server, address, servicer, made, CLIENTS[client])

    return begun


def _payload(size: int) -> Any:
    return pb2.Payload(body=bytes(size))


def _sizes(messages: list[Any]) -> list[int]:
    return [len(message.payload.body) for message in messages]


def _asked(*sizes: int, **other: Any) -> Any:
    return pb2.StreamingOutputRequest(
        response_parameters=[pb2.ResponseParameters(size=size) for size in sizes], **other
    )


def test_empty_unary(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            told = await begun.client.one("EmptyCall", pb2.Empty())
            assert (told.code, told.messages) == (Code.OK, [pb2.Empty()])

    run(go())


def test_large_unary(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            asked = pb2.SimpleRequest(response_size=ANSWER_BYTES, payload=_payload(REQUEST_BYTES))
            told = await begun.client.one("UnaryCall", asked)
            assert (told.code, _sizes(told.messages)) == (Code.OK, [ANSWER_BYTES])

    run(go())


def test_client_streaming(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            requests: Iterator[Any] = iter([pb2.StreamingInputRequest(payload=_payload(size)) for size in SENT_SIZES])
            told = await begun.client.one("StreamingInputCall", requests)
            assert told.messages[0].aggregated_payload_size == sum(SENT_SIZES) == 74_922

    run(go())


def test_server_streaming(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            told = await begun.client.many("StreamingOutputCall", _asked(*ASKED_SIZES))
            assert (told.code, _sizes(told.messages)) == (Code.OK, ASKED_SIZES)

    run(go())


def test_ping_pong(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            talk = begun.client.talk("FullDuplexCall")
            for asked, sent in zip(ASKED_SIZES, SENT_SIZES, strict=True):
                await talk.send(_asked(asked, payload=_payload(sent)))
                assert len((await talk.receive()).payload.body) == asked
            assert (await talk.end()).code is Code.OK

    run(go())


def test_empty_stream(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            told = await begun.client.talk("FullDuplexCall").end()
            assert (told.code, told.messages) == (Code.OK, [])

    run(go())


def test_timeout_on_sleeping_server(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            talk = begun.client.talk("FullDuplexCall", timeout=0.05)
            slow = pb2.ResponseParameters(size=1, interval_us=10_000_000)
            await talk.send(pb2.StreamingOutputRequest(response_parameters=[slow], payload=_payload(27_182)))
            assert (await talk.told()).code is Code.DEADLINE_EXCEEDED
            await until(lambda: begun.servicer.running == 0)

    run(go())


def test_cancel_after_begin(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            talk = begun.client.talk("FullDuplexCall")
            talk.cancel()
            assert (await talk.told()).code is Code.CANCELLED
            await until(lambda: begun.servicer.running == 0)
            assert (await begun.client.one("EmptyCall", pb2.Empty())).code is Code.OK

    run(go())


def test_cancel_after_first_response(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            talk = begun.client.talk("FullDuplexCall")
            await talk.send(_asked(ASKED_SIZES[0], payload=_payload(SENT_SIZES[0])))
            assert len((await talk.receive()).payload.body) == ASKED_SIZES[0]
            assert begun.servicer.running == 1
            talk.cancel()
            assert (await talk.told()).code is Code.CANCELLED
            await until(lambda: begun.servicer.running == 0)

    run(go())


SAID = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))


def test_custom_metadata_of_a_unary_call(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            told = await begun.client.one("UnaryCall", pb2.SimpleRequest(response_size=1), metadata=SAID)
            assert told.initial[INITIAL] == "test_initial_metadata_value"
            assert told.trailing[TRAILING] == b"\xab\xab\xab"

    run(go())


def test_custom_metadata_of_a_stream(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            talk = begun.client.talk("FullDuplexCall", metadata=SAID)
            await talk.send(_asked(1))
            assert len((await talk.receive()).payload.body) == 1
            told = await talk.end()
            assert told.initial[INITIAL] == "test_initial_metadata_value"
            assert told.trailing[TRAILING] == b"\xab\xab\xab"

    run(go())


MESSAGES = {
    "status_code_and_message": "test status message",
    "special_status_message": "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
    "percent": "100 % of %41",
}


@pytest.mark.parametrize("case", MESSAGES)
def test_a_status_arrives_with_its_code_and_message(world: Any, case: str) -> None:
    async def go() -> None:
        async with world() as begun:
            status = pb2.EchoStatus(code=Code.UNKNOWN.value[0], message=MESSAGES[case])
            told = await begun.client.one("UnaryCall", pb2.SimpleRequest(response_status=status))
            assert (told.code, told.details, told.messages) == (Code.UNKNOWN, MESSAGES[case], [])
            talk = begun.client.talk("FullDuplexCall")
            await talk.send(_asked(response_status=status))
            told = await talk.told()
            assert (told.code, told.details) == (Code.UNKNOWN, MESSAGES[case])

    run(go())


def test_unimplemented_method(world: Any) -> None:
    async def go() -> None:
        async with world() as begun:
            told = await begun.client.one("UnimplementedCall", pb2.Empty())
            assert told.code is Code.UNIMPLEMENTED
            assert (await begun.client.one("EmptyCall", pb2.Empty())).code is Code.OK

    run(go())


def test_unimplemented_service(world: Any) -> None:
    async def go() -> None:
        async with world() as begun, begun.make_client(begun.address, pb2_grpc.UnimplementedServiceStub) as other:
            assert (await other.one("UnimplementedCall", pb2.Empty())).code is Code.UNIMPLEMENTED

    run(go())


# --- compression: what is packed is seen in what goes over the wire


@dataclass
class Counted:
    """Bytes that went through."""

    address: str
    up: int = 0
    down: int = 0


@asynccontextmanager
async def _counted(address: str) -> AsyncIterator[Counted]:
    host, _, port = address.rpartition(":")
    ends: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: str) -> None:
        with suppress(OSError):
            while chunk := await reader.read(1 << 16):
                setattr(counted, way, getattr(counted, way) + len(chunk))
                writer.write(chunk)
        writer.transport.abort()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        ends.extend((writer, there_writer))
        await asyncio.gather(copy(reader, there_writer, "up"), copy(there_reader, writer, "down"))

    listener = await asyncio.start_server(relay, "127.0.0.1", 0)
    counted = Counted(f"127.0.0.1:{listener.sockets[0].getsockname()[1]}")
    try:
        yield counted
    finally:
        listener.close()
        for end in ends:
            end.transport.abort()
            with suppress(OSError):
                await end.wait_closed()


@pytest.mark.parametrize("is_packed", [True, False])
def test_client_compressed_unary(world: Any, is_packed: bool) -> None:
    async def go() -> None:
        compression = grpc.Compression.Gzip if is_packed else grpc.Compression.NoCompression
        async with (
            world() as begun,
            _counted(begun.address) as counted,
            begun.make_client(counted.address, compression=compression) as client,
        ):
            asked = pb2.SimpleRequest(response_size=1, payload=_payload(REQUEST_BYTES))
            told = await client.one("UnaryCall", asked)
            assert (told.code, _sizes(told.messages)) == (Code.OK, [1])
            assert (counted.up < 20_000) is is_packed

    run(go())


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
def test_client_compressed_streaming(world: Any, compression: grpc.Compression) -> None:
    async def go() -> None:
        async with (
            world() as begun,
            _counted(begun.address) as counted,
            begun.make_client(counted.address, compression=compression) as client,
        ):
            requests = iter([pb2.StreamingInputRequest(payload=_payload(size)) for size in SENT_SIZES])
            told = await client.one("StreamingInputCall", requests)
            assert told.messages[0].aggregated_payload_size == sum(SENT_SIZES)
            assert counted.up < 20_000

    run(go())


@pytest.mark.parametrize("is_packed", [True, False])
def test_server_compressed_unary(world: Any, is_packed: bool) -> None:
    async def go() -> None:
        async with world() as begun, _counted(begun.address) as counted, begun.make_client(counted.address) as client:
            asked = pb2.SimpleRequest(response_size=ANSWER_BYTES, response_compressed=pb2.Flag(value=is_packed))
            told = await client.one("UnaryCall", asked)
            assert (told.code, _sizes(told.messages)) == (Code.OK, [ANSWER_BYTES])
            if begun.server == "wire" or isinstance(begun.servicer, PlainTests):  # grpc.aio's packs no unary answer
                assert (counted.down < 20_000) is is_packed

    run(go())


def test_server_compressed_streaming(world: Any) -> None:
    async def go() -> None:
        async with world() as begun, _counted(begun.address) as counted, begun.make_client(counted.address) as client:
            parameters = [
                pb2.ResponseParameters(size=31_415, compressed=pb2.Flag(value=True)),
                pb2.ResponseParameters(size=92_653, compressed=pb2.Flag(value=False)),
            ]
            told = await client.many("StreamingOutputCall", pb2.StreamingOutputRequest(response_parameters=parameters))
            assert _sizes(told.messages) == [31_415, 92_653]
            assert 92_653 < counted.down < 92_653 + 20_000

    run(go())
