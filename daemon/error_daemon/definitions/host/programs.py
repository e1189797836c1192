"""Every program that an entry names, with the place where it stands and whether it will be run.

`is_used` says that a rule that may act comes to it. What is wrong with such a program is an error, with any other a warning. An observer's
is run when a person tests a recovery, and by no rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from error_daemon.definitions.complaints import Loc
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.filled import filled, users_of_probes, users_of_strategies
from error_daemon.definitions.meaning.reach import acting
from error_daemon.definitions.shapes.kinds import TARGETS, ExecOperation, ExecProbe, ProcessTarget, RetryStrategy
from error_daemon.definitions.shapes.observers import ExecObserver
from error_daemon.errors import Problem

VARIABLE = "${"  # what is known in an attempt only
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Program:
    """A command of an entry: `at` leads to the mapping that has it."""

    entry: Written[Any]
    at: Loc
    command: Sequence[str]
    cwd: str | None
    environment: Mapping[str, str]
    is_used: bool  # by a rule that may act

    def say(self, message: str, mend: str, at: Loc) -> Problem:
        say = self.entry.problem if self.is_used else self.entry.warning
        return say(message, mend, (*self.at, *at))


def programs_of(directory: Directory) -> Iterator[Program]:
    """Once for each way in which a command is filled with the variables of the targets that it is for."""
    used = acting(directory)
    users: Mapping[str, Mapping[str, Iterable[str]]] = {
        "targets": {name: (name,) for name in directory.targets},
        "probes": users_of_probes(directory),
        "strategies": users_of_strategies(directory),
    }
    for section, of_targets in users.items():
        entries: Mapping[str, Written[Any]] = getattr(directory, section)
        for name, entry in entries.items():
            is_used = name in getattr(used, section)
            for value in as_run(directory, entry, of_targets.get(name, ())):
                yield from _programs_in(entry, value, is_used)


def _programs_in(entry: Written[Any], value: Any, is_used: bool) -> Iterator[Program]:
    at: Loc = ()
    if isinstance(value, RetryStrategy):
        value, at = value.operation, ("operation",)
    if isinstance(value, ExecOperation | ExecProbe | ProcessTarget):
        yield Program(entry, at, value.command, value.cwd, value.environment, is_used)
    for index, one in enumerate(value.observe) if isinstance(value, TARGETS) else ():
        if isinstance(one, ExecObserver):
            yield Program(entry, ("observe", index), one.command, one.cwd, one.environment, is_used=False)


def as_run(directory: Directory, entry: Written[T], targets: Iterable[str]) -> Iterator[T]:
    """The entry as it is for each of these targets, each way once; as it is written where there are none."""
    ways: set[str] = set()
    for target in targets:
        try:
            value = filled(directory, entry, target)
        except ValueError:  # checks/variables.py has said why
            continue
        way = repr(value)
        if way not in ways:
            ways.add(way)
            yield value
    if not ways:
        yield entry.value
