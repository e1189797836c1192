"""Definitions are read and examined in a process of their own (jobs.py), so that the loop goes on meanwhile.

A reload takes what a start would take: what this host lacks may be what is to be recovered, and must not keep a person from changing
a mode meanwhile. So whatever else is found is a warning here, and nothing is refused that a daemon would start with.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

from error_daemon.definitions.configuration import load_settings
from error_daemon.definitions.difference import difference, digest
from error_daemon.definitions.examine import Against, examine_places
from error_daemon.definitions.host.host import this_host
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import DefinitionChange, Definitions
from error_daemon.runtime.jobs import Read
from error_daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Examination:
    """`definitions` None: they are wrong, and the problems say how."""

    definitions: Definitions | None
    digest: str = ""
    problems: tuple[Problem, ...] = ()
    changes: tuple[DefinitionChange, ...] = ()
    settings_to_restart: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReloadJob:
    """Tells one Examination: of the definitions as they are on the disk now, beside those in force, and of the settings likewise."""

    name: ClassVar[str] = "the examination of the definitions"
    mend: ClassVar[str] = "does what they include, or what this host is asked for, answer?"
    directory: str
    in_force: Definitions
    config: Path | None
    settings: Settings

    def run(self, _read: Read) -> Iterator[Examination]:
        settings, settings_problems = self._settings()
        examined = examine_places([Path(self.directory)], Against(this_host(os.environ)))
        definitions = examined.definitions
        if definitions is None:
            problems = (*examined.problems, *settings_problems)
            yield Examination(None, problems=problems, settings_to_restart=settings)
        else:
            problems = (*(replace(problem, is_warning=True) for problem in examined.problems), *settings_problems)
            changes = difference(self.in_force, definitions)
            yield Examination(definitions, digest(definitions), problems, changes, settings)

    def _settings(self) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
        """Those that are others than in force. What is wrong in them concerns the next start, and is only said."""
        try:
            written = load_settings(self.config, os.environ)
        except ConfigError as wrong:
            return (), tuple(_for_later(problem) for problem in wrong.problems)
        return tuple(_others("", self.settings.model_dump(), written.model_dump())), ()


def _for_later(problem: Problem) -> Problem:
    return replace(problem, message=f"{problem.message}: the daemon would not start with that", is_warning=True)


def _others(prefix: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    for name, value in old.items():
        if isinstance(value, dict):
            yield from _others(f"{prefix}{name}.", value, new[name])
        elif value != new[name]:
            yield f"{prefix}{name}"
