"""What grpc brings with it (health, reflection), behind the same gate as our own services.

Its servicers are registered with a server. This stands in for the server, and puts the check before each of their methods.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc

Check = Callable[[str, Any], bool]


class Guarded:
    """`check(path, context)`: whether the call may go on. Where not, it has set its status."""

    def __init__(self, server: Any, check: Check) -> None:
        self._server = server
        self._check = check

    def add_generic_rpc_handlers(self, _handlers: Any) -> None:
        """The same once more, of a generated registration that knows newer servers, too."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Any]) -> None:
        guarded = {name: self._guarded(f"{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, guarded),))

    def _guarded(self, path: str, handler: Any) -> Any:
        read, write = handler.request_deserializer, handler.response_serializer
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(path, handler.unary_unary, write), read)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._stream(path, handler.unary_stream), read, write)
        return grpc.stream_stream_rpc_method_handler(self._stream(path, handler.stream_stream), read, write)

    def _unary(self, path: str, serve: Any, write: Callable[[Any], bytes]) -> Callable[[Any, Any], Awaitable[bytes]]:
        async def unary(request: Any, context: Any) -> bytes:
            return write(await serve(request, context)) if self._check(path, context) else b""

        return unary

    def _stream(self, path: str, serve: Any) -> Any:
        async def written(request: Any, context: Any) -> None:
            if self._check(path, context):
                await serve(request, context)

        async def yielded(request: Any, context: Any) -> AsyncIterator[Any]:
            if self._check(path, context):
                async for answer in serve(request, context):
                    yield answer

        return yielded if inspect.isasyncgenfunction(serve) else written
