"""A person is answered when what they did stands on the disk: for every method that only operators may call, whichever service has it."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import replace
from typing import Any

from error_daemon.calls import Call, Method, Service, Shape


def answered_when_kept(
    services: Iterable[Service], acting: Container[str], kept: Callable[[], Awaitable[object]]
) -> list[Service]:
    """`acting`: "service/method" of those with which people act. A method that streams sees to it itself."""
    return [
        replace(
            service,
            methods=tuple(
                _when_kept(method, kept)
                if method.shape is Shape.UNARY and f"{service.name}/{method.name}" in acting
                else method
                for method in service.methods
            ),
        )
        for service in services
    ]


def _when_kept(method: Method, kept: Callable[[], Awaitable[object]]) -> Method:
    async def serve(request: Any, call: Call) -> Any:
        try:
            answer = method.serve(request, call)
            return await answer if inspect.isawaitable(answer) else answer
        finally:  # also where it was refused: it may have acted before
            await kept()

    return replace(method, serve=serve)
