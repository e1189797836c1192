"""What keeps the daemon: whether systemd does, with a watchdog, whether its bus can be reached, and whether polkit lets the daemon's
user do what the definitions ask for."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from error_daemon.definitions.polkit import allowed_actions, polkit_rule
from error_daemon.errors import PermanentError
from error_daemon.model import Definitions, Diagnostic
from error_daemon.runtime.diagnosis.area import Area, some
from error_daemon.tuning.polkit import FILE

_AREA = Area("systemd")
_APPLY = "sudo error-cli tune polkit --apply"
UNREADABLE = "\0"  # of a rule that is there, or may be, and only root may read


@dataclass(frozen=True, slots=True)
class Kept:
    """What the environment says of who keeps this process. `watchdog_s` 0: nobody watches."""

    is_by_systemd: bool
    watchdog_s: float


async def systemd(definitions: Definitions) -> list[Diagnostic]:
    return [
        *judge_keeper(kept_by(os.environ)),
        judge_bus(await bus_problem(), needs_it=bool(allowed_actions(definitions))),
        judge_polkit(definitions, _user(), rule_in_place(Path(FILE)), is_root=os.geteuid() == 0),
    ]


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a number without a name, as in some containers
        return str(os.geteuid())


def kept_by(environment: Mapping[str, str]) -> Kept:
    return Kept("NOTIFY_SOCKET" in environment, int(environment.get("WATCHDOG_USEC", "0")) / 1e6)


def judge_keeper(kept: Kept) -> list[Diagnostic]:
    if not kept.is_by_systemd:
        mend = "systemctl enable --now error-recovery: then it comes back when it dies, and is ended when it hangs"
        return [_AREA.notice("keeper", "nobody restarts this daemon when it dies: it does not run under systemd", mend)]
    found = [_AREA.good("keeper", "systemd restarts it when it dies")]
    if kept.watchdog_s:
        says = f"a loop that hangs for {kept.watchdog_s:g} s is ended and started again"
        return [*found, _AREA.good("watchdog", says, watchdog_s=kept.watchdog_s)]
    return [*found, _AREA.notice("watchdog", "a loop that hangs is not noticed", "WatchdogSec=10s in the unit")]


def judge_bus(problem: str, *, needs_it: bool) -> Diagnostic:
    if not problem:
        return _AREA.good("D-Bus", "the system bus answers")
    if needs_it:
        return _AREA.bad("D-Bus", f"units can't be managed or watched: {problem}", "systemctl status dbus")
    return _AREA.unavailable("D-Bus", f"{problem}; no definition needs it")


def judge_polkit(definitions: Definitions, user: str, rule: str | None, *, is_root: bool) -> Diagnostic:
    """`rule`: what is in its place; None where nothing is, UNREADABLE where only root may read it."""
    units = len(allowed_actions(definitions))
    if is_root:
        return _AREA.good("polkit rule", "the daemon runs as root, and needs none")
    if not units and rule in (None, UNREADABLE):
        return _AREA.good("polkit rule", "no definition manages a unit: none is needed")
    if rule == UNREADABLE:
        return _AREA.unavailable("polkit rule", f"only root may read {FILE}", "sudo error-cli tune polkit")
    if rule is None:
        says = f"there is none, and {some(units, 'unit is', 'units are')} to be managed: systemd will refuse it"
        return _AREA.bad("polkit rule", says, _APPLY)
    if rule != polkit_rule(definitions, user):
        return _AREA.notice("polkit rule", "it is not what the definitions in force ask for", _APPLY)
    return _AREA.good("polkit rule", f"it allows just what the definitions ask for: {some(units, 'unit')}")


def rule_in_place(path: Path) -> str | None:
    try:
        return path.read_text()
    except PermissionError:
        return UNREADABLE
    except OSError:
        return None


async def bus_problem() -> str:
    """Why the system bus can't be reached; empty where it can."""
    units_bus = await asyncio.to_thread(
        import_module, "error_daemon.units.bus"
    )  # takes a while, which the loop has not
    try:
        bus = await units_bus.connect()
    except PermanentError as error:
        return str(error)
    bus.close()
    return ""
