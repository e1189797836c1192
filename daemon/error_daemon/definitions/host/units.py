"""Units that this host does not have, or that are masked: `unit` of targets, observers, probes and strategies, and what commands of
systemctl and service are about (systemctl.py).

A host without any units is said once: definitions may be checked elsewhere than where they are for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from error_daemon.definitions.commands.runs import runs
from error_daemon.definitions.complaints import Loc, quoted
from error_daemon.definitions.host.entries import VARIABLE, AsRun
from error_daemon.definitions.host.host import Host, full_name
from error_daemon.definitions.host.programs import programs_of
from error_daemon.definitions.host.systemctl import units_named
from error_daemon.definitions.shapes.observers import UnitObserver
from error_daemon.definitions.shapes.probes import UnitProbe
from error_daemon.definitions.shapes.strategies import UnitStrategy
from error_daemon.definitions.shapes.targets import TARGETS, ServiceTarget
from error_daemon.errors import Problem


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit that an entry names at `at`."""

    name: str
    entry: AsRun
    at: Loc


def check_units(entries: Sequence[AsRun], host: Host) -> Iterator[Problem]:
    units = [unit for entry in entries for unit in (*_of_entry(entry), *_of_programs(entry))]
    if units and not host.has_units():
        message = f"this host has no systemd units at all: {len(units)} that are named could not be looked up"
        mend = "validate where they are to run, or leave this out with --no-host"
        yield units[0].entry.written.warning(message, mend, units[0].at)
        return
    known = host.units() if units else []
    for unit in units:
        if problem := host.unit_problem(unit.name):
            mend = _likely(unit.name, known) if problem.startswith("is not") else f"systemctl unmask {unit.name}"
            yield unit.entry.say(f"{quoted(unit.name)} {problem}", mend, unit.at)


def _likely(name: str, known: Sequence[str]) -> str:
    """Compared without the suffix, in which all services are alike."""
    stem, dot, suffix = full_name(name).rpartition(".")
    stems = sorted({unit.rpartition(".")[0] for unit in known if unit.endswith(dot + suffix)})
    near = get_close_matches(stem, stems, n=1)
    return f"did you mean {quoted(near[0] + dot + suffix)}?" if near else ""


def _of_entry(entry: AsRun) -> Iterator[_Unit]:
    """An observer looks when a person tests a recovery, and by no rule."""
    value = entry.value
    if isinstance(value, ServiceTarget | UnitProbe | UnitStrategy) and value.unit and VARIABLE not in value.unit:
        yield _Unit(value.unit, entry, ("unit",))
    for index, one in enumerate(value.observe) if isinstance(value, TARGETS) else ():
        if isinstance(one, UnitObserver) and one.unit:
            yield _Unit(one.unit, replace(entry, is_used=False), ("observe", index, "unit"))


def _of_programs(entry: AsRun) -> Iterator[_Unit]:
    """What is read out of a shell's script is not sure enough for an error."""
    for program, run in ((each, run) for each in programs_of(entry) for run in runs(each.command)):
        holder = replace(program.entry, is_used=False) if run.is_guessed else program.entry
        for name in units_named(run):
            at: Loc = ("command", program.command.index(name)) if name in program.command else ("command",)
            yield _Unit(name, holder, (*program.at, *at))
