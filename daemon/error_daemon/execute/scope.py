"""A process that was started leaves the daemon's control group for a scope of its own, where the host allows it.

In the control group of the daemon's unit it would be ended with the unit, by a `kill -9` of the daemon too, and its memory would be
counted as the daemon's. A scope of the system's systemd may be made by root alone; the daemon's user has a systemd of its own when it
lingers (`loginctl enable-linger`, which the installation does), and that one makes a scope and takes in what belongs to its user.

It is asked after the start, on its bus, by `busctl`, and nobody waits for the answer: some 40 ms, and a recovery is not put off by
that; what the process has forked by then stays where it was. Where there is no such systemd, or the daemon is no unit of the host's
own, nothing is asked and nothing changes.
"""

from __future__ import annotations

import os
import shutil

from error_daemon.errors import PermanentError
from error_daemon.execute.program import spawn
from error_daemon.processes.identity import Identity
from error_daemon.processes.reaped import Reaped

_SYSTEMD = ["org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager"]


def leave_control_group(started: Identity) -> None:
    """Ask for a scope for this process of ours. Never raises: it runs, and where is not worth a failed recovery."""
    bus = f"/run/user/{os.getuid()}/bus"
    if not os.path.exists(bus) or not _is_one_of_the_hosts():
        return
    busctl = shutil.which("busctl", path="/usr/bin:/bin")
    if busctl is None:
        return
    name = f"error-recovery-{started.pid}-{started.start_ticks}.scope"
    call = [
        *_SYSTEMD,
        "StartTransientUnit",
        "ssa(sv)a(sa(sv))",
        name,
        "fail",
        "1",
        "PIDs",
        "au",
        "1",
        str(started.pid),
        "0",
    ]
    environment = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"}
    try:
        Reaped(spawn([busctl, "--user", "--quiet", "--timeout=10s", "call", *call], environment, "/").pid)
    except (OSError, PermanentError):
        return


def _is_one_of_the_hosts() -> bool:
    """A unit of the host's own, and not started from somebody's session."""
    try:
        with open("/proc/self/cgroup", encoding="ascii", errors="replace") as groups:
            return any(is_of_a_system_unit(line) for line in groups)
    except OSError:
        return False


def is_of_a_system_unit(line: str) -> bool:
    """A line of /proc/PID/cgroup that names a service, in whichever slice, that no user's systemd has: of those all is below user.slice."""
    slices = line.rstrip("\n").partition(":/")[2].split("/")
    return slices[0] != "user.slice" and any(name.endswith(".service") for name in slices)
