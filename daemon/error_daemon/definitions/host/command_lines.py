"""What a command really runs: behind `sudo`, `env`, `timeout` and the like, and in the script that a shell is given.

A command is an argument vector, and most programs that only start another take that one's vector after their own options. Those
options are known here as far as they take an argument of their own; an unknown one leaves the program unknown, and then nothing is said.
"""

from __future__ import annotations

import os.path
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"})
INTERPRETERS = re.compile(r"(python|pypy|perl|ruby|node|php|lua)[0-9.]*")
_STARTERS: dict[
    str, tuple[str, int]
] = {  # their options with an argument, and how many arguments come before the program
    "sudo": ("ugpCDhRTrt", 0),
    "doas": ("uC", 0),
    "env": ("uCS", 0),
    "nice": ("n", 0),
    "ionice": ("cn", 0),
    "timeout": ("ks", 1),
    "setsid": ("", 0),
    "nohup": ("", 0),
    "chrt": ("", 1),
    "stdbuf": ("ioe", 0),
    "time": ("fo", 0),
}
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_SEPARATOR = re.compile(r"[;&|\n(){}`]+|\$\(|\b(?:then|do|else)\b")


@dataclass(frozen=True, slots=True)
class Run:
    """One program, by the last part of its path, and its arguments."""

    program: str
    arguments: tuple[str, ...]


def runs(command: Sequence[str]) -> Iterator[Run]:
    """What a command runs: one program, or, by the script of a shell, several. As far as can be seen."""
    inner = unwrapped(command)
    if not inner:
        return
    program = os.path.basename(inner[0])
    script = shell_script(inner)
    if script is None:
        yield Run(program, tuple(inner[1:]))
        return
    for part in _SEPARATOR.split(script):
        words = [word.strip("'\"") for word in part.split()]
        while words and (_ASSIGNMENT.match(words[0]) or words[0] in ("exec", "command", "!", "if", "while")):
            words.pop(0)
        if words:
            yield from runs(words)


def unwrapped(command: Sequence[str]) -> Sequence[str]:
    """The command without what only starts it; empty where that cannot be told."""
    while command and os.path.basename(command[0]) in _STARTERS:
        options, before = _STARTERS[os.path.basename(command[0])]
        command = _behind_options(command[1:], options)[before:]
        while command and _ASSIGNMENT.match(command[0]):
            command = command[1:]
    return command


def shell_script(command: Sequence[str]) -> str | None:
    """The text that a shell is told to run; None where it is no shell, or runs a file."""
    if not command or os.path.basename(command[0]) not in SHELLS:
        return None
    for at, argument in enumerate(command[1:], 1):
        if re.fullmatch(r"-[a-z]*c", argument):
            return command[at + 1] if at + 1 < len(command) else ""
        if not argument.startswith(("-", "+")):
            return None
    return None


def script_file(command: Sequence[str]) -> str | None:
    """The file that a shell or an interpreter is told to run; None where there is none, or that cannot be told."""
    inner = unwrapped(command)
    if not inner:
        return None
    program = os.path.basename(inner[0])
    if program not in SHELLS - {"busybox"} and not INTERPRETERS.fullmatch(program):
        return None
    for argument in inner[1:]:
        if re.fullmatch(r"-[uBEIsSOevx]+", argument):
            continue
        return None if argument.startswith("-") else argument
    return None


def _behind_options(arguments: Sequence[str], with_argument: str) -> Sequence[str]:
    at = 0
    while at < len(arguments) and arguments[at].startswith("-") and arguments[at] != "-":
        option = arguments[at]
        at += 1
        if option == "--":
            break
        takes_next = not option.startswith("--") and len(option) == 2 and option[1] in with_argument
        at += takes_next
    return arguments[at:]
