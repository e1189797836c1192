"""Starlette, FastAPI, and any other ASGI application.

    app.add_middleware(ErrorRecoveryMiddleware)                            # Starlette, FastAPI
    Starlette(middleware=[Middleware(ErrorRecoveryMiddleware)])
    application = ErrorRecoveryMiddleware(application)                     # any ASGI application

What escapes the application is reported and goes on, so that the framework answers as ever. An answer with 500 that an exception handler
of the application made is reported too. Also of what runs after the answer: background tasks, streams. Of requests and websockets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, TypeAlias

from error_recovery.fault import FaultFields
from error_recovery.integrations.request_facts import FAILED, answered, operation, request_id
from error_recovery.sight import part_that_is_fault, sight

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]
_WAY = "asgi"


class ErrorRecoveryMiddleware:
    """Plain ASGI: it does not wrap requests or responses, and costs a call of `send`."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        has_failed, before = False, dict(scope)

        async def watched(message: Message) -> None:
            nonlocal has_failed
            has_failed = has_failed or (message["type"] == "http.response.start" and message["status"] == FAILED)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException as exc:
            if part_that_is_fault(exc) is not None:
                sight(exc, _WAY, told=lambda: _fields(scope, before))
            raise
        if has_failed:
            answered(_WAY, lambda: _fields(scope, before))


def _fields(scope: Message, before: Message) -> FaultFields:
    try:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        method = "websocket" if scope["type"] == "websocket" else scope.get("method", "")
        return {"operation": operation(method, _route(scope, before)), "attributes": request_id(headers)}
    except Exception:  # noqa: BLE001  a scope that is not as ASGI says
        return {"operation": operation("", "")}


def _route(scope: Message, before: Message) -> str:
    """The pattern of the route that was taken, behind that of where it is mounted; never a part of the path, which is the caller's.
    `before`: the scope as it came. Routers write into it what they found, but most not which route: it is looked up again."""
    router = before.get("app") or scope.get("router")
    found = _pattern(getattr(router, "routes", None) or (), before)
    path = getattr(scope.get("route"), "path", None)
    return found or (path if isinstance(path, str) else "")


def _pattern(routes: Iterable[Any], scope: Message) -> str:
    for route in routes:
        match, more = route.matches(scope)
        if match.name == "FULL":
            inner = getattr(route, "routes", None)
            if inner is None:
                return str(route.path)
            behind = _pattern(inner, {**scope, **more})
            return getattr(route, "path", "") + (behind or "/{path}")  # of a foreign application no more is known
    return ""
