"""What the tests of the services share: a server of each kind on a free port, and bounded waiting."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import grpc
import uvloop

from error_daemon.calls import Gate, Server, Service, Transport
from error_daemon.rpc.aio_server import AioServer
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.server import WireServer
from tests.fakes.open_gate import OpenGate

PATIENCE_S = 20.0  # only ever waited for in full when something is broken
MOST_BYTES = 1 << 16
IN_CLEAR = Transport()
T = TypeVar("T")
Channel = Any  # a grpc.aio.Channel; the stubs know it for a much poorer thing than it is
EOF: Any = vars(grpc.aio)["EOF"]
OnBug = Callable[[str, BaseException], None]
MakeServer = Callable[[int, OnBug, Gate, Transport], Server]


def _wire(max_message_bytes: int, on_bug: OnBug, gate: Gate, transport: Transport) -> Server:
    return WireServer(WireLimits(max_message_bytes), on_bug, lambda _peer, _violation: None, gate, transport)


SERVERS: dict[str, MakeServer] = {
    "grpcio": AioServer,
    "wire": _wire,
}  # every server that there is passes tests/rpc/test_server_contract.py and test_server_security.py


class Bugs:
    """Hears of bugs."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, BaseException]] = []

    def __call__(self, method: str, error: BaseException) -> None:
        self.heard.append((method, error))


def run(body: Coroutine[Any, Any, None]) -> None:
    """On the daemon's own kind of loop."""

    async def bounded() -> None:
        try:
            await asyncio.wait_for(body, 3 * PATIENCE_S)
        except BaseException:
            # What a test leaves open that fails is no news, and uvloop never comes to its end when a warning of it is an error.
            warnings.simplefilter("ignore", ResourceWarning)
            raise

    with warnings.catch_warnings():
        uvloop.run(bounded())


async def soon(awaitable: Awaitable[T]) -> T:
    return await asyncio.wait_for(awaitable, PATIENCE_S)


async def until(is_true: Callable[[], bool]) -> None:
    """Let the loop turn until it is true."""

    async def wait() -> None:
        while not is_true():  # noqa: ASYNC110  what is waited for has no event of its own
            await asyncio.sleep(0.001)

    await soon(wait())


class Secured(str):
    """An address that is reached over TLS. `root`: the certificate of its authority."""

    root: bytes

    def __new__(cls, address: str, root: bytes) -> Secured:
        secured = super().__new__(cls, address)
        secured.root = root
        return secured


def connect(address: str, of: Any = grpc.aio) -> Channel:
    """`of` grpc.aio, or grpc itself: its synchronous client."""
    if isinstance(address, Secured):
        return of.secure_channel(address, grpc.ssl_channel_credentials(address.root))
    return of.insecure_channel(address)


@asynccontextmanager
async def serving(
    services: Sequence[Service],
    *,
    make: MakeServer = AioServer,
    address: str = "127.0.0.1:0",
    bugs: Bugs | None = None,
    gate: Gate | None = None,
) -> AsyncIterator[Channel]:
    """A channel to a server with these services. It must not have met a bug, unless `bugs` are asked for."""
    async with served(services, make=make, address=address, bugs=bugs, gate=gate) as bound, connect(bound) as channel:
        yield channel


@asynccontextmanager
async def served(
    services: Sequence[Service],
    *,
    make: MakeServer = AioServer,
    address: str = "127.0.0.1:0",
    bugs: Bugs | None = None,
    gate: Gate | None = None,
    transport: Transport = IN_CLEAR,
) -> AsyncIterator[str]:
    """The address of such a server."""
    heard = bugs or Bugs()
    server = make(MOST_BYTES, heard, gate or OpenGate(), transport)
    for service in services:
        server.add(service)
    bound = await server.start(address)
    try:
        yield bound
    finally:
        await server.stop(0)
    assert bugs is not None or heard.heard == []


@asynccontextmanager
async def breakable(address: str) -> AsyncIterator[tuple[str, Callable[[], None]]]:
    """An address that leads to this one, and what cuts every connection made through it, as a killed peer does."""
    host, _, port = address.rpartition(":")
    ends: list[asyncio.StreamWriter] = []

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                writer.write(chunk)
        writer.transport.abort()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        ends.extend((writer, there_writer))
        await asyncio.gather(copy(reader, there_writer), copy(there_reader, writer))

    def cut() -> None:
        listener.close()
        for end in ends:
            end.transport.abort()

    listener = await asyncio.start_server(relay, "127.0.0.1", 0)
    try:
        yield f"127.0.0.1:{listener.sockets[0].getsockname()[1]}", cut
    finally:
        cut()
