"""What the definitions name and this host does not have: programs, scripts, directories; units are in units.py.

An error where a rule that may act comes to it: then it will go wrong, at night. A warning elsewhere, since nothing of it is run, and a
set of definitions may be written before what it is about is installed. A directory below /run is made when its service starts: its
absence is a warning, too.

Texts with a variable of the fault in them are not looked at: what they will be is not known here.
"""

from __future__ import annotations

import os.path
from collections.abc import Iterator

from error_daemon.definitions.commands.runs import script_file, unwrapped
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.host.entries import VARIABLE, AsRun, entries_as_run
from error_daemon.definitions.host.host import Host
from error_daemon.definitions.host.programs import Program, programs_of
from error_daemon.definitions.host.units import check_units
from error_daemon.definitions.shapes.targets import ProcessTarget
from error_daemon.errors import Problem

_LONGEST = 4096  # of a path the end says most
_VOLATILE = ("/run/", "/var/run/", "/tmp/", "/dev/shm/")


def check_host(directory: Directory, host: Host) -> Iterator[Problem]:
    entries = list(entries_as_run(directory))
    for program in (program for entry in entries for program in programs_of(entry)):
        yield from _check_program(program, host)
    for entry in entries:
        if isinstance(entry.value, ProcessTarget):
            yield from _check_files(entry, entry.value)
    yield from _check_secret_files(directory)
    yield from check_units(entries, host)


def _check_program(program: Program, host: Host) -> Iterator[Problem]:
    inner = len(program.command) - len(unwrapped(program.command))  # behind sudo, env and the like
    for index in sorted({0, inner} - {len(program.command)}):
        name = program.command[index]
        if VARIABLE not in name and (problem := host.program_problem(name, program.environment)):
            yield program.say(f"{quoted(name, _LONGEST)} {problem}", _mend(name, problem), ("command", index))
    if program.cwd is not None and VARIABLE not in program.cwd and not os.path.isdir(program.cwd):
        is_there = os.path.lexists(program.cwd)
        message = f"{quoted(program.cwd, _LONGEST)} {'is not a directory' if is_there else 'does not exist'}"
        yield program.say(message, "the program cannot be started there", ("cwd",))
    else:
        yield from _check_script(program)


def _check_script(program: Program) -> Iterator[Problem]:
    """The file that an interpreter is given. Without a directory of its own it runs in the daemon's, which is not known here."""
    script = script_file(program.command)
    if script is None or VARIABLE in script or VARIABLE in (program.cwd or ""):
        return
    path = os.path.join(program.cwd or "", script)
    if os.path.isabs(path) and not os.path.lexists(path) and os.path.isdir(os.path.dirname(path)):
        at = ("command", list(program.command).index(script))
        yield program.say(
            f"{quoted(path, _LONGEST)} does not exist", f"{quoted(program.command[0])} would be told to run it", at
        )


def _mend(name: str, problem: str) -> str:
    if problem == "is not executable":
        return f"chmod +x {name}"
    if problem.startswith("was not found in PATH"):
        return "install it, or write its whole path"
    return "install it, or correct its path" if problem == "does not exist" else ""


def _check_files(entry: AsRun, value: ProcessTarget) -> Iterator[Problem]:
    said = {value.cwd}
    for key, path in (("pid_file", value.pid_file), ("log_file", value.log_file or "")):
        holder = os.path.dirname(path)
        if not path or VARIABLE in path or os.path.isdir(holder) or holder in said:
            continue
        said.add(holder)
        say = entry.written.warning if f"{holder}/".startswith(_VOLATILE) else entry.say
        yield say(f"there is no directory {quoted(holder, _LONGEST)} to hold it", f"mkdir -p {holder}", (key,))


def _check_secret_files(directory: Directory) -> Iterator[Problem]:
    """That nobody else may read one is checked at every start (checks/secret_files.py)."""
    for hook in directory.hooks:
        file = hook.value.secret
        if file and not os.path.exists(file):
            yield hook.warning(f"{quoted(file, _LONGEST)} does not exist", "write the secret into it", ("secret_file",))
