"""What can be said of definitions before they are in force, for `error-cli validate` and a reload; and what a daemon starts with.

Four questions, each in files of their own:

- Are they whole and consistent, and are their secrets kept? (files/, checks/.) Only an error here keeps a daemon from starting.
- Do they fit the schema of the house? (schema/.)
- Do they say what was meant? (meaning/meaning.py has the list.)
- Does this host have what they name? (host/.)

What is wrong for sure is an error; what may be meant as it is, is a warning.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from error_daemon.definitions.files.written import Directory, files_of, in_order, read_files
from error_daemon.definitions.host.host import Host, this_host
from error_daemon.definitions.host.missing import check_host
from error_daemon.definitions.loader import found_in, made_of, sound
from error_daemon.definitions.meaning.learned import Learned
from error_daemon.definitions.meaning.meaning import check_meaning
from error_daemon.definitions.secrets.hidden import hidden, hiding
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import Definitions

if TYPE_CHECKING:
    from error_daemon.definitions.schema.given import Schema


@dataclass(frozen=True, slots=True)
class Against:
    """What definitions are examined against. `host` None: what this host has is left out."""

    host: Host | None = None
    schema: Schema | None = None
    learned: Learned = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Examined:
    """`definitions` is None where an error keeps a daemon from starting. `written` is for counting."""

    problems: tuple[Problem, ...]
    definitions: Definitions | None
    written: Directory = field(default_factory=Directory)


def starting(directory: Path) -> tuple[Definitions, list[Problem]]:
    """What a daemon starts with, and what this host lacks for it. Raises ConfigError with all that keeps it from starting.

    The host is no reason not to start: what it lacks may be what is to be recovered."""
    written = read_files(files_of(directory))
    definitions = sound(written)
    shown = hidden(in_order(written, check_host(written, this_host(os.environ))), hiding(written.sources))
    return definitions, [problem for problem in shown if not problem.is_warning]


def examine_places(places: Sequence[Path], against: Against) -> Examined:
    """Directories and files, together: as if all of it were one directory. Raises SchemaUnusable."""
    try:
        written = read_files(
            [path for place in places for path in ([place] if os.path.isfile(place) else files_of(place))]
        )
    except ConfigError as error:
        return Examined(error.problems, None)
    first = found_in(written)
    is_sound = all(problem.is_warning for problem in first)
    problems = in_order(written, [*first, *_beyond(written, against, is_sound=is_sound)])
    shown = tuple(hidden(problems, hiding(written.sources)))
    return Examined(shown, made_of(written) if is_sound else None, written)


def _beyond(written: Directory, against: Against, *, is_sound: bool) -> Iterator[Problem]:
    """What does not keep the daemon from starting."""
    if against.schema:
        from error_daemon.definitions.schema.misfits import check_schema  # its library takes long to import

        yield from check_schema(written, against.schema)
    yield from check_meaning(written, against.learned, is_sound=is_sound)
    if against.host:
        yield from check_host(written, against.host)
