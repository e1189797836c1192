"""Which of a program's arguments are options, by the rules of getopt_long.

A text lists the options that are known: `n u: user: preserve-env?` are -n, -u VALUE, --user VALUE and --preserve-env[=VALUE]. A letter is a
short one, a word a long one; `:` takes a value, glued to it or in the next argument; `?` takes one only where it is glued. An option that
is not listed leaves unknown what follows it, since that may be its value.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Options = Mapping[str, str]  # name → "", ":" or "?"


@dataclass(frozen=True, slots=True)
class Given:
    """The names of options that are given, and what else there is."""

    options: frozenset[str]
    words: tuple[str, ...]


def listed(text: str) -> Options:
    return {name.rstrip(":?"): name[len(name.rstrip(":?")) :] for name in text.split()}


def read(arguments: Sequence[str], options: Options, *, is_mixed: bool = False) -> Given | None:
    """None where an option is not known. `is_mixed`: options may stand behind words, too."""
    found: list[str] = []
    words: list[str] = []
    ahead = deque(arguments)
    while ahead:
        argument = ahead.popleft()
        if argument == "--":
            words += ahead
            break
        if argument == "-" or not argument.startswith("-"):
            words.append(argument)
            if is_mixed:
                continue
            words += ahead
            break
        names = _long(argument[2:], options) if argument.startswith("--") else _short(argument[1:], options)
        if names is None:
            return None
        if names[-1] == ":":
            if not ahead:
                return None
            ahead.popleft()
        found += names
    return Given(frozenset(found) - {":"}, tuple(words))


def _long(text: str, options: Options) -> list[str] | None:
    """The name, and a colon where its value is the next argument; None where it is not known."""
    name, equals, _ = text.partition("=")
    takes = options.get(name) if len(name) > 1 else None
    if takes is None or (equals and not takes):
        return None
    return [name, ":"] if takes == ":" and not equals else [name]


def _short(letters: str, options: Options) -> list[str] | None:
    """As `_long`, for several that are written as one."""
    names: list[str] = []
    for at, letter in enumerate(letters, 1):
        takes = options.get(letter)
        if takes is None:
            return None
        names.append(letter)
        if takes:
            return [*names, ":"] if takes == ":" and at == len(letters) else names
    return names
