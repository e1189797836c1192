"""Observers by kind. What needs D-Bus is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from error_daemon.errors import InputError
from error_daemon.execute.observers.command import CommandObserver
from error_daemon.execute.observers.contract import Look, Observer, Seen
from error_daemon.execute.observers.files import FilesObserver
from error_daemon.execute.observers.http import HttpObserver
from error_daemon.execute.observers.process import ProcessObserver
from error_daemon.execute.observers.sql import SqlObserver

__all__ = ["Look", "Observer", "Seen", "make"]


def _unit() -> Observer:
    from error_daemon.execute.observers.unit import UnitObserver

    return UnitObserver()


_BUILT_IN: dict[str, Callable[[], Observer]] = {
    "process": ProcessObserver,
    "unit": _unit,
    "files": FilesObserver,
    "http": HttpObserver,
    "exec": CommandObserver,
    "sql": SqlObserver,
}


def make(kind: str) -> Observer:
    """An observer of this kind. Raises InputError if there is none."""
    maker = _BUILT_IN.get(kind)
    if maker is None:
        raise InputError("kind", f"no observer of kind {kind!r} is known here, but {', '.join(sorted(_BUILT_IN))}")
    return maker()
