"""gRPC servers, synchronous and asyncio:

    grpc.server(pool, interceptors=[ErrorRecoveryInterceptor()])
    grpc.aio.server(interceptors=[AioErrorRecoveryInterceptor()])

Reported is what a method raised, with "/package.Service/Method" as the operation, and what it ended on purpose (`context.abort`)
with INTERNAL, UNKNOWN or DATA_LOSS, the codes of a server that failed; what it ended with others is an answer like any. All four
kinds of calls. An asyncio server runs handlers that are plain functions on threads, and goes by what kind of function it is given:
a plain one is wrapped in a plain one. With which code such a one aborted, its context does not say: that is not reported.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, TypeAlias

import grpc
import grpc.aio

from error_recovery.fault import FaultFields
from error_recovery.integrations.request_facts import request_id
from error_recovery.sight import protected, sight, tell

_WAY = "grpc"
_FAILED = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS)
Behavior: TypeAlias = Callable[[Any, Any], Any]
MAKERS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


class ErrorRecoveryInterceptor(grpc.ServerInterceptor):  # type: ignore[type-arg]
    """For `grpc.server`."""

    def intercept_service(self, continuation: Callable[[Any], Any], details: Any) -> Any:
        return _with_behavior(continuation(details), details, _unary, _stream)


class AioErrorRecoveryInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]
    """For `grpc.aio.server`."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], details: Any) -> Any:
        return _with_behavior(await continuation(details), details, _any_unary, _any_stream)


Told: TypeAlias = Callable[[], FaultFields]
Wrapper: TypeAlias = Callable[[Behavior, Told], Behavior]


def _with_behavior(handler: Any, details: Any, unary: Wrapper, stream: Wrapper) -> Any:
    """The handler with its behavior wrapped; None where the method is unknown."""
    if handler is None:
        return None
    kind = (handler.request_streaming, handler.response_streaming)
    name = f"{'stream' if kind[0] else 'unary'}_{'stream' if kind[1] else 'unary'}"
    wrapped = (stream if kind[1] else unary)(getattr(handler, name), lambda: _fields(details))
    return MAKERS[kind](wrapped, handler.request_deserializer, handler.response_serializer)


def _fields(details: Any) -> FaultFields:
    headers = {name: value for name, value in details.invocation_metadata or () if isinstance(value, str)}
    return {"operation": details.method, "attributes": request_id(headers)}


def _seen(exc: BaseException, context: Any, told: Told) -> None:
    """`abort` raises a bare Exception or an AbortError, having set the code. Never raises."""
    if not ((type(exc) is Exception and not exc.args) or isinstance(exc, grpc.aio.AbortError)):
        sight(exc, _WAY, told=told)
        return
    with protected():
        code = context.code()
        code = grpc.StatusCode.UNKNOWN if code is None else code
        if code in _FAILED or code in [failed.value[0] for failed in _FAILED]:
            fields = told()
            tell(f"{fields['operation']} was ended with {getattr(code, 'name', code)}", _WAY, **fields)


def _any_unary(behavior: Behavior, told: Told) -> Behavior:
    return (_aio_unary if _is_asynchronous(behavior) else _unary)(behavior, told)


def _any_stream(behavior: Behavior, told: Told) -> Behavior:
    return (_aio_stream if _is_asynchronous(behavior) else _stream)(behavior, told)


def _is_asynchronous(behavior: Behavior) -> bool:
    return inspect.iscoroutinefunction(behavior) or inspect.isasyncgenfunction(behavior)


def _unary(behavior: Behavior, told: Told) -> Behavior:
    def watched(request: Any, context: Any) -> Any:
        try:
            return behavior(request, context)
        except BaseException as exc:
            _seen(exc, context, told)
            raise

    return watched


def _stream(behavior: Behavior, told: Told) -> Behavior:
    def watched(request: Any, context: Any) -> Iterator[Any]:
        try:
            yield from behavior(request, context)
        except GeneratorExit:
            raise
        except BaseException as exc:
            _seen(exc, context, told)
            raise

    return watched


def _aio_unary(behavior: Behavior, told: Told) -> Behavior:
    async def watched(request: Any, context: Any) -> Any:
        try:
            return await behavior(request, context)
        except BaseException as exc:
            _seen(exc, context, told)
            raise

    return watched


def _aio_stream(behavior: Behavior, told: Told) -> Behavior:
    """A behavior is an async generator, or a coroutine that writes by itself."""

    async def watched(request: Any, context: Any) -> AsyncIterator[Any]:
        try:
            answers = behavior(request, context)
            if hasattr(answers, "__aiter__"):
                async for answer in answers:
                    yield answer
            else:
                await answers
        except GeneratorExit:
            raise
        except BaseException as exc:
            _seen(exc, context, told)
            raise

    return watched
