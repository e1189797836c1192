"""Rules that are never reached, since the first rule that matches a fault decides.

A rule is shadowed when every fault that it is for is taken by an earlier one: for each type of errors that it names there is an earlier
rule that is for this type, for the same severities or more, and whose every pattern takes whatever the pattern of this rule takes.
That a pattern takes what another takes is decided exactly for globs (globs.py). Regular expressions are only compared as texts.
So what is found here is sure, and what is not found may still be never reached.

A rule without a target of its own is for the target that the fault names; that changes what is done, not which faults it takes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.meaning.globs import is_within
from error_daemon.definitions.shapes.document import RuleEntry, WhenEntry
from error_daemon.definitions.shapes.patterns import RegexEntry
from error_daemon.errors import Problem
from error_daemon.model import ErrorType, Severity

_PATTERNS = ("component", "operation", "node", "environment", "exception", "message", "source", "target")
_ANYTHING = "*"
_Pattern = str | RegexEntry | None


def check_shadows(directory: Directory) -> Iterator[Problem]:
    for index, rule in enumerate(directory.rules):
        shadows = _shadows(rule.value, directory.rules[:index])
        if shadows:
            yield rule.problem(*_said(rule.value.id, shadows), ("when",), key=True)


def _shadows(rule: RuleEntry, earlier: Sequence[Written[RuleEntry]]) -> list[Written[RuleEntry]]:
    """The earlier rules that take all of it together; none where something is left. One of the same id is wrong anyway."""
    left = set(rule.when.type or ErrorType)
    found = []
    for one in earlier:
        takes = left & (one.value.when.type or left)
        if takes and one.value.id != rule.id and _takes_all(one.value.when, rule.when):
            found.append(one)
            left -= takes
        if not left:
            return found
    return []


def _takes_all(wide: WhenEntry, narrow: WhenEntry) -> bool:
    """Whether `wide` takes what `narrow` takes, leaving types aside."""
    if _least(wide) > _least(narrow):
        return False
    if not all(_is_wider(getattr(wide, part), getattr(narrow, part)) for part in _PATTERNS):
        return False
    return all(_is_wider(glob, narrow.attributes.get(name)) for name, glob in wide.attributes.items())


def _least(when: WhenEntry) -> Severity:
    return Severity.INFO if when.min_severity is None else Severity[when.min_severity.upper()]


def _is_wider(wide: _Pattern, narrow: _Pattern) -> bool:
    """A part that is not written takes everything, the empty text too."""
    if wide is None or wide == narrow:
        return True
    if isinstance(wide, RegexEntry):
        return False
    return is_within(_ANYTHING if narrow is None or isinstance(narrow, RegexEntry) else narrow, wide)


def _said(name: str, shadows: Sequence[Written[RuleEntry]]) -> tuple[str, str]:
    places = [f"{quoted(rule.value.id)} ({_place(rule)})" for rule in shadows]
    takes = f"{places[0]} takes" if len(places) == 1 else f"{', '.join(places[:-1])} and {places[-1]} together take"
    return (
        f"rule {quoted(name)} is never reached: {takes} every fault that it is for, and come{'s' * (len(places) == 1)} first",
        "put it above, narrow the earlier one, or take it out",
    )


def _place(rule: Written[RuleEntry]) -> str:
    return f"{rule.source.file}:{rule.source.place(rule.loc)[0]}"
