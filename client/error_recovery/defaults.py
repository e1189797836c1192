"""Where the daemon is and where faults wait on disk, when nobody said so. (How it is reached securely: security.py.)

address      ERROR_RECOVERY_ADDRESS, else 127.0.0.1:50051; `host:port` or `unix:/path`
spool        ERROR_RECOVERY_SPOOL, else $XDG_STATE_HOME/error-recovery/spool, else ~/.local/state/error-recovery/spool;
             below it one folder for each address, so that faults for one daemon never reach another
"""

from __future__ import annotations

import os
import re
from pathlib import Path

DEFAULT_ADDRESS = "127.0.0.1:50051"


def daemon_address(address: str | None) -> str:
    """The address to use: the one given, else that of the environment, else the daemon's default."""
    return address or os.environ.get("ERROR_RECOVERY_ADDRESS") or DEFAULT_ADDRESS


def spool_directory(address: str) -> Path:
    """The spool of faults for the daemon at `address`. It is made when something has to be written."""
    given = os.environ.get("ERROR_RECOVERY_SPOOL")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    root = Path(given) if given else Path(state) / "error-recovery" / "spool"
    return root / re.sub(r"[^A-Za-z0-9.]+", "_", address)
