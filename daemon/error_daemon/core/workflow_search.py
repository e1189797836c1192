"""Which workflows fit: an error, or a few plain words; pure.

**An error.** A workflow fits when its `for` matches the fault, as a rule's `when` does. The more it asks for, the more it is about just
this: each part that is set counts, a pattern without wildcards for half as much again, and so does a single type.

**Words.** A word counts for a workflow where it stands in its name or id (3), its description (2) or its steps (1), and the more the fewer
workflows have it: the inverse document frequency of Spärck Jones, "A statistical interpretation of term specificity" (1972). Words count as
the same when they begin with the same five letters or more and neither goes on for long after those, so that "quantizing" finds
"quantisation" (z is read as s). What fits by words only is after what fits by its `for`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from math import log

from error_daemon.core.rules import matches
from error_daemon.model import Condition, Fault, FoundWorkflow, Workflow

_WORD = re.compile(r"[a-z0-9]+")
_WILD = re.compile(r"(?<!\\)[.*?\[]")  # in a pattern that was made from a glob; a literal one has its dots escaped
_TOO_COMMON = frozenset(
    "a an and are as at be by for from has have in is it of on or that the this to was with".split()  # noqa: SIM905
)
_LEAST_SHARED = 5
_MOST_ENDING = 6
_LEAST_WORDS = 2  # of a fault's message, for a workflow that its `for` does not match
_LONGEST_TEXT = 2000
_MOST_WORDS = 60  # that are looked for: who calls this waits for it

_Index = Mapping[str, set[str]]


def for_fault(workflows: Iterable[Workflow], fault: Fault) -> list[FoundWorkflow]:
    """Those that match the fault, the most specific first; then those that share words with its message."""
    fitting: list[Workflow] = []
    others: list[Workflow] = []
    for workflow in workflows:
        (fitting if matches(workflow.when, fault) else others).append(workflow)
    found = [FoundWorkflow(one, 100.0 + _specificity(one.when), _parts_said(one.when)) for one in fitting]
    text = f"{fault.component} {fault.operation} {fault.exception_type} {fault.message or fault.exception_message}"
    by_words = [one for one in _by_words(others, text, _LEAST_WORDS) if one.score > 0]
    return [*sorted(found, key=lambda one: -one.score), *by_words]


def for_words(workflows: Iterable[Workflow], text: str) -> list[FoundWorkflow]:
    """Those that have at least one of the words, the best first."""
    return _by_words(list(workflows), text, 1)


# --- by condition


def _specificity(when: Condition) -> float:
    types = 1 + 0.5 / len(when.types) if when.types else 0.0
    severity = 1.0 if when.min_severity else 0.0
    return types + severity + sum(1.5 if _is_exact(one) else 1.0 for one in _patterns(when).values())


def _is_exact(pattern: re.Pattern[str]) -> bool:
    return _WILD.search(pattern.pattern.removeprefix("(?s:")) is None


def _parts_said(when: Condition) -> str:
    parts = [name for name, is_set in (("type", when.types), ("severity", when.min_severity)) if is_set]
    parts += _patterns(when)
    return f"it is for errors of this {', '.join(parts)}" if parts else "it is for all errors"


def _patterns(when: Condition) -> Mapping[str, re.Pattern[str]]:
    named = {
        "component": when.component,
        "operation": when.operation,
        "node": when.node,
        "environment": when.environment,
        "exception": when.exception,
        "message": when.message,
        "source": when.source,
        "target": when.target,
    }
    texts = {name: pattern for name, pattern in named.items() if pattern is not None}
    return {**texts, **{f"attribute {name}": pattern for name, pattern in when.attributes.items()}}


# --- by words


def _by_words(workflows: Sequence[Workflow], text: str, least_words: int) -> list[FoundWorkflow]:
    wanted = list(dict.fromkeys(_words(text)))[:_MOST_WORDS]
    fields = [list(_fields(workflow)) for workflow in workflows]
    weights = [{word: _weight(word, own) for word in wanted} for own in fields]
    rarity = {word: log(1 + len(fields) / (1 + sum(one[word] > 0 for one in weights))) for word in wanted}
    found = []
    for workflow, own in zip(workflows, weights, strict=True):
        shared = [word for word in wanted if own[word]]
        if len(shared) >= least_words:
            score = sum(own[word] * rarity[word] for word in shared)
            found.append(FoundWorkflow(workflow, score, f"it has the words {', '.join(shared)}"))
    return sorted(found, key=lambda one: -one.score)


def _fields(workflow: Workflow) -> Iterator[tuple[float, _Index]]:
    """Its words, with what they count."""
    yield 3.0, _index(f"{workflow.id} {workflow.name}")
    yield 2.0, _index(workflow.description)
    texts = (text for step in workflow.steps for text in (step.id, step.instructions, step.expected, *step.hints))
    yield 1.0, _index(" ".join(texts))


def _index(text: str) -> _Index:
    """Its words by how they begin: no others can count as the same."""
    index: dict[str, set[str]] = {}
    for word in _words(text):
        index.setdefault(word[:_LEAST_SHARED], set()).add(word)
    return index


def _weight(word: str, fields: Iterable[tuple[float, _Index]]) -> float:
    start = word[:_LEAST_SHARED]
    found = (weight for weight, index in fields if any(_is_same(word, other) for other in index.get(start, ())))
    return max(found, default=0.0)


def _is_same(one: str, other: str) -> bool:
    shared = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
    return one == other or (shared >= _LEAST_SHARED and max(len(one), len(other)) - shared <= _MOST_ENDING)


def _words(text: str) -> Iterator[str]:
    folded = text[:_LONGEST_TEXT].lower().replace("z", "s")
    return (word for word in _WORD.findall(folded) if word not in _TOO_COMMON and len(word) > 1)
