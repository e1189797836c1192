"""The steps with which a daemon ends: each is taken, in its order, whatever became of those before it.

What comes late matters most: the audit's last entry, the rows of the record that are still in memory, the ring. A step that fails is a bug
of it alone, and is in the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable

import structlog

_log = structlog.get_logger()
Step = Callable[[], Awaitable[object] | object]


async def take_each(steps: Iterable[tuple[str, Step]]) -> None:
    """Does not raise. A name says what is ended by a step, which may be awaited for."""
    for name, step in steps:
        try:
            ended = step()
            if isawaitable(ended):
                await ended
        except Exception as error:  # noqa: BLE001  what is to be kept is kept by the steps that follow
            _log.critical("bug", problem=f"at the end of {name}", exc_info=error)
