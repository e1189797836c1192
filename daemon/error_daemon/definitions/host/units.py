"""Units that this host does not have, or that are masked: `unit` of targets, observers, probes and strategies, and what commands of
systemctl and service are about (systemctl.py).

A host without any units is said once: definitions may be checked elsewhere than where they are for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from error_daemon.definitions.commands.runs import runs
from error_daemon.definitions.complaints import Loc, quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.filled import users_of_probes, users_of_strategies
from error_daemon.definitions.host.host import Host, full_name
from error_daemon.definitions.host.programs import Program, as_run
from error_daemon.definitions.host.systemctl import units_named
from error_daemon.definitions.meaning.reach import acting
from error_daemon.definitions.shapes.kinds import ServiceTarget, UnitProbe, UnitStrategy
from error_daemon.definitions.shapes.observers import UnitObserver
from error_daemon.errors import Problem


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit that `entry` names at `at`. `is_used`: by a rule that may act."""

    name: str
    entry: Written[Any]
    at: Loc
    is_used: bool

    def say(self, message: str, mend: str = "") -> Problem:
        return (self.entry.problem if self.is_used else self.entry.warning)(message, mend, self.at)


def check_units(directory: Directory, programs: Sequence[Program], host: Host) -> Iterator[Problem]:
    units = [
        *_of_entries(directory),
        *_of_observers(directory),
        *(unit for program in programs for unit in _of_program(program)),
    ]
    if units and not host.has_units():
        message = f"this host has no systemd units at all: {len(units)} that are named could not be looked up"
        mend = "validate where they are to run, or leave this out with --no-host"
        yield units[0].entry.warning(message, mend, units[0].at)
        return
    known = host.units() if units else []
    for unit in units:
        if problem := host.unit_problem(unit.name):
            mend = _likely(unit.name, known) if problem.startswith("is not") else f"systemctl unmask {unit.name}"
            yield unit.say(f"{quoted(unit.name)} {problem}", mend)


def _likely(name: str, known: Sequence[str]) -> str:
    """Compared without the suffix, in which all services are alike."""
    stem, dot, suffix = full_name(name).rpartition(".")
    stems = sorted({unit.rpartition(".")[0] for unit in known if unit.endswith(dot + suffix)})
    near = get_close_matches(stem, stems, n=1)
    return f"did you mean {quoted(near[0] + dot + suffix)}?" if near else ""


def _of_observers(directory: Directory) -> Iterator[_Unit]:
    """Looked at when a person tests a recovery, and by no rule."""
    for name, target in directory.targets.items():
        for value in as_run(directory, target, (name,)):
            for index, one in enumerate(value.observe):
                if isinstance(one, UnitObserver) and one.unit:
                    yield _Unit(one.unit, target, ("observe", index, "unit"), is_used=False)


def _of_entries(directory: Directory) -> Iterator[_Unit]:
    used = acting(directory)
    users: Mapping[str, Mapping[str, Iterable[str]]] = {
        "targets": {name: (name,) for name in directory.targets},
        "probes": users_of_probes(directory),
        "strategies": users_of_strategies(directory),
    }
    for section, of_targets in users.items():
        entries: Mapping[str, Written[Any]] = getattr(directory, section)
        for name, entry in entries.items():
            for value in as_run(directory, entry, of_targets.get(name, ())):
                if (
                    isinstance(value, ServiceTarget | UnitProbe | UnitStrategy)
                    and value.unit
                    and "${" not in value.unit
                ):
                    yield _Unit(value.unit, entry, ("unit",), name in getattr(used, section))


def _of_program(program: Program) -> Iterator[_Unit]:
    """What is read out of a shell's script is not sure enough for an error."""
    for run in runs(program.command):
        for name in units_named(run):
            at: Loc = ("command", program.command.index(name)) if name in program.command else ("command",)
            yield _Unit(name, program.entry, (*program.at, *at), program.is_used and not run.is_guessed)
