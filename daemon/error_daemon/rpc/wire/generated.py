"""
Generated servicers, as they come from protoc and from the libraries (health, reflection, OpenTelemetry), as services of ours.

    services_of(lambda to: add_HealthServicer_to_server(servicer, to))

They are given a context that knows what such servicers use; what else grpc.aio's has is not there, and says so by AttributeError.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, NoReturn

import grpc
from google.rpc import code_pb2

from error_daemon.ports import Method, Service, Shape
from error_daemon.rpc.status import StatusError
from error_daemon.rpc.wire.wire_call import WireCall

_SHAPES = {
    (False, False): Shape.UNARY,
    (False, True): Shape.SERVER_STREAM,
    (True, False): Shape.CLIENT_STREAM,
    (True, True): Shape.BIDI_STREAM,
}


def services_of(register: Callable[[Any], None]) -> Sequence[Service]:
    """What `register` adds to a grpc server."""
    gathered = _Registry()
    register(gathered)
    return [
        Service(name, tuple(_method(path.rpartition("/")[2], handler) for path, handler in handlers.items()))
        for name, handlers in gathered.services.items()
    ]


class _Registry:
    """The part of grpc.Server that generated code calls."""

    def __init__(self) -> None:
        self.services: dict[str, Mapping[str, Any]] = {}

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        for handler in handlers:
            self.services[handler.service_name()] = handler._method_handlers

    def add_registered_method_handlers(self, _service: str, _handlers: Mapping[str, Any]) -> None:
        """The same again, for servers that look methods up by it."""


class Context:
    """What a servicer may do with its call."""

    def __init__(self, call: WireCall) -> None:
        self._call = call
        self._code = code_pb2.OK
        self._details = ""
        self._written: asyncio.Queue[Any] = asyncio.Queue(1)

    def peer(self) -> str:
        return self._call.peer

    def invocation_metadata(self) -> Sequence[tuple[str, str | bytes]]:
        return tuple(self._call.metadata())

    async def send_initial_metadata(self, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        self._call.initial = tuple(metadata)
        self._call.send_head()

    def set_trailing_metadata(self, metadata: Sequence[tuple[str, str | bytes]]) -> None:
        self._call.trailing = tuple(metadata)

    def set_compression(self, compression: grpc.Compression) -> None:
        self._call.compresses = compression is not grpc.Compression.NoCompression

    def set_code(self, code: grpc.StatusCode) -> None:
        self._code = code.value[0]

    def set_details(self, details: str) -> None:
        self._details = details

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Sequence[tuple[str, str | bytes]] = ()
    ) -> NoReturn:
        if trailing_metadata:
            self.set_trailing_metadata(trailing_metadata)
        raise StatusError(code.value[0], details)

    async def write(self, answer: Any) -> None:
        await self._written.put(answer)

    async def written_by(self, servicer: Awaitable[None]) -> AsyncIterator[Any]:
        """What a servicer writes that is no generator."""
        working: asyncio.Future[Any] = asyncio.ensure_future(servicer)
        try:
            while True:
                getting = asyncio.ensure_future(self._written.get())
                try:
                    await asyncio.wait({working, getting}, return_when=asyncio.FIRST_COMPLETED)
                    if not getting.done():
                        working.result()
                        return
                    yield getting.result()
                finally:
                    getting.cancel()
        finally:
            working.cancel()

    def check(self) -> None:
        """Raises StatusError when the servicer has set another code than OK."""
        if self._code != code_pb2.OK:
            raise StatusError(self._code, self._details)


def _method(name: str, handler: Any) -> Method:
    shape = _SHAPES[handler.request_streaming, handler.response_streaming]
    behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    serve: Callable[[Any, Any], Any] = _streaming(behaviour) if handler.response_streaming else _single(behaviour)
    return Method(name, shape, serve, handler.request_deserializer, handler.response_serializer)


def _single(behaviour: Callable[..., Any]) -> Callable[[Any, WireCall], Any]:
    async def serve(request: Any, call: WireCall) -> Any:
        context = Context(call)
        answer = behaviour(request, context)
        if inspect.isawaitable(answer):
            answer = await answer
        context.check()
        return answer

    return serve


def _streaming(behaviour: Callable[..., Any]) -> Callable[[Any, WireCall], AsyncIterator[Any]]:
    async def serve(request: Any, call: WireCall) -> AsyncIterator[Any]:
        context = Context(call)
        answers = behaviour(request, context)
        if inspect.isasyncgen(answers):
            async for answer in answers:
                yield answer
        elif inspect.isawaitable(answers):
            async for answer in context.written_by(answers):
                yield answer
        else:
            for answer in answers:
                yield answer
        context.check()

    return serve
