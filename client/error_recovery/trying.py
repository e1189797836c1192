"""Recovering on the spot: trying again, and doing without.

    @error_recovery.retry(ConnectionError, attempts=4)
    def stock(): ...

    @error_recovery.fallback([], ConnectionError)
    @error_recovery.retry(ConnectionError)
    def offers(): ...

A try that failed is waited for 0.1 s doubling to 5 s, each with a random part (`wait_s`, `longest_s`). What is reported:

    it worked at once           nothing
    it worked at the third try  one fault: retry_count 2, retry_success; the daemon records it and does nothing
    it never worked             one fault: retry_count 3 (of 4 attempts), and the exception goes on
    a fallback took its place   the fault, with attribute error_recovery.fallback, unless `retry` has reported it

The tries are made by tenacity (the extra `retry`): its rules of when to stop and how long to wait are well kept, it knows plain and async
functions, and a cancel or SIGINT ends its waiting.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from error_recovery.fault import FaultFields, check_fields
from error_recovery.sight import sight, with_attributes

if TYPE_CHECKING:
    from tenacity import AsyncRetrying, RetryCallState, Retrying
    from typing_extensions import Unpack

P = ParamSpec("P")
R = TypeVar("R")
Kinds = tuple[type[BaseException], ...]
FALLBACK = "error_recovery.fallback"


def retry(
    *exceptions: type[BaseException],
    attempts: int = 3,
    wait_s: float = 0.1,
    longest_s: float = 5.0,
    **fields: Unpack[FaultFields],
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Calls the decorated function again after one of these exceptions (default: any `Exception`), `attempts` times in all.

    `fields` are those of `report`. Raises ImportError without tenacity, ValueError and TypeError for wrong fields.
    """
    try:
        import tenacity
    except ImportError as missing:
        raise ImportError("error_recovery.retry needs tenacity: pip install 'error-recovery[retry]'") from missing
    check_fields(fields)
    if attempts < 1:
        raise ValueError(f"attempts {attempts} is too small: use at least 1")
    kinds: Kinds = exceptions or (Exception,)
    rules: dict[str, Any] = {
        "stop": tenacity.stop_after_attempt(attempts),
        "wait": tenacity.wait_exponential(multiplier=wait_s, max=longest_s) + tenacity.wait_random(0, wait_s),
        "retry": tenacity.retry_if_exception_type(kinds),
        "reraise": True,
    }

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            retrying = tenacity.AsyncRetrying(**rules)
            return cast("Callable[P, R]", _retried_async(function, retrying, kinds, fields))
        return _retried(function, tenacity.Retrying(**rules), kinds, fields)

    return decorate


def fallback(
    value: Any, *exceptions: type[BaseException], **fields: Unpack[FaultFields]
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """After one of these exceptions (default: any `Exception`) the decorated function returns `value`; if that is a function, what it
    returns for the exception. `fields` are those of `report`."""
    check_fields(fields)
    kinds: Kinds = exceptions or (Exception,)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        if inspect.iscoroutinefunction(function):
            return cast("Callable[P, R]", _replaced_async(function, value, kinds, fields))

        @functools.wraps(function)
        def replaced(*args: P.args, **more: P.kwargs) -> R:
            try:
                return function(*args, **more)
            except kinds as exc:
                return cast("R", _instead(value, exc, fields))

        return replaced

    return decorate


class _Tries:
    """Of one call: how often it was tried again, and after what."""

    def __init__(self) -> None:
        self.again = 0
        self.after: BaseException | None = None

    def note(self, state: RetryCallState) -> None:
        """Before each wait."""
        self.again = state.attempt_number
        self.after = state.outcome.exception() if state.outcome is not None else None

    def report(self, exc: BaseException | None, fields: FaultFields) -> None:
        """`exc`: what it ended with; None: it worked."""
        told: FaultFields = {**fields, "retry_count": self.again, "retry_success": exc is None}
        sight(exc if exc is not None else self.after, "retry", **told)
        self.after = None  # else it is kept alive by its own traceback


def _retried(function: Callable[P, R], retrying: Retrying, kinds: Kinds, fields: FaultFields) -> Callable[P, R]:
    @functools.wraps(function)
    def retried(*args: P.args, **more: P.kwargs) -> R:
        tries = _Tries()
        try:
            result = retrying.copy(before_sleep=tries.note)(function, *args, **more)
        except kinds as exc:
            tries.report(exc, fields)
            raise
        tries.report(None, fields)
        return result

    return retried


def _retried_async(
    function: Callable[P, Awaitable[R]], retrying: AsyncRetrying, kinds: Kinds, fields: FaultFields
) -> Callable[P, Awaitable[R]]:
    @functools.wraps(function)
    async def retried(*args: P.args, **more: P.kwargs) -> R:
        tries = _Tries()
        try:
            result: Any = await retrying.copy(before_sleep=tries.note)(function, *args, **more)
        except kinds as exc:
            tries.report(exc, fields)
            raise
        tries.report(None, fields)
        return cast("R", result)

    return retried


def _replaced_async(
    function: Callable[P, Awaitable[R]], value: Any, kinds: Kinds, fields: FaultFields
) -> Callable[P, Awaitable[R]]:
    @functools.wraps(function)
    async def replaced(*args: P.args, **more: P.kwargs) -> R:
        try:
            return await function(*args, **more)
        except kinds as exc:
            result = _instead(value, exc, fields)
            return cast("R", await result if inspect.isawaitable(result) else result)

    return replaced


def _instead(value: Any, exc: BaseException, fields: FaultFields) -> Any:
    sight(exc, "fallback", **with_attributes(fields, {FALLBACK: "used"}))
    return value(exc) if callable(value) else value
