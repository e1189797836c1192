"""The program behind `error-cli tune`: what this host has, what is proposed, and the way there and back. Needs no daemon.

`python -m error_daemon.runtime.tuning [show|apply|undo] [AREA ...] [--config FILE]`

One JSON document goes to standard output: `plans` (of each area its changes and what it lacks), `done` (what came of each knob that was
applied or undone), and `kept`, what can be undone now. `problem` instead: nothing was done, and that is why. Exit code 0, unless the
arguments are wrong.

It lives in the daemon because its diagnosis says of the host what is said here, from the same plans; error-cli runs it as it runs the
one behind `error-cli validate`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from error_daemon.errors import ErrorRecoveryError
from error_daemon.model import Json
from error_daemon.runtime.environment import unit_environment
from error_daemon.tuning import carry, firewall, limits, memo, polkit, rings, sysctls
from error_daemon.tuning.change import AREAS, ONLY_BY_NAME, Area, Plan
from error_daemon.tuning.ethtool import cards
from error_daemon.tuning.knobs import Knobs

_ADMIN_PATH = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"
_SETTINGS = "ERROR_RECOVERY_"  # how variables begin that stand for settings
_LIMITS_D = "/etc/security/limits.d"


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parsed(arguments)
    try:
        told = tune(asked.do, asked.areas, asked.config)
    except (ErrorRecoveryError, OSError) as error:
        told = {"problem": str(error)}
    print(json.dumps(told))
    return 0


def tune(do: str, areas: Sequence[str], config: Path | None, knobs: Knobs | None = None) -> dict[str, Json]:
    """Raises Refused, OSError."""
    knobs = knobs or Knobs()
    wanted = [area for area in AREAS if area in areas or not areas]
    done: list[carry.Done] = []
    if do == "apply":
        may = [area for area in wanted if areas or area not in ONLY_BY_NAME]
        changes = [change for plan in plans(may, config, knobs) for change in plan.changes]
        with memo.opened(knobs.root) as kept:
            done = carry.apply(changes, knobs, kept, lambda command: _follow(knobs, command))
    elif do == "undo":
        with memo.opened(knobs.root) as kept:
            done = carry.undo(wanted, knobs, kept, lambda command: _follow(knobs, command))
    return {
        "plans": [asdict(plan) for plan in plans(wanted, config, knobs)],
        "done": [asdict(one) for one in done],
        "kept": [asdict(one) for one in memo.kept_on(knobs.root) if one.area in wanted],
        "only_by_name": sorted(ONLY_BY_NAME),
    }


def _follow(knobs: Knobs, command: str) -> None:
    knobs.command(command.split())


# --- the facts, area by area


def plans(areas: Collection[str], config: Path | None, knobs: Knobs) -> list[Plan]:
    make: dict[str, Callable[[Knobs], Plan]] = {
        "sysctl": sysctl_plan,
        "nic": nic_plan,
        "limits": limits_plan,
        "firewall": lambda knobs: firewall_plan(knobs, config),
        "polkit": lambda knobs: polkit_plan(knobs, config),
    }
    return [_made(area, make[area], knobs) for area in AREAS if area in areas]


def _made(area: Area, make: Callable[[Knobs], Plan], knobs: Knobs) -> Plan:
    try:
        return make(knobs)
    except OSError as error:
        return Plan(area, lacks=(f"could not be looked at: {error}",))


def sysctl_plan(knobs: Knobs) -> Plan:
    now = {name: _read(knobs, f"value:{name}") for name in sysctls.LEAST}
    return sysctls.plan_sysctls(now, _read(knobs, f"file:{sysctls.FILE}"))


def nic_plan(knobs: Knobs) -> Plan:
    found = cards(knobs.root, knobs.rings)
    return rings.plan_rings(found, _read(knobs, f"file:{rings.FILE}"), _program("ethtool"))


def unit_user(knobs: Knobs) -> str:
    """Who the unit runs as; the usual name where nobody says."""
    try:
        said = knobs.command(["systemctl", "show", "--property=User", "--value", limits.UNIT])
    except OSError:
        return limits.USER
    return said.strip() or limits.USER


def limits_plan(knobs: Knobs) -> Plan:
    files = {str(place.relative_to(knobs.root)) for place in knobs.path(_LIMITS_D).glob("*.conf")}
    sessions = {f"/{file}": _read(knobs, f"file:/{file}") for file in sorted(files)}
    if knobs.path(_LIMITS_D).is_dir():
        sessions.setdefault(limits.SESSION_FILE, None)
    return limits.plan_limits(unit_limits(knobs), _read(knobs, f"file:{limits.UNIT_FILE}"), sessions)


def unit_limits(knobs: Knobs) -> dict[str, str] | None:
    """As systemd has them; None where it or the unit is not there."""
    names = ",".join((*limits.UNIT_SETTINGS, "LoadState"))
    try:
        said = knobs.command(["systemctl", "show", f"--property={names}", limits.UNIT])
    except OSError:
        return None
    found = dict(line.partition("=")[::2] for line in said.splitlines())
    return found if found.pop("LoadState", "") == "loaded" else None


def firewall_plan(knobs: Knobs, config: Path | None) -> Plan:
    files = (f"file:{firewall.FILE}", firewall.KNOB, f"file:{firewall.UNIT_FILE}")
    nft = _program("nft")
    rules, problem = printed("--print-firewall", config, knobs) if nft else ("", "")
    return firewall.plan_firewall(rules, problem, {knob: _read(knobs, knob) for knob in files if nft}, nft)


def polkit_plan(knobs: Knobs, config: Path | None) -> Plan:
    has_polkit = knobs.path("/usr/share/polkit-1").is_dir()
    rule, problem = printed("--print-polkit-rule", config, knobs, unit_user(knobs)) if has_polkit else ("", "")
    if not has_polkit or not rule:
        return polkit.plan_polkit(rule, problem, None, has_polkit=has_polkit)
    try:
        saved = knobs.read(f"file:{polkit.FILE}")
    except OSError:
        return Plan("polkit", lacks=(f"only root may read {polkit.FILE}",))
    return polkit.plan_polkit(rule, problem, saved, has_polkit=True)


def printed(option: str, config: Path | None, knobs: Knobs, *values: str) -> tuple[str, str]:
    """What `error_daemon OPTION` prints with the unit's environment, or why it prints nothing."""
    given = ["--config", str(config)] if config else []
    names = {name: value for name, value in unit_environment(knobs.root).items() if name not in os.environ}
    environment = [f"{name}={value}" for name, value in names.items() if name.startswith(_SETTINGS)]
    command = ["env", *environment, sys.executable, "-m", "error_daemon", *given, option, *values]
    try:
        return knobs.command(command), ""
    except OSError as error:
        said = str(error).partition(": ")[2] or str(error)
        return "", f"error_daemon {option} has nothing: {said.removeprefix('error_daemon: ')}"


def _read(knobs: Knobs, name: str) -> str | None:
    """None where it is not there, or may not be read."""
    try:
        return knobs.read(name)
    except OSError:
        return None


def _program(name: str) -> str:
    return shutil.which(name, path=_ADMIN_PATH) or ""


def _parsed(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m error_daemon.runtime.tuning", description=__doc__)
    parser.add_argument("do", nargs="?", choices=("show", "apply", "undo"), default="show")
    parser.add_argument("areas", nargs="*", metavar="AREA")
    parser.add_argument("--config", type=Path, metavar="FILE")
    asked = parser.parse_args(None if arguments is None else list(arguments))
    if unknown := set(asked.areas) - set(AREAS):
        parser.error(f"no such area: {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    sys.exit(main())
