"""Every target, probe and strategy as it is run: once for each way in which it is filled with the variables of the targets that it is for.

`is_used` says that a rule that may act comes to it. What is wrong with such an entry is an error, with any other a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from error_daemon.definitions.complaints import Loc
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.filled import filled
from error_daemon.definitions.reach import acting, users_of
from error_daemon.errors import Problem

VARIABLE = "${"  # what is known in an attempt only


@dataclass(frozen=True, slots=True)
class AsRun:
    written: Written[Any]
    value: Any
    is_used: bool  # by a rule that may act

    def say(self, message: str, mend: str, at: Loc) -> Problem:
        return (self.written.problem if self.is_used else self.written.warning)(message, mend, at)


def entries_as_run(directory: Directory) -> Iterator[AsRun]:
    used = acting(directory)
    for section, users in users_of(directory).items():
        entries: Mapping[str, Written[Any]] = getattr(directory, section)
        for name, written in entries.items():
            is_used = name in getattr(used, section)
            for value in _ways(directory, written, users.get(name, ())):
                yield AsRun(written, value, is_used)


def _ways(directory: Directory, written: Written[Any], targets: Iterable[str]) -> Iterator[Any]:
    """The entry as it is for each of these targets, each way once; as it is written where there are none."""
    ways: set[str] = set()
    for target in targets:
        try:
            value = filled(directory, written, target)
        except ValueError:  # checks/variables.py has said why
            continue
        way = repr(value)
        if way not in ways:
            ways.add(way)
            yield value
    if not ways:
        yield written.value
