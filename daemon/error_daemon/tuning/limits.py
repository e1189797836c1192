"""Open files and processes: 65,535 of each (A3), for the unit and for sessions of its user.

The shipped unit and the shipped limits.d file say so already. What is planned here is for a host where something has taken it back: a
drop-in of somebody's, a default of systemd, an edited file. A limit of the unit is in force with the daemon's next start.
"""

from __future__ import annotations

from collections.abc import Mapping

from error_daemon.tuning.change import RELOAD_UNITS, Change, Plan

UNIT = "error-recovery.service"
USER = "error-recovery"
WANTED = 65_535
UNIT_FILE = (
    f"/etc/systemd/system/{UNIT}.d/zz-tune-limits.conf"  # drop-ins are read by their names, and the last one wins
)
SESSION_FILE = (
    "/etc/security/limits.d/zz-error-recovery-tune.conf"  # pam_limits reads in this order, and the last one wins
)
UNIT_SETTINGS = ("LimitNOFILE", "LimitNPROC", "TasksMax")
_HEAD = "# Made by: error-cli tune limits --apply; error-cli tune limits --undo takes it back\n"
_WHY = {
    "LimitNOFILE": "each connection, worker and watched process is an open file",
    "LimitNPROC": "recoveries start programs",
    "TasksMax": "the same, for the unit as a whole",
}


def plan_limits(unit: Mapping[str, str] | None, unit_file: str | None, sessions: Mapping[str, str | None]) -> Plan:
    """`unit`: its UNIT_SETTINGS as systemd has them; None where systemd or the unit is not there. `sessions`: every file of limits.d by
    its path, SESSION_FILE among them."""
    changes, lacks = [], []
    if unit is None:
        lacks.append(f"systemd does not know {UNIT} here: its limits were not looked at")
    else:
        changes += _of_unit(unit, unit_file)
        still = [
            name
            for name in UNIT_SETTINGS
            if _is_low(unit.get(name, "")) and f"\n{name}={WANTED}\n" in (unit_file or "")
        ]
        lacks += [f"{name} is {unit[name]} in spite of it: see systemctl cat {UNIT}" for name in still]
    if sessions:
        changes.append(_of_sessions(sessions))
    return Plan("limits", tuple(changes), tuple(lacks))


def _of_unit(unit: Mapping[str, str], unit_file: str | None) -> list[Change]:
    low = [name for name in UNIT_SETTINGS if _is_low(unit.get(name, ""))]
    kept = [name for name in UNIT_SETTINGS if name in low or f"\n{name}=" in (unit_file or "")]
    if not kept:
        return [
            Change("limits", f"file:{UNIT_FILE}", unit_file, unit_file, f"its limits are {WANTED:,} or more already")
        ]
    text = _HEAD + "[Service]\n" + "".join(f"{name}={WANTED}\n" for name in kept)
    why = "; ".join(f"{name} is {unit.get(name) or 'unknown'}: {_WHY[name]}" for name in low) or "as it was set"
    does = f"write {UNIT_FILE}, {RELOAD_UNITS}; in force with its next restart"
    return [Change("limits", f"file:{UNIT_FILE}", unit_file, text, why, does, RELOAD_UNITS)]


def _of_sessions(sessions: Mapping[str, str | None]) -> Change:
    saved = sessions.get(SESSION_FILE)
    others = "\n".join(text for path, text in sorted(sessions.items()) if text and path != SESSION_FILE)
    if saved is None and _session_limits(others).issuperset(_ALL):
        why = f"sessions of {USER} have {WANTED:,} or more already"
        return Change("limits", f"file:{SESSION_FILE}", saved, saved, why)
    text = _HEAD + "".join(f"{USER}  {how}  {what}  {WANTED}\n" for how, what in sorted(_ALL))
    why = f"a daemon that is started from a session, by su, cron or a shell, as {USER}"
    return Change("limits", f"file:{SESSION_FILE}", saved, text, why, f"write {SESSION_FILE}")


_ALL = {(how, what) for how in ("hard", "soft") for what in ("nofile", "nproc")}


def _session_limits(text: str) -> set[tuple[str, str]]:
    """Which are high enough. The last line about one decides."""
    found: dict[tuple[str, str], bool] = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if len(words) == 4 and words[0] == USER:
            for how in ("hard", "soft") if words[1] == "-" else (words[1],):
                found[how, words[2]] = not _is_low(words[3])
    return {which for which, is_enough in found.items() if is_enough}


def _is_low(value: str) -> bool:
    """ "infinity", "unlimited", "-1" and what nobody can read are not."""
    return value.isdecimal() and int(value) < WANTED
