"""The one instance of a target of kind `process`: stopped, and started, by those who hold its lock.

There are never two instances through us: a restart holds a lock (flock on `<pid_file>.lock`), the old process and its group are
gone before the new one is started, and the pid file is written in the same step as the start, with no await in between. One that
is dying is waited for: until it is dead it holds its port, its locks and its memory.

**Killed in between.** A worker that is killed after the start and before the pid file leaves an instance that nobody can name. So
before the start, the lock's file gets a mark that the new process carries in its environment (ER_RUN_ID), and it is emptied when
the pid file is written. Who takes the lock and finds a mark in it ends whatever carries it.

The new process is the leader of its own session, outside of the attempt's programs: it lives on when the attempt, the worker
or the daemon ends. scope.py takes it out of the daemon's control group.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from error_daemon.errors import InputError
from error_daemon.execute.dying import ended
from error_daemon.execute.ending import group_lives, kill_group_of, kill_marked, signal_group
from error_daemon.execute.params import required
from error_daemon.execute.program import build_environment, group_gone, spawn
from error_daemon.execute.scope import leave_control_group
from error_daemon.model import Json
from error_daemon.processes.identity import Identity, read_pid_file, write_pid_file
from error_daemon.processes.reaped import Reaped

_POLL_S = 0.02
_MARK = "start."
_MARK_BYTES = 64


@dataclass(frozen=True, slots=True)
class Instance:
    """How a target's process is named, stopped and started."""

    target: Mapping[str, Json]
    pid_file: str
    stop_signal: signal.Signals
    stop_grace_s: float


def instance_of(target: Mapping[str, Json], params: Mapping[str, Json]) -> Instance:
    """Raises InputError if it could not be started again: find that out before anything is stopped."""
    required(target, "command")
    name = params.get("stop_signal", "SIGTERM")
    try:
        stop_signal = signal.Signals[name]
    except KeyError:
        raise InputError("stop_signal", f"{name!r} is not a signal: write SIGTERM, SIGINT, ...") from None
    return Instance(target, str(required(target, "pid_file")), stop_signal, float(params.get("stop_grace_s", 2.0)))


class Hold:
    """The lock on an instance, held. `had_to_wait`: somebody else had it, and may have done what we are about to do; `before`: whom the
    pid file named when we began to wait."""

    def __init__(self, lock: int, had_to_wait: bool = False, before: Identity | None = None) -> None:
        self._lock = lock
        self.had_to_wait = had_to_wait
        self.before = before

    def promise(self) -> str:
        """Write down that a process with this mark is about to be started."""
        mark = f"{_MARK}{os.urandom(16).hex()}"
        os.pwrite(self._lock, mark.encode(), 0)
        return mark

    def keep_promise(self) -> None:
        os.ftruncate(self._lock, 0)

    def broken_promise(self) -> str:
        """The mark of a start that nobody brought to its end; else empty."""
        kept = os.pread(self._lock, _MARK_BYTES, 0).decode("ascii", "replace")
        return kept if kept.startswith(_MARK) else ""


@asynccontextmanager
async def hold(instance: Instance) -> AsyncIterator[Hold]:
    """Only one holds an instance. A blocking flock could not be cancelled, hence the turns. Raises OSError, PermanentError."""
    lock = os.open(f"{instance.pid_file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        held = Hold(lock)
        while not _try_lock(lock):
            if not held.had_to_wait:
                held = Hold(lock, had_to_wait=True, before=running(instance))
            await asyncio.sleep(_POLL_S)
        if mark := held.broken_promise():
            await asyncio.get_running_loop().run_in_executor(None, kill_marked, (mark,))
            held.keep_promise()
        yield held
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def running(instance: Instance) -> Identity | None:
    """Whom the pid file names, alive or not; None without one. Raises OSError, PermanentError."""
    return read_pid_file(instance.pid_file)


async def stop(instance: Instance) -> str:
    """End the process and its group; what was done, in words. Hold the instance. Raises OSError, PermanentError."""
    named = running(instance)
    if named is None:
        return "was not running"
    try:
        pidfd = os.pidfd_open(named.pid)  # from here on the process can't be mistaken for another
    except ProcessLookupError:
        return await _end_remains(named)
    try:
        seen = named.stat()
        if seen is None or not seen.is_alive:
            return await _end_remains(named)
        if seen.is_dying:
            await ended(pidfd)
            await asyncio.sleep(
                0
            )  # if it is our child it is reaped now: a zombie's group would be looked for in all of /proc
            return await _end_remains(named)
        group = named.pid if _leads_a_group(named.pid) else 0
        _signal_all(pidfd, group, instance.stop_signal)
        if await _gone(pidfd, group, instance.stop_grace_s):
            return f"pid {named.pid} ended by {instance.stop_signal.name}"
        _signal_all(pidfd, group, signal.SIGKILL)
        await _gone(pidfd, group, None)
        enough = f"{instance.stop_signal.name} was not enough for {instance.stop_grace_s:g} s"
        return f"pid {named.pid} ended by SIGKILL, {enough}"
    finally:
        os.close(pidfd)


def _leads_a_group(pid: int) -> bool:
    try:
        return os.getpgid(pid) == pid
    except ProcessLookupError:
        return False


async def _end_remains(gone: Identity) -> str:
    """The process died by itself: end what it left in its group, which may still hold its port or its files."""
    if not group_lives(gone.pid) or not kill_group_of(gone):
        return f"pid {gone.pid} was gone"
    await group_gone(gone.pid, None)
    return f"pid {gone.pid} was gone, what it left running was killed"


def _signal_all(pidfd: int, group: int, number: signal.Signals) -> None:
    if not (group and signal_group(group, number)):
        try:
            signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            return  # gone between the look and the signal: that is what was wanted


async def _gone(pidfd: int, group: int, timeout_s: float | None) -> bool:
    """Whether the process, and its group if it leads one, ended in time. None: wait for as long as the attempt may."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    try:
        await asyncio.wait_for(ended(pidfd), timeout_s)
    except asyncio.TimeoutError:
        return False
    left_s = None if timeout_s is None else max(0.0, timeout_s - (loop.time() - began))
    return not group or await group_gone(group, left_s)


def start(instance: Instance, held: Hold) -> Identity:
    """Start it; it is named by its pid file when this returns. Raises OSError, PermanentError, with nothing started."""
    target = instance.target
    log_file = target.get("log_file") or "/dev/null"
    output = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o640)
    try:
        environment = build_environment(target.get("environment") or {}, {})
        environment["ER_RUN_ID"] = held.promise()
        started = spawn(target["command"], environment, target.get("cwd") or "", output_fd=output)
    except BaseException:
        held.keep_promise()
        raise
    finally:
        os.close(output)
    try:
        write_pid_file(instance.pid_file, started)
        Reaped(started.pid)
    except OSError:
        signal_group(started.pid, signal.SIGKILL)  # a process that nobody can name would become a second instance
        raise
    finally:
        held.keep_promise()
    leave_control_group(started)
    return started
