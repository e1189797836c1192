"""
Generated servicers, as they come from protoc and from the libraries (health, reflection, OpenTelemetry), as services of ours.

    services_of(lambda to: add_HealthServicer_to_server(servicer, to))

As with grpc.aio, a servicer's method may be a coroutine, an asynchronous generator, or a coroutine that reads and writes by its context;
any other is taken for one that blocks, and gets a thread (blocking.py). Their context: context.py. What else grpc's has is not there, and
says so by AttributeError.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from error_daemon.calls import Method, Service, Shape
from error_daemon.rpc.wire.blocking import answer_of, answers_of
from error_daemon.rpc.wire.context import Context
from error_daemon.rpc.wire.wire_call import WireCall

_SHAPES = {
    (False, False): Shape.UNARY,
    (False, True): Shape.SERVER_STREAM,
    (True, False): Shape.CLIENT_STREAM,
    (True, True): Shape.BIDI_STREAM,
}
Serve = Callable[[Any, Any], Any]


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


def _method(name: str, handler: Any) -> Method:
    shape = _SHAPES[handler.request_streaming, handler.response_streaming]
    behaviour = handler.unary_unary or handler.unary_stream or handler.stream_unary or handler.stream_stream
    serve = (_streaming if handler.response_streaming else _single)(behaviour)
    return Method(name, shape, serve, handler.request_deserializer, handler.response_serializer)


def _single(behaviour: Callable[..., Any]) -> Serve:
    if not inspect.iscoroutinefunction(behaviour):
        return answer_of(behaviour)

    async def serve(request: Any, call: WireCall) -> Any:
        context = Context(call, request)
        with context.judged():
            return await behaviour(request, context)

    return serve


def _streaming(behaviour: Callable[..., Any]) -> Serve:
    is_generator = inspect.isasyncgenfunction(behaviour)
    if not is_generator and not inspect.iscoroutinefunction(behaviour):
        return answers_of(behaviour)

    async def serve(request: Any, call: WireCall) -> AsyncIterator[Any]:
        context = Context(call, request)
        begun = behaviour(request, context)
        with context.judged():
            async with aclosing(begun if is_generator else context.written_by(begun)) as answers:
                async for answer in answers:
                    yield answer

    return serve
