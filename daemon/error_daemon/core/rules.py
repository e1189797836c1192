"""Which rule a fault falls under: of the rules in the operator's order, the first whose condition fits.

Every part of a condition that is set must fit. Nearly every rule asks for a type or a component, and there are few of either. So which
rules come into question for a type and a component is worked out once, and only these are asked about the rest.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from error_daemon.model import Condition, ErrorType, Fault, Rule, Severity

_MOST_KNOWN = 10_000  # pairs of type and component; whoever makes components up must not fill the memory


class Rules:
    __slots__ = ("_in_question", "_most_known", "_rules")

    def __init__(self, rules: Sequence[Rule], most_known: int = _MOST_KNOWN) -> None:
        self._rules = rules
        self._most_known = most_known
        self._in_question: dict[tuple[ErrorType, str], Sequence[Rule]] = {}

    def first(self, fault: Fault) -> Rule | None:
        """The rule that the fault falls under; None: there is none for it."""
        key = fault.type, fault.component
        in_question = self._in_question.get(key)
        if in_question is None:
            if len(self._in_question) >= self._most_known:
                self._in_question.clear()
            in_question = self._in_question[key] = [rule for rule in self._rules if _may_fit(rule.when, *key)]
        for rule in in_question:
            if _rest_fits(rule.when, fault):
                return rule
        return None


def matches(when: Condition, fault: Fault) -> bool:
    """Whether every part of the condition that is set fits the fault. A fault without severity counts as MEDIUM here."""
    return _may_fit(when, fault.type, fault.component) and _rest_fits(when, fault)


def _may_fit(when: Condition, error_type: ErrorType, component: str) -> bool:
    return (not when.types or error_type in when.types) and _fits(when.component, component)


def _rest_fits(when: Condition, fault: Fault) -> bool:
    if when.min_severity and (fault.severity or Severity.MEDIUM) < when.min_severity:
        return False
    return (
        _fits(when.message, fault.message or fault.exception_message)
        and _fits(when.exception, fault.exception_type)
        and _fits(when.operation, fault.operation)
        and _fits(when.node, fault.node)
        and _fits(when.environment, fault.environment)
        and _fits(when.source, fault.source)
        and _fits(when.target, fault.target)
        and (not when.attributes or _attributes_fit(when, fault))
    )


def _attributes_fit(when: Condition, fault: Fault) -> bool:
    return all(_fits(pattern, fault.attributes.get(key, "")) for key, pattern in when.attributes.items())


def _fits(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is None or pattern.fullmatch(text) is not None
