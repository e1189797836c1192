"""Which process is meant: a pid together with the time it was started.

A pid is used again after its process is gone. The pair of pid and start ticks (field 22 of /proc/PID/stat, clock ticks
since boot) names one process for as long as the host is up, so whoever kills or watches by a remembered pid compares
the ticks first. pid files carry both: line 1 the pid, line 2 the start ticks; a file with line 1 only is accepted, and
then any living process of that pid counts.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from error_daemon.errors import PermanentError


@dataclass(frozen=True, slots=True)
class Identity:
    """One process. `start_ticks` 0: not known, any process of this pid is meant."""

    pid: int
    start_ticks: int = 0

    def lives(self) -> bool:
        """That very process is there and is not a zombie."""
        seen = stat_of(self.pid)
        return seen is not None and seen.is_alive and self.start_ticks in (0, seen.start_ticks)


def identify(pid: int) -> Identity:
    """The process that has this pid now; start ticks 0 if there is none."""
    seen = stat_of(pid)
    return Identity(pid, seen.start_ticks if seen else 0)


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
class ProcessStat:
    is_alive: bool  # neither a zombie nor about to be one
    group: int
    start_ticks: int


def stat_of(pid: int) -> ProcessStat | None:
    """What the kernel says of a process; None if there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the command name, in parentheses, may hold anything, even ")": the fields begin after the last one
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return ProcessStat(fields[0] not in (b"Z", b"X"), int(fields[2]), int(fields[19]))
