"""Kernel settings: the least that recoveries need.

Beside what /usr/local/lib/sysctl.d/60-error-recovery.conf asks for at boot, which another file may have taken back, there is one that
only a host with fast networks needs: `net.core.netdev_max_backlog`, the packets that wait for a CPU after the card has let go of them.
It should hold what several rings of 4,096 (rings.py) hand over at once; 1,000, the kernel's own default, is less than one of them.
What did not fit is in the second column of /proc/net/softnet_stat.

The file has the settings that were too low, and those that it had before: after a boot it is the file that makes them high enough.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from error_daemon.tuning.change import Change, Plan

FILE = "/etc/sysctl.d/61-error-recovery-tune.conf"
LEAST: Mapping[str, tuple[int, str]] = {
    "net.core.netdev_max_backlog": (16_384, "packets wait here for a CPU; four full rings of a network card fit"),
    "net.core.somaxconn": (4_096, "connections that wait to be accepted, when all clients come back at once"),
    "fs.file-max": (1_048_576, "open files of all processes: 16 times the 65,535 of the daemon"),
    "kernel.pid_max": (4_194_304, "65,535 processes are not possible with the 32,768 of a small host"),
}
_HEAD = "# Made by: error-cli tune sysctl --apply; error-cli tune sysctl --undo takes it back\n"


def plan_sysctls(now: Mapping[str, str | None], saved: str | None) -> Plan:
    """`now`: of each of LEAST; None where the kernel has it not. `saved`: the text of FILE."""
    changes, lacks = [], []
    kept = set(re.findall(r"(?m)^-?([\w.-]+) *=", saved or ""))
    for name, (least, why) in LEAST.items():
        value = now.get(name)
        if value is None or not value.isdecimal():
            lacks.append(f"{name} can't be read here: this kernel, or this container, has it not")
            continue
        proposed = str(max(least, int(value)))
        if proposed != value:
            kept.add(name)
        changes.append(Change("sysctl", f"value:{name}", value, proposed, why, f"sysctl -w {name}={proposed}"))
    text = _HEAD + "".join(f"-{name} = {LEAST[name][0]}\n" for name in LEAST if name in kept)
    if kept:
        changes.append(
            Change("sysctl", f"file:{FILE}", saved, text, "so that it is so after a boot, too", f"write {FILE}")
        )
    return Plan("sysctl", tuple(changes), tuple(lacks))
