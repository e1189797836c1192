"""The allow-list as rules of nftables: one table, `inet error_recovery`, made by `error_daemon --print-firewall` of the settings.

The rules are kept in a file, loaded at once, and loaded again by the unit before each start of the daemon (`ExecStartPre=-+`): what the
port lets in is settled before somebody listens there. A file is loaded in one step: the table as it was goes, the new one comes.
"""

from __future__ import annotations

from error_daemon.tuning.change import RELOAD_UNITS, Change, Plan
from error_daemon.tuning.limits import UNIT

TABLE = "inet error_recovery"
KNOB = "table:error_recovery"
FILE = "/etc/recovery/firewall.nft"
UNIT_FILE = f"/etc/systemd/system/{UNIT}.d/61-tune-firewall.conf"
_HEAD = "# Made by: error-cli tune firewall --apply; error-cli tune firewall --undo takes it back\n"
_ANEW = f"table {TABLE}\ndelete table {TABLE}\n"  # the first line is for the case that there is none


def plan_firewall(rules: str, problem: str, now: dict[str, str | None], nft: str) -> Plan:
    """`rules`: what the daemon prints; "" where it has none, and `problem` says why. `now`: of each knob. `nft`: path of that program."""
    if not nft:
        return Plan("firewall", lacks=("nft is not installed: there is nothing to load rules with",))
    if not rules:
        return Plan("firewall", lacks=(problem or "the settings ask for no rules",))
    text = _HEAD + _ANEW + rules.rstrip("\n") + "\n"
    drop_in = f"{_HEAD}[Service]\nExecStartPre=-+{nft} -f {FILE}\n"
    values = (
        (f"file:{FILE}", text, "the rules, from the settings", f"write {FILE}", ""),
        (KNOB, text, "who may reach the daemon is settled in the kernel, before a byte is read", f"nft -f {FILE}", ""),
        (
            f"file:{UNIT_FILE}",
            drop_in,
            "so that it is so after a boot, too",
            f"write {UNIT_FILE}, {RELOAD_UNITS}",
            RELOAD_UNITS,
        ),
    )
    return Plan(
        "firewall",
        tuple(
            Change("firewall", knob, now.get(knob), value, why, does, then) for knob, value, why, does, then in values
        ),
    )
