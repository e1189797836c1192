"""What a reload of the definitions has found, and done."""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.errors import Problem


@dataclass(frozen=True, slots=True)
class KeyChange:
    """One key of a definition; empty where it was not, or is no more."""

    key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class DefinitionChange:
    """`kind`: target, probe, strategy, rule or bulkhead. `how`: added, removed or changed. `keys`: of a changed one. Without a name it
    is the order of all of that kind."""

    kind: str
    name: str
    how: str
    keys: tuple[KeyChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Reloaded:
    """`is_in_force`: what was read is in force now. It is not where there are errors among the problems, nor in a dry run."""

    is_in_force: bool
    problems: tuple[Problem, ...]
    changes: tuple[DefinitionChange, ...]
    digest: str  # of the definitions in force after it
    loaded_at: float  # when those were read
    settings_to_restart: tuple[str, ...] = ()  # that are others in recovery.conf than those in force
    tickets_changed: int = 0
    tickets_ended: int = 0
    attempts_running: int = 0
    pauses_dropped: tuple[str, ...] = ()  # their targets
