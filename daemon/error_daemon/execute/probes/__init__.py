"""Probes by kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from typing import cast

from error_daemon.errors import InputError
from error_daemon.execute.probes.contract import Look, Probe, Sight

__all__ = ["Look", "Probe", "Sight", "make"]

_BUILT_IN = {
    "tcp": ("tcp", "TcpProbe"),
    "http": ("http", "HttpProbe"),
    "exec": ("command", "CommandProbe"),
    "process": ("process", "ProcessProbe"),
    "file": ("file", "FileProbe"),
}


def make(kind: str) -> Probe:
    """A probe of this kind. Raises InputError if there is none."""
    return _maker(kind)()


@lru_cache(maxsize=64)
def _maker(kind: str) -> Callable[[], Probe]:
    if kind not in _BUILT_IN:
        raise InputError("kind", f"no probe of kind {kind!r} is known here, but {', '.join(sorted(_BUILT_IN))}")
    module, name = _BUILT_IN[kind]
    return cast("Callable[[], Probe]", getattr(import_module(f"{__name__}.{module}"), name))
