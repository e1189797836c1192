"""What asyncio reports is in the log: an exception in a callback, a task whose exception nobody took, a worker's place that is not kept.

By itself the loop writes such things to standard error, through a logger that is not ours. They are bugs of this daemon, or they would
have been caught where they belong; the loop goes on."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

_log = structlog.get_logger()


def log_bugs(loop: asyncio.AbstractEventLoop) -> None:
    loop.set_exception_handler(_reported)


def _reported(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    about = {name: repr(context[name]) for name in ("future", "task", "handle", "protocol") if name in context}
    _log.critical("bug", problem=context.get("message", ""), exc_info=context.get("exception"), **about)


def log_bug(method: str, error: BaseException) -> None:
    """A call of a service ended with what none should raise."""
    _log.critical("bug", method=method, exc_info=error)
