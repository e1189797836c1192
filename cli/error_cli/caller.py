"""Who calls, as far as this process knows: behind sudo the person, not root. The daemon checks none of it, and says so."""

from __future__ import annotations

import os


def caller() -> str:
    behind_sudo = os.environ.get("SUDO_USER")
    if behind_sudo:
        return behind_sudo
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"uid {os.getuid()}"
