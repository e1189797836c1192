"""Probes by kind. What needs D-Bus is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from error_daemon.errors import InputError
from error_daemon.execute.probes.command import CommandProbe
from error_daemon.execute.probes.contract import Look, Probe, Sight
from error_daemon.execute.probes.file import FileProbe
from error_daemon.execute.probes.http import HttpProbe
from error_daemon.execute.probes.process import ProcessProbe
from error_daemon.execute.probes.tcp import TcpProbe
from error_daemon.execute.probes.told import ToldProbe

__all__ = ["Look", "Probe", "Sight", "make"]


def _unit() -> Probe:
    from error_daemon.execute.probes.unit import UnitProbe

    return UnitProbe()


_BUILT_IN: dict[str, Callable[[], Probe]] = {
    "tcp": TcpProbe,
    "http": HttpProbe,
    "exec": CommandProbe,
    "process": ProcessProbe,
    "file": FileProbe,
    "unit": _unit,
    "alert": ToldProbe,
}


def make(kind: str) -> Probe:
    """A probe of this kind. Raises InputError if there is none."""
    maker = _BUILT_IN.get(kind)
    if maker is None:
        raise InputError("kind", f"no probe of kind {kind!r} is known here, but {', '.join(sorted(_BUILT_IN))}")
    return maker()
