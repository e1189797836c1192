"""Which rule a fault falls under: of the rules in the operator's order, the first whose condition fits.

Every part of a condition that is set must fit. Nearly every rule asks for a type or a component, and there are few of either. So which
rules come into question for a type and a component is worked out once, and only these are asked about the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter

from error_daemon.model import Condition, ErrorType, Fault, Rule, Severity

_MOST_KNOWN = 10_000  # pairs of type and component; whoever makes components up must not fill the memory


_Check = Callable[[Fault], bool]


class Rules:
    __slots__ = ("_in_question", "_most_known", "_rules")

    def __init__(self, rules: Sequence[Rule], most_known: int = _MOST_KNOWN) -> None:
        self._rules = [(rule, _rest_of(rule.when)) for rule in rules]
        self._most_known = most_known
        self._in_question: dict[tuple[ErrorType, str], list[tuple[Rule, list[_Check]]]] = {}

    def first(self, fault: Fault) -> Rule | None:
        """The rule that the fault falls under; None: there is none for it."""
        key = fault.type, fault.component
        in_question = self._in_question.get(key)
        if in_question is None:
            if len(self._in_question) >= self._most_known:
                self._in_question.clear()
            in_question = self._in_question[key] = [one for one in self._rules if _may_fit(one[0].when, *key)]
        for rule, rest in in_question:
            for fits in rest:
                if not fits(fault):
                    break
            else:
                return rule
        return None


def matches(when: Condition, fault: Fault) -> bool:
    """Whether every part of the condition that is set fits the fault. A fault without severity counts as MEDIUM here."""
    return _may_fit(when, fault.type, fault.component) and all(fits(fault) for fits in _rest_of(when))


def _may_fit(when: Condition, error_type: ErrorType, component: str) -> bool:
    of_its_type = not when.types or error_type in when.types
    return of_its_type and (when.component is None or when.component.fullmatch(component) is not None)


def _rest_of(when: Condition) -> list[_Check]:
    """What else is to be asked about a fault: only what the condition sets."""
    texts: list[tuple[re.Pattern[str] | None, Callable[[Fault], str]]] = [
        (when.message, lambda fault: fault.message or fault.exception_message),
        (when.exception, attrgetter("exception_type")),
        (when.operation, attrgetter("operation")),
        (when.node, attrgetter("node")),
        (when.environment, attrgetter("environment")),
        (when.source, attrgetter("source")),
        (when.target, attrgetter("target")),
        *((pattern, partial(_attribute, key)) for key, pattern in when.attributes.items()),
    ]
    least = when.min_severity
    severity: list[_Check] = [lambda fault: (fault.severity or Severity.MEDIUM) >= least] if least else []
    return severity + [partial(_fits, pattern, text_of) for pattern, text_of in texts if pattern is not None]


def _attribute(key: str, fault: Fault) -> str:
    return fault.attributes.get(key, "")


def _fits(pattern: re.Pattern[str], text_of: Callable[[Fault], str], fault: Fault) -> bool:
    return pattern.fullmatch(text_of(fault)) is not None
