"""What the observers of a target need of it: a process observer a pid file or a program to look for, and a unit observer a unit. What
they don't name themselves they take from their target."""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.files.written import Written
from error_daemon.definitions.shapes.observers import ObserverEntry, ProcessObserver, UnitObserver
from error_daemon.definitions.shapes.targets import ProcessTarget, ServiceTarget, TargetEntry
from error_daemon.errors import Problem


def check_observers(target: Written[TargetEntry]) -> Iterator[Problem]:
    for index, observer in enumerate(target.value.observe):
        if lacking := _lacking(observer, target.value):
            yield target.problem(*lacking, ("observe", index))


def _lacking(observer: ObserverEntry, target: TargetEntry) -> tuple[str, str] | None:
    """Message and mend, for what can't be looked at."""
    if isinstance(observer, ProcessObserver) and not (observer.pid_file or observer.program):
        if not isinstance(target, ProcessTarget):
            return f"a {target.kind} has no process that it names", "give the observer a pid_file or a program"
        return None
    if isinstance(observer, UnitObserver) and observer.unit is None:
        if not isinstance(target, ServiceTarget):
            return f"a {target.kind} has no unit", "give the observer a unit"
        if target.unit is None:
            return "the target names no unit", "give the target a unit, or the observer"
    return None
