"""process_restart: end the process that the target's pid file names, if it is that very one, and start its command.

There are never two instances through us: the whole restart holds a lock (flock on `<pid_file>.lock`), the old process and
its group are gone before the new one is started, and the pid file is written in the same step as the start, with no
await in between. Whoever had to wait for the lock and then finds a new living process has nothing to do any more.

The new process is the leader of its own session, outside of the attempt's programs: it lives on when the attempt, the worker
or the daemon ends. Whether it serves is for probes to see, so its start is not waited for.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from error_daemon.errors import InputError, PermanentError
from error_daemon.execute.identity import (
    Identity,
    group_lives,
    kill_group_of,
    read_pid_file,
    signal_group,
    write_pid_file,
)
from error_daemon.execute.params import required
from error_daemon.execute.program import Reaped, build_environment, group_gone, spawn
from error_daemon.execute.strategies.contract import Context, Result
from error_daemon.model import Json

_POLL_S = 0.02


class ProcessRestart:
    async def run(self, context: Context) -> Result:
        target, params = context.target, context.params
        pid_file = str(required(target, "pid_file"))
        required(target, "command")  # before anything is stopped
        stop_signal = _signal(params.get("stop_signal", "SIGTERM"))
        try:
            before = read_pid_file(pid_file)
            async with _only_one(pid_file) as had_to_wait:
                running = read_pid_file(pid_file)
                if had_to_wait and running is not None and running != before and running.lives():
                    return Result(detail=f"restarted meanwhile by another attempt: pid {running.pid}")
                stopped = await _stop(running, stop_signal, float(params.get("stop_grace_s", 2.0)))
                started = _start(target, pid_file)
        except OSError as error:
            raise PermanentError(f"{error.filename or pid_file}: {error.strerror}") from error
        return Result(detail=f"{stopped}; started pid {started.pid}")


@asynccontextmanager
async def _only_one(pid_file: str) -> AsyncIterator[bool]:
    """Hold the lock; gives whether it had to be waited for. A blocking flock could not be cancelled, hence the turns."""
    lock = os.open(f"{pid_file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        had_to_wait = False
        while not _try_lock(lock):
            had_to_wait = True
            await asyncio.sleep(_POLL_S)
        yield had_to_wait
    finally:
        os.close(lock)


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


async def _stop(running: Identity | None, stop_signal: signal.Signals, grace_s: float) -> str:
    """End the process and its group; what was done, in words."""
    if running is None:
        return "was not running"
    try:
        pidfd = os.pidfd_open(running.pid)  # from here on the process can't be mistaken for another
    except ProcessLookupError:
        return await _end_remains(running)
    try:
        if not running.lives():
            return await _end_remains(running)
        group = running.pid if _leads_a_group(running.pid) else 0
        _signal_all(pidfd, group, stop_signal)
        if await _gone(pidfd, group, grace_s):
            return f"pid {running.pid} ended by {stop_signal.name}"
        _signal_all(pidfd, group, signal.SIGKILL)
        await _gone(pidfd, group, None)
        return f"pid {running.pid} ended by SIGKILL, {stop_signal.name} was not enough for {grace_s:g} s"
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
    ended = asyncio.Event()
    loop.add_reader(pidfd, ended.set)
    try:
        await asyncio.wait_for(ended.wait(), timeout_s)
    except asyncio.TimeoutError:
        return False
    finally:
        loop.remove_reader(pidfd)
    left_s = None if timeout_s is None else max(0.0, timeout_s - (loop.time() - began))
    return not group or await group_gone(group, left_s)


def _start(target: Mapping[str, Json], pid_file: str) -> Identity:
    log_file = target.get("log_file") or "/dev/null"
    output = os.open(log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY, 0o640)
    try:
        environment = build_environment(target.get("environment") or {}, {})
        started = spawn(target["command"], environment, target.get("cwd") or "", output_fd=output)
    finally:
        os.close(output)
    try:
        write_pid_file(pid_file, started)
        Reaped(started.pid)
    except OSError:
        signal_group(started.pid, signal.SIGKILL)  # a process that nobody can name would become a second instance
        raise
    return started


def _signal(name: str) -> signal.Signals:
    try:
        return signal.Signals[name]
    except KeyError:
        raise InputError("stop_signal", f"{name!r} is not a signal: write SIGTERM, SIGINT, ...") from None
