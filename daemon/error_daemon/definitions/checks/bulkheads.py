"""What bulkheads mean together.

- No two have the same id, and none is called by a word of `fallback`: wait, fail.
- A fallback is such a word, or a bulkhead; fallbacks end somewhere: none leads back to where it began.
- The rules that one is for are there.
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.checks.names import twice, unknown
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.graph import cycles
from error_daemon.definitions.shapes.document import BulkheadEntry
from error_daemon.errors import Problem

_WORDS = ("wait", "fail")


def check_bulkheads(directory: Directory) -> Iterator[Problem]:
    yield from twice(directory.bulkheads, "bulkheads")
    for bulkhead in directory.bulkheads:
        yield from _check_bulkhead(directory, bulkhead)
    by_id: dict[str, Written[BulkheadEntry]] = {}
    for bulkhead in directory.bulkheads:
        by_id.setdefault(bulkhead.value.id, bulkhead)
    fallbacks = {name: (each.value.fallback,) for name, each in by_id.items() if each.value.fallback not in _WORDS}
    for cycle in cycles(fallbacks):
        message = f"the fallback of {quoted(cycle[0])} leads back to it: {' -> '.join((*cycle, cycle[0]))}"
        yield by_id[cycle[-1]].problem(message, "end it with wait or fail", ("fallback",))


def _check_bulkhead(directory: Directory, bulkhead: Written[BulkheadEntry]) -> Iterator[Problem]:
    written = bulkhead.value
    if written.id in _WORDS:
        message = f"no bulkhead can be called {quoted(written.id)}: that is a word of fallback"
        yield bulkhead.problem(message, "call it something else", ("id",))
    if written.fallback not in _WORDS and (problem := unknown(directory, "bulkheads", written.fallback, _WORDS)):
        yield bulkhead.problem(*problem, ("fallback",))
    for index, rule in enumerate(written.when.rules):
        if problem := unknown(directory, "rules", rule):
            yield bulkhead.problem(*problem, ("when", "rules", index))
