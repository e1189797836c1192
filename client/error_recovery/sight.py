"""Reporting what was seen by itself: by hooks, log handlers and integrations, which must never harm the application.

One exception passes several of them on its way: a guard, the framework's signal, its log line, `sys.excepthook`. It is one
fault, so whoever sees it first marks the exception, and for 5 s nobody else reports it. (Not for ever: some programs keep one
exception object and raise it again and again.) What an application reports by `capture` is marked too, and always sent.

No fault: KeyboardInterrupt, SystemExit, GeneratorExit, and cancels of asyncio and of futures. Of a group, the part that is.

Whatever goes wrong in here ends in here; so does what goes wrong while the fields are found, for which there is `told`: an exception
is reported without them then. While a fault is made, others of the same thread are not looked at: printing
an exception runs code of the application, which may log errors of its own.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from error_recovery.fault import FaultFields
from error_recovery.recoveries import recoveries
from error_recovery.shared import shared_reporter

if TYPE_CHECKING:
    from typing_extensions import Unpack

WAY = "error_recovery.way"
_MARK = "_error_recovery_seen_at"
_MARKED_S = 5.0
_NO_FAULTS = (
    KeyboardInterrupt,
    SystemExit,
    GeneratorExit,
    asyncio.CancelledError,
    concurrent.futures.CancelledError,
)

_log = logging.getLogger("error_recovery")


class _Busy(threading.local):
    is_busy = False


_busy = _Busy()


def sight(
    exc: BaseException | None,
    way: str,
    message: str = "",
    told: Callable[[], FaultFields] | None = None,
    **fields: Unpack[FaultFields],
) -> str:
    """Reports an exception that was seen on its `way` ("thread", "logging", ...), if it is a fault and was not reported before.
    `told` finds more fields, asking objects of the application. Its fault_id, else the empty text. Never raises, never blocks."""
    with protected():
        fault = part_that_is_fault(exc)
        if fault is None or _busy.is_busy or is_marked(fault):
            return ""
        fault_id = captured(fault, message, with_attributes({**fields, **_found(told)}, {WAY: way}))
        if exc is not None:
            mark(exc)  # the group, where `fault` is a part of it
        return fault_id
    return ""


def tell(message: str, way: str, **fields: Unpack[FaultFields]) -> str:
    """As `sight`, of something that has no exception."""
    with protected():
        if _busy.is_busy:
            return ""
        with _alone():
            return shared_reporter().report(message, **with_attributes(fields, {WAY: way}))
    return ""


def captured(exc: BaseException | None, message: str, fields: FaultFields) -> str:
    """`Reporter.capture` of the shared reporter, marked and with what the application has for such an exception."""
    if exc is not None:
        fields = with_attributes(fields, recoveries.attributes_of(exc))
    with _alone():
        fault_id = shared_reporter().capture(exc, message, **fields)
    if exc is not None:
        mark(exc)  # only now: what could not be reported here may be by the next who sees it
    return fault_id


def with_attributes(fields: FaultFields, more: Mapping[str, object]) -> FaultFields:
    """The fields with `more` attributes; those that they have already stay what they are."""
    return {**fields, "attributes": {**more, **(fields.get("attributes") or {})}}


def part_that_is_fault(exc: BaseException | None) -> BaseException | None:
    """`exc` itself, the part of a group that is a fault, or None."""
    if exc is None or isinstance(exc, _NO_FAULTS):
        return None
    split = getattr(exc, "subgroup", None)  # BaseExceptionGroup, from Python 3.11 on
    if split is not None and not isinstance(exc, Exception):
        part = split(lambda each: part_that_is_fault(each) is not None)
        return part if isinstance(part, BaseException) else None
    return exc


def mark(exc: BaseException) -> None:
    """Somebody has reported it."""
    with contextlib.suppress(Exception):
        BaseException.__setattr__(exc, _MARK, time.monotonic())  # past what its class makes of attributes


def is_marked(exc: BaseException) -> bool:
    """Whether it was reported a moment ago. (A mark of the future came with an exception of another host.)"""
    seen_at = getattr(exc, _MARK, None)
    return isinstance(seen_at, float) and 0 <= time.monotonic() - seen_at < _MARKED_S


@contextlib.contextmanager
def protected() -> Iterator[None]:
    """What goes wrong inside ends here."""
    try:
        yield
    except Exception as problem:  # noqa: BLE001  the application must not be harmed by what watches it
        with contextlib.suppress(Exception):
            _log.debug("a fault could not be reported: %s", type(problem).__name__)


def _found(told: Callable[[], FaultFields] | None) -> FaultFields:
    with protected(), _alone():
        return told() if told is not None else {}
    return {}


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    was_busy, _busy.is_busy = _busy.is_busy, True
    try:
        yield
    finally:
        _busy.is_busy = was_busy
