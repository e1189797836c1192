"""process: whether the process of a pid file lives, and how many processes run the same program.

**Count.** A restart that starts a second process beside the first leaves a pid file that names a living one, and still is wrong. Counted is
what runs the target's command line (of a script, behind its interpreter), or what has the name `program`.

Which process it is (pid, start ticks) is shown, and compared where `same_process` says that the recovery must not replace it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from error_daemon.errors import PermanentError
from error_daemon.execute.blocking import looks
from error_daemon.execute.observers.contract import Look, Seen
from error_daemon.processes.identity import Identity, identify, read_pid_file


class ProcessObserver:
    async def observe(self, look: Look) -> Seen:
        pid_file = str(look.params.get("pid_file") or look.target.get("pid_file") or "")
        # reads all of /proc
        return await looks.see(pid_file or "/proc", partial(_seen, look, pid_file), look.timeout_s)


def _seen(look: Look, pid_file: str) -> Seen:
    params, target = look.params, look.target
    facts: dict[str, str] = {}
    others: dict[str, str] = {}
    if pid_file:
        identity = _of_file(pid_file)
        lives = identity is not None and identity.lives()
        facts["process of the pid file"] = "lives" if lives else "dead" if identity else "there is no pid file"
        if identity is not None and lives:
            known = identify(identity.pid)
            (facts if params.get("same_process") else others)["process"] = (
                f"pid {known.pid}, started {known.start_ticks}"
            )
    command, program = target.get("command"), str(params.get("program") or "")
    if program or command:
        pids = _running(_has_name(program) if program else _runs(list(command or ())))
        facts[f"processes {program}" if program else "processes of its command"] = str(len(pids))
        others["pids"] = ", ".join(map(str, pids)) or "none"
    return Seen(facts, others)


def _of_file(path: str) -> Identity | None:
    try:
        return read_pid_file(path)
    except OSError as error:
        raise PermanentError(f"{path}: {error.strerror}") from error


def _has_name(program: str) -> Callable[[list[str]], bool]:
    return lambda command: os.path.basename(command[0]) == program


def _runs(wanted: Sequence[str]) -> Callable[[list[str]], bool]:
    program, arguments = os.path.basename(wanted[0]), list(wanted[1:])

    def is_it(command: list[str]) -> bool:
        before, after = command[: len(command) - len(arguments)], command[len(command) - len(arguments) :]
        return after == arguments and program in [os.path.basename(word) for word in before[:3]]

    return is_it


def _running(is_it: Callable[[list[str]], bool]) -> list[int]:
    """The living processes whose command line it is."""
    import psutil  # not in every worker: few targets are observed

    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone meanwhile; a zombie has no command line
            command = process.cmdline()
            if command and is_it(command):
                found.append(process.pid)
    return sorted(found)
