"""A piece of code whose escaping exceptions are reported, and go on.

with error_recovery.guard(target="stock-db", operation="sell"):
    sell()

@error_recovery.guard(operation="nightly")
async def nightly(): ...
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from error_recovery.fault import FaultFields, check_fields
from error_recovery.sight import sight

if TYPE_CHECKING:
    from typing_extensions import Unpack

P = ParamSpec("P")
R = TypeVar("R")


class guard:  # noqa: N801  used like a function: with guard(...)
    """Reports what escapes, with these fields (those of `report`), and lets it go on. For `with`, `async with`, and as a decorator of
    plain and async functions; any number of threads may use one at the same time. What is no fault (sight.py) is not
    reported, and nothing twice. Raises ValueError and TypeError for wrong fields: here, and not when something escapes."""

    def __init__(self, **fields: Unpack[FaultFields]) -> None:
        check_fields(fields)
        self._fields = fields

    def __enter__(self) -> guard:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        sight(exc, "guard", **self._fields)

    async def __aenter__(self) -> guard:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        sight(exc, "guard", **self._fields)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", self._around_async(function))

        @functools.wraps(function)
        def guarded(*args: P.args, **more: P.kwargs) -> R:
            with self:
                return function(*args, **more)

        return guarded

    def _around_async(self, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @functools.wraps(function)
        async def guarded(*args: P.args, **more: P.kwargs) -> R:
            with self:
                return await function(*args, **more)

        return guarded
