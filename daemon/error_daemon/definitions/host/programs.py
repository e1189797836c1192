"""Every program that an entry names, with the place where it stands and whether it will be run.

An observer's is run when a person tests a recovery, and by no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from error_daemon.definitions.complaints import Loc
from error_daemon.definitions.host.entries import AsRun
from error_daemon.definitions.shapes.observers import ExecObserver
from error_daemon.definitions.shapes.probes import ExecProbe
from error_daemon.definitions.shapes.strategies import ExecOperation, RetryStrategy
from error_daemon.definitions.shapes.targets import TARGETS, ProcessTarget
from error_daemon.errors import Problem


@dataclass(frozen=True, slots=True)
class Program:
    """A command of an entry: `at` leads to the mapping that has it."""

    entry: AsRun
    at: Loc
    command: Sequence[str]
    cwd: str | None
    environment: Mapping[str, str]

    def say(self, message: str, mend: str, at: Loc) -> Problem:
        return self.entry.say(message, mend, (*self.at, *at))


def programs_of(entry: AsRun) -> Iterator[Program]:
    value = entry.value
    at: Loc = ()
    if isinstance(value, RetryStrategy):
        value, at = value.operation, ("operation",)
    if isinstance(value, ExecOperation | ExecProbe | ProcessTarget):
        yield Program(entry, at, value.command, value.cwd, value.environment)
    for index, one in enumerate(value.observe) if isinstance(value, TARGETS) else ():
        if isinstance(one, ExecObserver):
            unused = replace(entry, is_used=False)
            yield Program(unused, ("observe", index), one.command, one.cwd, one.environment)
