"""calls.Server over grpc.aio. Everything of grpc's server stays in this file and aio_*.py; the servicers know nothing of it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any

import grpc
from google.rpc import code_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from error_daemon.calls import Gate, Method, Service, Shape, Transport
from error_daemon.errors import ErrorRecoveryError, TransientError
from error_daemon.listening.unix_socket import for_its_group, refuse_a_living
from error_daemon.model.access import Caller
from error_daemon.rpc.aio_guarded import Guarded
from error_daemon.rpc.aio_transport import PeerReader, renewing, transport_options
from error_daemon.rpc.message_bytes import reader_of, writer_of
from error_daemon.rpc.status import RpcStatus, status_of
from error_daemon.rpc.told_health import SERVICE_NAME, ToldHealth

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_MOST_STREAMS = 256  # calls at once on one connection: each may hold a message of the greatest size
_MOST_CALLS = 1024
_RETRY_AFTER_S = 1.0
OnBug = Callable[[str, BaseException], None]


class _AioCall:
    """calls.Call over a grpc.aio context."""

    __slots__ = ("_context", "caller")

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any], caller: Caller) -> None:
        self._context = context
        self.caller = caller

    @property
    def peer(self) -> str:
        return str(self._context.peer())


class AioServer:
    """`max_message_bytes` bounds each message in. `on_bug(method, exception)` hears of whatever the caller is told no more of than
    INTERNAL."""

    def __init__(
        self,
        max_message_bytes: int,
        on_bug: OnBug,
        gate: Gate,
        transport: Transport = Transport(),  # noqa: B008  a value
    ) -> None:
        self._on_bug = on_bug
        self._gate = gate
        self._transport = transport
        self._peer = PeerReader(gate.reads_tokens, is_encrypted=transport.credentials is not None)
        self._services: list[Service] = []
        self._health = ToldHealth()
        self._server = grpc.aio.server(
            maximum_concurrent_rpcs=_MOST_CALLS,
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_concurrent_streams", _MOST_STREAMS),
                ("grpc.so_reuseport", 0),  # a second daemon on the port is an error, not a silent share of the faults
                ("grpc.keepalive_time_ms", 60_000),
                ("grpc.keepalive_timeout_ms", 20_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                *transport_options(transport),
            ],
        )

    def add(self, service: Service) -> None:
        handlers = {method.name: self._handler(f"{service.name}/{method.name}", method) for method in service.methods}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.name, handlers),))
        self._services.append(service)

    async def start(self, address: str) -> str:
        guarded: Any = Guarded(self._server, self._check)
        health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, guarded)
        names = [service.name for service in self._services]
        all_names = [*names, SERVICE_NAME, reflection.SERVICE_NAME]
        reflected = reflection.aio.ReflectionServicer(all_names)  # type: ignore[attr-defined]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, guarded)
        port = self._bind(address)
        await self._server.start()
        await self._health.begin(names)
        return address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"

    def _bind(self, address: str) -> int:
        credentials = self._transport.credentials
        try:
            if address.startswith("unix:"):
                refuse_a_living(address.removeprefix("unix:"))
            with for_its_group():
                if credentials is None:
                    return int(self._server.add_insecure_port(address))
                return int(self._server.add_secure_port(address, renewing(credentials)))
        except (RuntimeError, OSError) as error:
            mend = "is another daemon running there? `listen` in recovery.conf says where"
            raise TransientError(f"cannot listen on {address} ({error}): {mend}", _RETRY_AFTER_S) from error

    async def tell_health(self, serving: Mapping[str, bool]) -> None:
        """See calls.Server."""
        await self._health.tell(serving)

    async def stop(self, grace_s: float) -> None:
        await self._health.leave()
        await self._server.stop(grace_s)

    # --- one method

    def _admit(self, path: str, context: Any) -> _AioCall:
        return _AioCall(context, self._gate.admit(self._peer(context), path))

    def _check(self, path: str, context: Any) -> bool:
        """Of what grpc itself serves: whether this call may go on; else its status is set."""
        try:
            self._gate.admit(self._peer(context), path)
        except ErrorRecoveryError as error:
            _set_status(context, status_of(error))
            return False
        return True

    def _handler(self, path: str, method: Method) -> grpc.RpcMethodHandler[Any, Any]:
        if method.shape is Shape.UNARY:
            return grpc.unary_unary_rpc_method_handler(self._unary(path, method))
        if method.shape is Shape.SERVER_STREAM:
            return grpc.unary_stream_rpc_method_handler(self._server_stream(path, method))
        if method.shape is Shape.CLIENT_STREAM:
            return grpc.stream_unary_rpc_method_handler(self._client_stream(path, method))
        return grpc.stream_stream_rpc_method_handler(self._bidi_stream(path, method))

    def _unary(self, path: str, method: Method) -> Callable[[bytes, Any], Awaitable[bytes]]:
        read, write, serve = reader_of(method), writer_of(method), method.serve

        async def unary(request: bytes, context: Any) -> bytes:
            try:
                call = self._admit(path, context)
                answer = serve(read(request), call)
                if type(answer) is not bytes and inspect.isawaitable(answer):  # on the fault path asking costs
                    answer = await answer
                return write(answer)
            except Exception as error:  # noqa: BLE001  mapped to a status, and told to on_bug when it is not ours
                return self._refuse(context, method, error)

        return unary

    def _server_stream(self, path: str, method: Method) -> Callable[[bytes, Any], AsyncIterator[bytes]]:
        read, write, serve = reader_of(method), writer_of(method), method.serve

        async def server_stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
            try:
                call = self._admit(path, context)
                async with aclosing(serve(read(request), call)) as answers:
                    yield write(await _first(answers, context))
                    async for answer in answers:
                        yield write(answer)
            except StopAsyncIteration:
                return  # not one answer
            except Exception as error:  # noqa: BLE001
                self._refuse(context, method, error)

        return server_stream

    def _client_stream(self, path: str, method: Method) -> Callable[[AsyncIterator[bytes], Any], Awaitable[bytes]]:
        read, write, serve = reader_of(method), writer_of(method), method.serve

        async def client_stream(requests: AsyncIterator[bytes], context: Any) -> bytes:
            async def messages() -> AsyncIterator[Any]:
                async for request in requests:
                    yield read(request)

            try:
                call = self._admit(path, context)
                return write(await serve(messages(), call))
            except Exception as error:  # noqa: BLE001
                return self._refuse(context, method, error)

        return client_stream

    def _bidi_stream(self, path: str, method: Method) -> Callable[[AsyncIterator[bytes], Any], AsyncIterator[bytes]]:
        read, write, serve = reader_of(method), writer_of(method), method.serve

        async def bidi_stream(requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[bytes]:
            async def messages() -> AsyncIterator[Any]:
                async for request in requests:
                    yield read(request)

            try:
                async with aclosing(serve(messages(), self._admit(path, context))) as answers:
                    async for answer in answers:
                        yield write(answer)
            except Exception as error:  # noqa: BLE001
                self._refuse(context, method, error)

        return bidi_stream

    def _refuse(self, context: Any, method: Method, error: Exception) -> bytes:
        """The status of the call; what is returned is not sent. Not by `context.abort`: the exception that it raises keeps the call
        alive until the collector comes by, and with so many kept streams the peer's connection takes no more calls."""
        status: RpcStatus = status_of(error)
        if status.code == code_pb2.INTERNAL:
            self._on_bug(method.name, error)
        _set_status(context, status)
        return b""


def _set_status(context: Any, status: RpcStatus) -> None:
    context.set_code(_CODES[status.code])
    context.set_details(status.message)
    context.set_trailing_metadata((("grpc-status-details-bin", status.details),))


async def _first(answers: AsyncIterator[Any], context: Any) -> Any:
    """The first answer. However late it is, the caller gets the headers at once, and the servicer has begun by then."""
    first = asyncio.ensure_future(anext(answers))
    try:
        await asyncio.sleep(0)
        if not first.done():
            await context.send_initial_metadata(())
        return await first
    except BaseException:
        first.cancel()  # the caller is gone: a servicer that still runs could not be closed
        await asyncio.wait({first})
        raise
