"""Programs that strategies and probes run: an argument vector, never a shell.

A program is started with posix_spawn (the loop's own create_subprocess forks, which stalls it) as the leader of a session
of its own. It gets /dev/null as standard input and one pipe for both outputs, which is drained all the time, so that the
program never waits for us; the last 2,048 bytes are kept, or what is asked for. Its end is seen through a pidfd.

Each program carries ER_RUN_ID, which names its worker and attempt, so that whatever it started can be found even if its worker
dies in the moment between starting it and telling of it.

When `Programs.run` is left, for whatever reason, nothing of the program's process group lives on: SIGTERM, half a second,
SIGKILL. A program that wants to leave something running must put it in a session of its own (as daemons do).

The environment is a minimal base of the worker's, then the definition's, then the fault's ER_* variables. Fault fields
come from outside, hence: names other than ER_* are dropped (PATH or LD_PRELOAD would be commands in disguise), NUL
bytes, which no environment can carry, become U+2400 "␀", and values are cut at 32 KiB (the kernel takes 128).
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from error_daemon.errors import PermanentError
from error_daemon.execute.ending import describe_end, group_lives, run_mark, signal_group
from error_daemon.model.variables import MAX_VALUE_CHARACTERS
from error_daemon.processes.identity import Identity, identify
from error_daemon.processes.reaped import Reaped

TAIL_BYTES = 2048
TERM_GRACE_S = 0.5
_KILL_GRACE_S = 0.5  # nobody outlives SIGKILL but in an uninterruptible sleep, which nobody can end
_GROUP_POLL_S = 0.02
_READ_BYTES = 1 << 16
_BASE = ("PATH", "HOME", "LANG", "USER")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_FAULT_VARIABLE = re.compile(r"ER_[A-Za-z0-9_]{1,128}")
# A program starts with the defaults, whatever the worker, Python or who started the daemon (nohup) ignores.
_RESET_SIGNALS = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


@dataclass(frozen=True, slots=True)
class ProgramExit:
    """How a program ended. `code` is its exit code, or minus the number of the signal that killed it."""

    code: int
    tail: str

    def describe(self) -> str:
        """ "exit code 3: last words", "killed by SIGSEGV"."""
        how = describe_end(self.code)
        return f"{how}: {self.tail}" if self.tail else how


def build_environment(defined: Mapping[str, str], fault: Mapping[str, str]) -> dict[str, str]:
    environment = {name: os.environ[name] for name in _BASE if name in os.environ}
    environment.setdefault("PATH", _DEFAULT_PATH)
    environment.update(defined)
    for name, value in fault.items():
        if _FAULT_VARIABLE.fullmatch(name):
            environment[name] = value.replace("\0", "\N{SYMBOL FOR NULL}")[:MAX_VALUE_CHARACTERS]
    return environment


def spawn(
    command: Sequence[str], environment: Mapping[str, str], cwd: str = "", *, output_fd: int | None = None
) -> Identity:
    """Start a program as the leader of a new session; its outputs go to `output_fd` (None: /dev/null).

    Raises PermanentError, with a text for people, if it can't be started."""
    if not command:
        raise PermanentError("the command is empty")
    actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)
    ]
    if output_fd is None:
        actions.append((os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0))
    else:
        actions.append((os.POSIX_SPAWN_DUP2, output_fd, 1))
    actions.append((os.POSIX_SPAWN_DUP2, 1, 2))
    try:
        with _working_directory(cwd):
            path = _find(command[0], environment)
            pid = os.posix_spawn(
                path,
                list(command),
                dict(environment),
                file_actions=actions,
                setsid=True,
                setsigmask=(),
                setsigdef=_RESET_SIGNALS,
            )
    except OSError as error:
        raise PermanentError(f"{command[0]} can't be run: {error.strerror}") from error
    except ValueError as error:
        raise PermanentError(f"{command[0]} can't be run: {error} in its arguments or environment") from error
    return identify(pid)


@contextmanager
def _working_directory(cwd: str) -> Iterator[None]:
    """posix_spawn has no working directory of its own: lend ours, which nothing else here depends on."""
    if not cwd:
        yield
        return
    here = os.open(".", os.O_PATH | os.O_DIRECTORY)
    try:
        try:
            os.chdir(cwd)
        except OSError as error:
            raise PermanentError(f"the working directory {cwd} can't be entered: {error.strerror}") from error
        try:
            yield
        finally:
            os.fchdir(here)
    finally:
        os.close(here)


def _find(name: str, environment: Mapping[str, str]) -> str:
    if "/" in name:
        return name
    path = environment.get("PATH", _DEFAULT_PATH)
    found = shutil.which(name, path=path)
    if found is None:
        raise PermanentError(f"{name} was not found in PATH={path}: write the whole path of the program")
    return found


class _Output:
    """Drains a pipe and keeps the end of what came."""

    def __init__(self, keep_bytes: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._keep_bytes = keep_bytes
        self._tail = bytearray()
        self._read_fd, self.write_fd = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._read_fd, False)
        self._loop.add_reader(self._read_fd, self._drain)
        self._is_open = True

    def _drain(self) -> bool:
        """Take what is there once; False when there is nothing now or for ever."""
        try:
            data = os.read(self._read_fd, _READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._close()
            return False
        self._tail += data
        del self._tail[: -self._keep_bytes]
        return True

    def finish(self) -> str:
        """Close, and say what was kept. Takes what a pipe can hold, not what somebody may go on writing for ever."""
        for _ in range(32):
            if not (self._is_open and self._drain()):
                break
        self._close()
        return self._tail.decode("utf-8", "replace").strip()

    def close_write_end(self) -> None:
        os.close(self.write_fd)

    def _close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._loop.remove_reader(self._read_fd)
            os.close(self._read_fd)


def _watch(program: Identity) -> Reaped:
    """Raises PermanentError, with the program ended, if the host gives us no means to see its end."""
    try:
        return Reaped(program.pid)
    except OSError as error:
        signal_group(program.pid, signal.SIGKILL)
        os.waitpid(program.pid, 0)
        raise PermanentError(f"the program can't be watched, so it was ended: {error.strerror}") from error


class Programs:
    """Starts programs and tells `announce` of each, so that somebody else can end them if this process can't."""

    def __init__(self, announce: Callable[[str, Identity], None], retract: Callable[[Identity], None]) -> None:
        self._announce = announce
        self._retract = retract
        self._running: set[Identity] = set()
        self._is_closed = False
        self._worker = identify(os.getpid())

    async def run(
        self,
        owner: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        cwd: str = "",
        *,
        keep_bytes: int = TAIL_BYTES,
    ) -> ProgramExit:
        """Run a program to its end, or until cancelled. `owner` is the attempt or probe round it belongs to; `keep_bytes`: how much of
        the end of its output is wanted.

        Raises PermanentError if it can't be started."""
        if self._is_closed:
            raise PermanentError("the worker is leaving: no program is started any more")
        output = _Output(keep_bytes)
        try:
            marked = {**environment, "ER_RUN_ID": run_mark(self._worker, owner)}
            program = spawn(command, marked, cwd, output_fd=output.write_fd)
        except BaseException:
            output.finish()
            raise
        finally:
            output.close_write_end()
        self._announce(owner, program)
        self._running.add(program)
        try:
            leader = _watch(program)
            try:
                code = await leader.wait()
            finally:
                await end_group(leader, program.pid, TERM_GRACE_S)
        finally:
            self._running.discard(program)
            self._retract(program)
            tail = output.finish()
        return ProgramExit(code, tail)

    @property
    def is_closed(self) -> bool:
        """The worker is about to leave."""
        return self._is_closed

    def close(self) -> None:
        """Kill all that run, and start no more: for when this process is about to leave."""
        self._is_closed = True
        for program in self._running:
            signal_group(program.pid, signal.SIGKILL)


async def end_group(leader: Reaped, group: int, grace_s: float) -> None:
    """End every process of a group: SIGTERM, `grace_s` seconds, SIGKILL. Returns when its leader is reaped.

    A process group keeps its number from being used again for as long as anybody is in it, so looking and signalling in
    turns never hits strangers. Usually one look is enough: the group is gone with its leader."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + grace_s
    if signal_group(group, signal.SIGTERM):
        await leader.wait_for(grace_s)
        if not await group_gone(group, max(0.0, deadline - loop.time())):
            signal_group(group, signal.SIGKILL)
            await group_gone(group, _KILL_GRACE_S)
    await leader.wait()


async def group_gone(group: int, timeout_s: float | None) -> bool:
    """Whether everybody in the group is gone within the time (None: without end). The kernel has no event for this."""
    loop = asyncio.get_running_loop()
    deadline = None if timeout_s is None else loop.time() + timeout_s
    while group_lives(group):
        if deadline is not None and loop.time() >= deadline:
            return False
        await asyncio.sleep(_GROUP_POLL_S)
    return True
