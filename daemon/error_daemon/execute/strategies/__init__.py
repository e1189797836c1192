"""Strategies by kind: those built in, then those that other packages offer as entry points.

What is built in is imported at once: a worker starts 20 ms later, and the first recovery does not wait for it. Entry points
are looked up when a kind is asked for that is not built in. What needs D-Bus is imported when it is asked for: few hosts have such a
strategy in every worker, and it takes a tenth of a second.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import cast

from error_daemon.errors import InputError
from error_daemon.execute.strategies.command import RunCommand
from error_daemon.execute.strategies.contract import Context, Member, Result, Strategy
from error_daemon.execute.strategies.group_restart import GroupRestart
from error_daemon.execute.strategies.process_restart import ProcessRestart
from error_daemon.execute.strategies.request import SendRequest
from error_daemon.execute.strategies.retry import Retry

__all__ = ["Context", "Member", "Result", "Strategy", "make"]

ENTRY_POINT_GROUP = "error_recovery.strategies"


def _unit() -> Strategy:
    from error_daemon.execute.strategies.unit import UnitAction

    return UnitAction()


_BUILT_IN: dict[str, Callable[[], Strategy]] = {
    "retry": Retry,
    "exponential_backoff": Retry,
    "exec": RunCommand,
    "http": SendRequest,
    "process_restart": ProcessRestart,
    "group_restart": GroupRestart,
    "unit": _unit,
}


def make(kind: str) -> Strategy:
    """A strategy of this kind. Raises InputError if nobody offers it."""
    maker = _BUILT_IN.get(kind)
    return _offered(kind)() if maker is None else maker()


@lru_cache(maxsize=256)
def _offered(kind: str) -> Callable[[], Strategy]:
    from importlib.metadata import entry_points

    offered = entry_points(group=ENTRY_POINT_GROUP)
    for entry in offered:
        if entry.name == kind:
            return cast("Callable[[], Strategy]", entry.load())
    known = ", ".join(sorted({*_BUILT_IN, *(entry.name for entry in offered)}))
    raise InputError("kind", f"no strategy of kind {kind!r} is known here, but {known}")
