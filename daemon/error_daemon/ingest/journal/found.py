"""Whether there is a journal of systemd on this host, and whether we may read it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

_PATH = "/usr/local/bin:/usr/bin:/bin"
_KEPT = ("run/log/journal", "var/log/journal")


@dataclass(frozen=True, slots=True)
class Host:
    """`root`: where the journal is kept. `program`: journalctl's name, or its path."""

    root: Path = Path("/")
    program: str = "journalctl"


@dataclass(frozen=True, slots=True)
class Found:
    """`program`: the path of journalctl; empty: `why_not`, and what to do about it, where anything can be done."""

    program: str = ""
    why_not: str = ""
    mend: str = ""


def found_on(host: Host) -> Found:
    program = shutil.which(host.program, path=_PATH)
    if program is None:
        return Found(why_not=f"{host.program} is not on this host")
    journals = [path for kept in _KEPT for path in host.root.glob(f"{kept}/*/system.journal")]
    if not journals:
        return Found(why_not="no journal of systemd is kept on this host")
    if not any(os.access(path, os.R_OK) for path in journals):
        mend = "SupplementaryGroups=systemd-journal in the daemon's unit, or `usermod -aG systemd-journal` for its user"
        return Found(why_not="the journal may not be read", mend=mend)
    return Found(program)
