"""Starlette, FastAPI, and any other ASGI application.

    app.add_middleware(ErrorRecoveryMiddleware)                            # Starlette, FastAPI
    Starlette(middleware=[Middleware(ErrorRecoveryMiddleware)])
    application = ErrorRecoveryMiddleware(application)                     # any ASGI application

What escapes the application is reported and goes on, so that the framework answers as ever. An answer with 500 that an exception handler
of the application made is reported too. Also of what runs after the answer: background tasks, streams. Of requests and websockets.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
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
        has_failed, root = False, scope.get("root_path", "")

        async def watched(message: Message) -> None:
            nonlocal has_failed
            has_failed = has_failed or (message["type"] == "http.response.start" and message["status"] == FAILED)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException as exc:
            if part_that_is_fault(exc) is not None:
                sight(exc, _WAY, **_fields(scope, root))
            raise
        if has_failed:
            answered(_WAY, lambda: _fields(scope, root))


def _fields(scope: Message, root: str) -> FaultFields:
    try:
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        method = "websocket" if scope["type"] == "websocket" else scope.get("method", "")
        return {"operation": operation(method, _route(scope, root)), "attributes": request_id(headers)}
    except Exception:  # noqa: BLE001  a scope that is not as ASGI says
        return {"operation": operation("", "")}


def _route(scope: Message, root: str) -> str:
    """The pattern of the route behind that of where it is mounted. Routers write what they found into the scope; `root`: what was there
    before."""
    mounted = scope.get("root_path", "").removeprefix(root)
    path = getattr(scope.get("route"), "path", None)
    if isinstance(path, str):
        return _with_names(mounted, scope) + path
    return _with_names(scope.get("path", ""), scope) if "endpoint" in scope else ""


def _with_names(path: str, scope: Message) -> str:
    """A path with the names of its parameters in the place of their values."""
    names = {str(value): name for name, value in scope.get("path_params", {}).items()}
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in path.split("/"))
