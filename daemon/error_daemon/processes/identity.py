"""Which process is meant: a pid together with the time it was started.

A pid is used again after its process is gone. The pair of pid and start ticks (field 22 of /proc/PID/stat, clock ticks
since boot) names one process for as long as the host is up, so whoever kills or watches by a remembered pid compares
the ticks first. pid files carry both: line 1 the pid, line 2 the start ticks; a file with line 1 only is accepted, and
then any living process of that pid counts.

**Dying** is between living and dead: it runs no more code of its own and can't come back, while the kernel still frees its memory, which
takes tens of ms for each 512 MiB, and then closes its files and ports. It is said by PF_EXITING in field 9 (linux/sched.h). It does
not live; what it held can be taken by another only when it is dead, which is what a pidfd tells.

These files are read between the death of a process and the start of the next one: system calls, and no more of Python than needs be.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass

from error_daemon.errors import PermanentError

_PF_EXITING = 0x4
_READ_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Identity:
    """One process. `start_ticks` 0: not known, any process of this pid is meant."""

    pid: int
    start_ticks: int = 0

    def lives(self) -> bool:
        """That very process is there, and is neither a zombie nor dying."""
        seen = self.stat()
        return seen is not None and seen.is_alive and not seen.is_dying

    def is_dying(self) -> bool:
        """That very process is on its way out, and still holds what it had."""
        seen = self.stat()
        return seen is not None and seen.is_alive and seen.is_dying

    def stat(self) -> ProcessStat | None:
        """What the kernel says of that very process; None if it is gone."""
        seen = stat_of(self.pid)
        return seen if seen is not None and self.start_ticks in (0, seen.start_ticks) else None


def identify(pid: int) -> Identity:
    """The process that has this pid now; start ticks 0 if there is none."""
    seen = stat_of(pid)
    return Identity(pid, seen.start_ticks if seen else 0)


def read_pid_file(path: str) -> Identity | None:
    """The process that the file names; None if there is no such file. Raises OSError if it can't be read,
    PermanentError if no pid stands in it."""
    try:
        return named_in(read_file(path), path)
    except FileNotFoundError:
        return None


def named_in(said: bytes, path: str) -> Identity:
    """The process that a pid file names, by what it says. Raises PermanentError if no pid stands in it; `path` is for its text."""
    lines = said.decode("ascii", "replace").split()
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
    temporary = f"{path}.{os.urandom(8).hex()}"
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.write(file, b"%d\n%d\n" % (identity.pid, identity.start_ticks))
            os.fchmod(file, 0o644)
        finally:
            os.close(file)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@dataclass(frozen=True, slots=True)
class ProcessStat:
    is_alive: bool  # not a zombie
    is_dying: bool
    group: int
    start_ticks: int


def stat_of(pid: int) -> ProcessStat | None:
    """What the kernel says of a process; None if there is none."""
    try:
        said = read_file(f"/proc/{pid}/stat")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # the command name, in parentheses, may hold anything, even ")": the fields begin after the last one
    fields = said.rpartition(b")")[2].split()
    return ProcessStat(
        is_alive=fields[0] not in (b"Z", b"X"),
        is_dying=bool(int(fields[6]) & _PF_EXITING),
        group=int(fields[2]),
        start_ticks=int(fields[19]),
    )


def read_file(path: str) -> bytes:
    """The beginning of a file, which is all of those that are meant here."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.read(file, _READ_BYTES)
    finally:
        os.close(file)
