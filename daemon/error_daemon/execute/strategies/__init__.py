"""Strategies by kind: those built in, then those that other packages offer as entry points."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import cast

from error_daemon.errors import InputError
from error_daemon.execute.strategies.contract import Context, Result, Strategy

__all__ = ["Context", "Result", "Strategy", "make"]

ENTRY_POINT_GROUP = "error_recovery.strategies"
# modules are imported when they are first asked for: a worker starts sooner
_BUILT_IN = {
    "retry": ("retry", "Retry"),
    "exponential_backoff": ("retry", "Retry"),
    "exec": ("command", "RunCommand"),
    "http": ("request", "SendRequest"),
    "process_restart": ("process_restart", "ProcessRestart"),
}


def make(kind: str) -> Strategy:
    """A strategy of this kind. Raises InputError if nobody offers it."""
    return _maker(kind)()


@lru_cache(maxsize=256)
def _maker(kind: str) -> Callable[[], Strategy]:
    if kind in _BUILT_IN:
        module, name = _BUILT_IN[kind]
        return cast("Callable[[], Strategy]", getattr(import_module(f"{__name__}.{module}"), name))
    from importlib.metadata import entry_points

    offered = entry_points(group=ENTRY_POINT_GROUP)
    for entry in offered:
        if entry.name == kind:
            return cast("Callable[[], Strategy]", entry.load())
    known = ", ".join(sorted({*_BUILT_IN, *(entry.name for entry in offered)}))
    raise InputError("kind", f"no strategy of kind {kind!r} is known here, but {known}")
