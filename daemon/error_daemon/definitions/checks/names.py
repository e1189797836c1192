"""Names that are used, and names that are given twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from error_daemon.definitions.complaints import did_you_mean, quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.errors import Problem

_SINGULAR = {
    "targets": "target",
    "probes": "probe",
    "strategies": "strategy",
    "ladders": "ladder",
    "rules": "rule",
    "bulkheads": "bulkhead",
    "hooks": "hook",
    "workflows": "workflow",
}


def unknown(directory: Directory, section: str, name: str, words: Sequence[str] = ()) -> tuple[str, str] | None:
    """Message and mend for a name that is not defined. `words` might have been meant, too."""
    known = directory.names[section]
    if name in known or section in directory.unreadable:
        return None
    return f"no {_SINGULAR[section]} is called {quoted(name)}", did_you_mean(name, [*known, *words])


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


def twice(entries: Sequence[Written[_HasId]], section: str) -> Iterator[Problem]:
    """Ids that another entry of the section has."""
    first: dict[str, Written[_HasId]] = {}
    for entry in entries:
        before = first.setdefault(entry.value.id, entry)
        if before is not entry:
            mend = f"the first one is in {before.source.file}:{before.source.place((*before.loc, 'id'))[0]}"
            yield entry.problem(f"two {section} are called {quoted(entry.value.id)}", mend, ("id",))
