"""What a command really runs: behind `sudo`, `env`, `timeout` and the like, and in the script that a shell is given.

Most programs that only start another take that one's arguments after their own options. An option that is not known leaves the program
unknown, and then nothing is said.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from error_daemon.definitions.commands.known import SHELL_OPTIONS, SHELLS, STARTERS, options_of_interpreter
from error_daemon.definitions.commands.options import read
from error_daemon.definitions.commands.shell import commands_in

_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")


@dataclass(frozen=True, slots=True)
class Run:
    """One program, by the last part of its path, and its arguments. `is_guessed`: by reading a shell's script."""

    program: str
    arguments: tuple[str, ...]
    is_guessed: bool = False


def runs(command: Sequence[str]) -> Iterator[Run]:
    """What a command runs: one program, or, by the script of a shell, several. As far as can be seen."""
    inner = unwrapped(command)
    if not inner:
        return
    script = shell_script(inner)
    if script is None:
        yield Run(os.path.basename(inner[0]), tuple(inner[1:]))
        return
    for each in commands_in(script):
        yield from (replace(run, is_guessed=True) for run in runs(each))


def unwrapped(command: Sequence[str]) -> Sequence[str]:
    """The command without what only starts it; empty where that cannot be told."""
    while command and (starter := STARTERS.get(os.path.basename(command[0]))):
        given = read(command[1:], starter.options)
        command = given.words[starter.before :] if given else ()
        while command and (_ASSIGNMENT.match(command[0]) or command[0] == "-"):  # `env -` is `env -i`
            command = command[1:]
    return command


def shell_script(command: Sequence[str]) -> str | None:
    """The text that a shell is told to run; None where it is no shell, or runs a file."""
    if not command or os.path.basename(command[0]) not in SHELLS:
        return None
    given = read([re.sub(r"^\+(?=.)", "-", argument) for argument in command[1:]], SHELL_OPTIONS)
    if given is None or "c" not in given.options:
        return None
    return given.words[0] if given.words else ""


def script_file(command: Sequence[str]) -> str | None:
    """The file that a shell or an interpreter is told to run; None where there is none, or that cannot be told."""
    inner = unwrapped(command)
    options = options_of_interpreter(os.path.basename(inner[0])) if inner else None
    given = None if options is None else read(inner[1:], options)
    if given is None or not given.words or given.words[0] == "-":
        return None
    is_file = options is not SHELL_OPTIONS or not given.options & {"c", "s"}
    return given.words[0] if is_file else None
