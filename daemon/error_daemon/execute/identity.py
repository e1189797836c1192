"""Which process is meant: a pid together with the time it was started.

A pid is used again after its process is gone. The pair of pid and start ticks (field 22 of /proc/PID/stat, clock ticks
since boot) names one process for as long as the host is up, so whoever kills or watches by a remembered pid compares
the ticks first. pid files carry both: line 1 the pid, line 2 the start ticks; a file with line 1 only is accepted, and
then any living process of that pid counts.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Collection
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from error_daemon.errors import PermanentError

_MAX_PASSES = 10


@dataclass(frozen=True, slots=True)
class Identity:
    """One process. `start_ticks` 0: not known, any process of this pid is meant."""

    pid: int
    start_ticks: int = 0

    def lives(self) -> bool:
        """That very process is there and is not a zombie."""
        seen = _stat(self.pid)
        return seen is not None and seen.is_alive and self.start_ticks in (0, seen.start_ticks)


def identify(pid: int) -> Identity:
    """The process that has this pid now; start ticks 0 if there is none."""
    seen = _stat(pid)
    return Identity(pid, seen.start_ticks if seen else 0)


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
    everybody = (_stat(int(name)) for name in os.listdir("/proc") if name.isdigit())
    return any(seen is not None and seen.is_alive and seen.group == group for seen in everybody)


def read_pid_file(path: str) -> Identity | None:
    """The process that the file names; None if there is no such file. Raises OSError if it can't be read,
    PermanentError if no pid stands in it."""
    try:
        lines = Path(path).read_text("ascii", "replace").split()
    except FileNotFoundError:
        return None
    try:
        identity = Identity(int(lines[0]), int(lines[1]) if len(lines) > 1 else 0)
    except (IndexError, ValueError):
        raise PermanentError(
            f"{path} holds no pid: remove it, or write the pid of the running process on line 1"
        ) from None
    # 0 and -1 would name our own group and everybody; 1 is never a service that we started
    if identity.pid <= 1:
        raise PermanentError(f"{path} names pid {identity.pid}, which can't be a service: remove the file")
    return identity


def write_pid_file(path: str, identity: Identity) -> None:
    """Replace the file in one step: readers see the old one or the new one, whole. Raises OSError."""
    folder = os.path.dirname(path) or "."
    handle, temporary = tempfile.mkstemp(prefix=os.path.basename(path) + ".", dir=folder)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{identity.pid}\n{identity.start_ticks}\n")
            os.fchmod(file.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@dataclass(frozen=True, slots=True)
class _Stat:
    is_alive: bool  # neither a zombie nor about to be one
    group: int
    start_ticks: int


def _stat(pid: int) -> _Stat | None:
    """What the kernel says of a process; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the command name, in parentheses, may hold anything, even ")": the fields begin after the last one
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Stat(fields[0] not in (b"Z", b"X"), int(fields[2]), int(fields[19]))
