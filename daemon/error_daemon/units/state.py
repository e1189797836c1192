"""What systemd says of a unit: LoadState, ActiveState, SubState, Result and the main process, as `systemctl show` has them.

Asking loads the unit if it is not loaded, as `systemctl status` does; nothing is started. A name that is another's alias gives that
other unit, under the name that systemd itself uses for it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timezone

from error_daemon.errors import InputError
from error_daemon.units.bus import SYSTEMD, BusRefusal, SystemBus

MANAGER_PATH = "/org/freedesktop/systemd1"
MANAGER = f"{SYSTEMD}.Manager"
PROPERTIES = "org.freedesktop.DBus.Properties"
_DEPENDENTS = ("RequiredBy", "BoundBy", "ConsistsOf")
_WITH_RESULT = {"service", "socket", "mount", "automount", "swap", "timer", "path", "scope"}


@dataclass(frozen=True, slots=True)
class UnitState:
    """`load`: loaded, not-found, masked, bad-setting, error. `result`: success, exit-code, signal, timeout, start-limit-hit ...; empty
    where its type has none. `main_pid` 0: none."""

    name: str
    path: str
    load: str
    active: str
    sub: str
    result: str = ""
    main_pid: int = 0

    def describe(self) -> str:
        """ "failed/failed, result signal", "active/running, pid 812"."""
        if self.load != "loaded":
            return f"{self.active}/{self.sub}, {self.load}"
        result = f", result {self.result}" if self.result not in ("", "success") else ""
        pid = f", pid {self.main_pid}" if self.main_pid else ""
        return f"{self.active}/{self.sub}{result}{pid}"


async def state_of(bus: SystemBus, unit: str) -> UnitState:
    """Raises NoBus; BusRefusal; InputError if it can't be a unit's name."""
    [listed] = await bus.call(MANAGER_PATH, MANAGER, "ListUnitsByNames", "as", [unit])
    if not listed:
        raise InputError("unit", f"{unit!r} is not the name of a unit")
    name, _, load, active, sub, _, path, *_ = listed[0]
    kind = name.rpartition(".")[2]
    if load != "loaded" or kind not in _WITH_RESULT:
        return UnitState(name, path, load, active, sub)
    result, pid = await asyncio.gather(
        _property(bus, path, kind, "Result", ""),
        _property(bus, path, kind, "MainPID", 0) if kind == "service" else _known(0),
    )
    return UnitState(name, path, load, active, sub, str(result), int(pid))


@dataclass(frozen=True, slots=True)
class UnitHistory:
    """`file_state`: enabled, disabled, static ...; empty where it has no file. `restarts`: by systemd itself, since somebody started it;
    None where its type has none. `active_since`: ISO 8601, UTC; empty where it never was."""

    file_state: str
    restarts: int | None
    active_since: str


async def history_of(bus: SystemBus, state: UnitState) -> UnitHistory:
    """Raises NoBus."""
    kind = state.name.rpartition(".")[2]
    file_state, entered_us, restarts = await asyncio.gather(
        _property(bus, state.path, "unit", "UnitFileState", ""),
        _property(bus, state.path, "unit", "ActiveEnterTimestamp", 0),
        _property(bus, state.path, kind, "NRestarts", -1) if kind == "service" else _known(-1),
    )
    since = datetime.fromtimestamp(int(entered_us) / 1e6, timezone.utc).isoformat() if entered_us else ""
    return UnitHistory(str(file_state), int(restarts) if int(restarts) >= 0 else None, since)


async def running_dependents(bus: SystemBus, unit: str) -> list[str]:
    """What runs, and is stopped or restarted with the unit, be it by way of others. Raises as `state_of`."""
    found: dict[str, str] = {}  # name → ActiveState
    names = [unit]
    while names:
        [listed] = await bus.call(MANAGER_PATH, MANAGER, "ListUnitsByNames", "as", names)
        found.update({name: active for name, _, _, active, *_ in listed})
        paths = [entry[6] for entry in listed]
        lists = await asyncio.gather(*(_names(bus, path, each) for path in paths for each in _DEPENDENTS))
        names = sorted({name for each in lists for name in each} - found.keys())
    return sorted(name for name, active in found.items() if name != unit and active not in ("inactive", "failed"))


async def _names(bus: SystemBus, path: str, name: str) -> list[str]:
    [variant] = await bus.call(path, PROPERTIES, "Get", "ss", f"{SYSTEMD}.Unit", name)
    names: list[str] = variant.value
    return names


def heard_of(path: str) -> str:
    """The match rule for the states of the unit at `path`."""
    return f"type='signal',sender='{SYSTEMD}',path='{path}',interface='{PROPERTIES}',member='PropertiesChanged',arg0='{SYSTEMD}.Unit'"


async def _property(bus: SystemBus, path: str, kind: str, name: str, absent: str | int) -> str | int:
    interface = f"{SYSTEMD}.{kind.capitalize()}"
    try:
        [variant] = await bus.call(path, PROPERTIES, "Get", "ss", interface, name)
    except BusRefusal:
        return absent  # an older systemd, or the unit was unloaded meanwhile
    value: str | int = variant.value
    return value


async def _known(value: int) -> int:
    """In the place of what need not be asked."""
    return value
