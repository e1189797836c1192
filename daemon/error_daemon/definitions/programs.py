"""Every program that an entry names, with the place where it stands and whether it will be run.

`is_used` says that a rule that may act comes to it. What is wrong with such a program is an error, with any other a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from error_daemon.definitions.complaints import Loc
from error_daemon.definitions.kinds import ExecOperation, ExecProbe, ProcessTarget, RetryStrategy
from error_daemon.definitions.reach import acting
from error_daemon.definitions.written import Directory, Written
from error_daemon.errors import Problem

VARIABLE = "${"  # what is filled in later is not known here


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
    used = acting(directory)
    for name, target in directory.targets.items():
        if isinstance(target.value, ProcessTarget):
            yield _program(target, target.value, (), name in used.targets)
    for name, probe in directory.probes.items():
        if isinstance(probe.value, ExecProbe):
            yield _program(probe, probe.value, (), name in used.probes)
    for name, strategy in directory.strategies.items():
        if isinstance(strategy.value, ExecOperation):
            yield _program(strategy, strategy.value, (), name in used.strategies)
        elif isinstance(strategy.value, RetryStrategy) and isinstance(strategy.value.operation, ExecOperation):
            yield _program(strategy, strategy.value.operation, ("operation",), name in used.strategies)


def _program(entry: Written[Any], value: ExecOperation | ExecProbe | ProcessTarget, at: Loc, is_used: bool) -> Program:
    return Program(entry, at, value.command, value.cwd, value.environment, is_used)
