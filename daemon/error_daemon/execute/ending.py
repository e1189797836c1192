"""Ending processes that we started, and no others: by their group, or by the mark that their environment carries."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection
from collections.abc import Set as AbstractSet

from error_daemon.processes.identity import Identity, identify, stat_of

_MAX_PASSES = 10


def signal_group(group: int, number: signal.Signals) -> bool:
    """Signal every process of the group; False if there is none (or none that we may signal)."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def kill_group_of(leader: Identity) -> bool:
    """SIGKILL the group that this process leads or led; whether there was one. Strangers are safe: a number that is a group's
    is given to no new process, so the group is still its own unless another process has the pid by now."""
    is_anothers = identify(leader.pid).start_ticks not in (0, leader.start_ticks)
    return not is_anothers and signal_group(leader.pid, signal.SIGKILL)


def run_mark(worker: Identity, owner: str) -> str:
    """What the environment of every program of this attempt or probe round carries, in ER_RUN_ID. Unique on the host."""
    return f"{worker.pid}.{worker.start_ticks}.{owner}"


def kill_marked(marks: Collection[str]) -> int:
    """SIGKILL every process that has one of these marks in its environment, inherited or given; how many there were.

    Reads all of /proc (some 30 µs for each process), so not for a loop's thread. Looks again until it finds no more,
    because those that die may have just started others."""
    wanted = {f"ER_RUN_ID={mark}".encode("utf-8", "replace") for mark in marks}
    killed = 0
    for _ in range(_MAX_PASSES):
        found = sum(_kill_if_marked(int(name), wanted) for name in os.listdir("/proc") if name.isdigit())
        killed += found
        if not found:
            break
    return killed


def _kill_if_marked(pid: int, wanted: AbstractSet[bytes]) -> bool:
    try:
        pidfd = os.pidfd_open(pid)  # first, so that what is killed is what was looked at
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            is_marked = not wanted.isdisjoint(file.read().split(b"\0"))
        if is_marked:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
    except OSError:
        return False  # gone meanwhile, or another user's, so not ours
    finally:
        os.close(pidfd)
    return is_marked


def describe_end(code: int) -> str:
    """ "exit code 3", "killed by SIGKILL": a process's exit code, or minus the number of the signal that killed it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def group_lives(group: int) -> bool:
    """Somebody in the group is more than a zombie. Reads all of /proc, but only if the group is there at all."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    everybody = (stat_of(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return any(seen is not None and seen.is_alive and seen.group == group for seen in everybody)
