"""Everything that can be said of definitions before they are in force: the one entry for `error-cli validate` and for a reload.

Three questions, each in files of their own:

- Are they whole and consistent? (written.py, checks.py, secret_checks.py.) An error here keeps the daemon from starting.
- Do they say what was meant? (meaning.py has the list.) And do they fit the schema of the house? (schema_checks.py.)
- Does this host have what they name? (host_checks.py.)

What is wrong for sure is an error; what may be meant as it is, is a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from error_daemon.definitions.loader import found_in, made_of
from error_daemon.definitions.written import Directory, files_of, read_files
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import Definitions


@dataclass(frozen=True, slots=True)
class Examined:
    """`definitions` is None where there is any error."""

    problems: tuple[Problem, ...]
    definitions: Definitions | None
    written: Directory = field(default_factory=Directory)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if not problem.is_warning)


def examine(directory: Path) -> Examined:
    """All definitions of a directory, as the daemon would have them."""
    return examine_places([directory])


def examine_places(places: Sequence[Path]) -> Examined:
    """Directories and files, together: as if all of it were one directory."""
    try:
        written = read_files([path for place in places for path in (files_of(place) if place.is_dir() else [place])])
    except ConfigError as error:
        return Examined(error.problems, None)
    problems = tuple(found_in(written))
    is_sound = all(problem.is_warning for problem in problems)
    return Examined(problems, made_of(written) if is_sound else None, written)
