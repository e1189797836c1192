"""Names that are used, and names that are given twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.definitions.complaints import did_you_mean, quoted
from error_daemon.definitions.document import BulkheadEntry, RuleEntry
from error_daemon.definitions.written import Directory, Written
from error_daemon.errors import Problem

_SINGULAR = {
    "targets": "target",
    "probes": "probe",
    "strategies": "strategy",
    "ladders": "ladder",
    "rules": "rule",
    "bulkheads": "bulkhead",
}


def unknown(directory: Directory, section: str, name: str, words: Sequence[str] = ()) -> tuple[str, str] | None:
    """Message and mend for a name that is not defined. `words` might have been meant, too."""
    known = directory.names[section]
    if name in known or section in directory.unreadable:
        return None
    return f"no {_SINGULAR[section]} is called {quoted(name)}", did_you_mean(name, [*known, *words])


def twice(entries: Sequence[Written[RuleEntry]] | Sequence[Written[BulkheadEntry]], section: str) -> Iterator[Problem]:
    """Ids that another entry of the section has."""
    first: dict[str, Written[RuleEntry] | Written[BulkheadEntry]] = {}
    for entry in entries:
        before = first.setdefault(entry.value.id, entry)
        if before is not entry:
            mend = f"the first one is in {before.source.file}:{before.source.place((*before.loc, 'id'))[0]}"
            yield entry.problem(f"two {section} are called {quoted(entry.value.id)}", mend, ("id",))
