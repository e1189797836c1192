"""grpcio's two clients, asked alike: AioClient in the loop, SyncClient in threads. Every call gives a Told."""

from __future__ import annotations

import asyncio
import queue
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc

from tests.rpc.serving import EOF, PATIENCE_S, soon
from tests.rpc.wire.interop import pb2_grpc

OPTIONS = [("grpc.max_receive_message_length", 1 << 22)]


@dataclass
class Told:
    """What became of a call."""

    code: grpc.StatusCode
    details: str
    initial: dict[str, Any]
    trailing: dict[str, Any]
    messages: list[Any] = field(default_factory=list)


class AioClient:
    def __init__(self, channel: Any, stub: Any = None) -> None:
        self.stub = (stub or pb2_grpc.TestServiceStub)(channel)

    async def one(self, name: str, request: Any, **options: Any) -> Told:
        """One answer, to one request or to an iterator of them."""
        call = getattr(self.stub, name)(request, **options)
        messages = []
        with suppress(grpc.aio.AioRpcError):
            messages.append(await soon(call))
        return await _told(call, messages)

    async def many(self, name: str, request: Any, **options: Any) -> Told:
        call = getattr(self.stub, name)(request, **options)
        messages = []
        with suppress(grpc.aio.AioRpcError):
            async for message in call:
                messages.append(message)  # noqa: PERF401
        return await _told(call, messages)

    def talk(self, name: str, **options: Any) -> AioTalk:
        return AioTalk(getattr(self.stub, name)(**options))


async def _told(call: Any, messages: list[Any]) -> Told:
    code = await soon(call.code())
    initial, trailing = await soon(call.initial_metadata()), await soon(call.trailing_metadata())
    return Told(code, await call.details(), _by_key(initial), _by_key(trailing), messages)


class AioTalk:
    def __init__(self, call: Any) -> None:
        self.call = call

    async def send(self, request: Any) -> None:
        await soon(self.call.write(request))

    async def receive(self) -> Any:
        """The next answer; None when there is none."""
        message = await soon(self.call.read())
        return None if message is EOF else message

    async def end(self) -> Told:
        await soon(self.call.done_writing())
        return await self.told()

    def cancel(self) -> None:
        self.call.cancel()

    async def told(self) -> Told:
        return await _told(self.call, [])


class SyncClient:
    def __init__(self, channel: Any, stub: Any = None) -> None:
        self.stub = (stub or pb2_grpc.TestServiceStub)(channel)

    async def one(self, name: str, request: Any, **options: Any) -> Told:
        call = getattr(self.stub, name).future(request, **options)
        return await soon(asyncio.to_thread(_sync_told, call, lambda: [call.result(PATIENCE_S)]))

    async def many(self, name: str, request: Any, **options: Any) -> Told:
        call = getattr(self.stub, name)(request, **options)
        return await soon(asyncio.to_thread(_sync_told, call, lambda: list(call)))

    def talk(self, name: str, **options: Any) -> SyncTalk:
        requests: queue.SimpleQueue[Any] = queue.SimpleQueue()
        return SyncTalk(requests, getattr(self.stub, name)(_taken(requests), **options))


def _taken(requests: queue.SimpleQueue[Any]) -> Iterator[Any]:
    while (request := requests.get()) is not None:
        yield request


def _sync_told(call: Any, messages: Any) -> Told:
    heard = []
    with suppress(grpc.RpcError, grpc.FutureCancelledError):
        heard = messages()
    return Told(call.code(), call.details(), _by_key(call.initial_metadata()), _by_key(call.trailing_metadata()), heard)


def _by_key(metadata: Any) -> dict[str, Any]:
    return {key: value for key, value in metadata or ()}  # noqa: C416  grpc.aio's is no mapping of these


class SyncTalk:
    def __init__(self, requests: queue.SimpleQueue[Any], call: Any) -> None:
        self._requests = requests
        self.call = call

    async def send(self, request: Any) -> None:
        self._requests.put(request)

    async def receive(self) -> Any:
        return await soon(asyncio.to_thread(next, self.call, None))

    async def end(self) -> Told:
        self._requests.put(None)
        return await self.told()

    def cancel(self) -> None:
        self.call.cancel()
        self._requests.put(None)

    async def told(self) -> Told:
        self._requests.put(None)
        return await soon(asyncio.to_thread(_sync_told, self.call, lambda: list(self.call)))


@asynccontextmanager
async def aio_client(address: str, stub: Any = None, **options: Any) -> AsyncIterator[AioClient]:
    async with grpc.aio.insecure_channel(address, options=OPTIONS, **options) as channel:
        yield AioClient(channel, stub)


@asynccontextmanager
async def sync_client(address: str, stub: Any = None, **options: Any) -> AsyncIterator[SyncClient]:
    channel: Any = grpc.insecure_channel(address, options=OPTIONS, **options)
    try:
        yield SyncClient(channel, stub)
    finally:
        await asyncio.to_thread(channel.close)


CLIENTS: dict[str, Any] = {"aio": aio_client, "sync": sync_client}
