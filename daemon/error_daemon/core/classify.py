"""Which rule a fault falls under, how severe it is, and how it is to be answered.

Rules are tried in the operator's order; the first that matches wins. The severity is the fault's own, else the rule's, else the
type's. The response class (B3) is critical for a critical fault, else the rule's, else the type's: what a wait may cure is
transient; what only a change cures is permanent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from error_daemon.model import PRIORITY_OF, Condition, ErrorType, Fault, Priority, ResponseClass, Rule, Severity

_PERMANENT = frozenset(
    {ErrorType.CONFIGURATION, ErrorType.AUTHENTICATION, ErrorType.SECURITY, ErrorType.DATA, ErrorType.HARDWARE}
)
_HIGH = frozenset({ErrorType.HARDWARE, ErrorType.SECURITY, ErrorType.SYSTEM, ErrorType.COORDINATOR})


@dataclass(frozen=True, slots=True)
class Classification:
    rule: Rule | None
    severity: Severity
    response_class: ResponseClass

    @property
    def priority(self) -> Priority:
        return PRIORITY_OF[self.severity]


def classify(rules: Sequence[Rule], fault: Fault) -> Classification:
    rule = next((rule for rule in rules if matches(rule.when, fault)), None)
    severity = fault.severity or (rule.severity if rule else None)
    if severity is None:
        severity = Severity.HIGH if fault.type in _HIGH else Severity.MEDIUM
    if severity is Severity.CRITICAL:
        response = ResponseClass.CRITICAL
    elif rule and rule.response_class:
        response = rule.response_class
    else:
        response = ResponseClass.PERMANENT if fault.type in _PERMANENT else ResponseClass.TRANSIENT
    return Classification(rule, severity, response)


def matches(when: Condition, fault: Fault) -> bool:
    """Whether every part of the condition that is set fits the fault. A fault without severity counts as MEDIUM here."""
    if when.types and fault.type not in when.types:
        return False
    if when.min_severity and (fault.severity or Severity.MEDIUM) < when.min_severity:
        return False
    return (
        _fits(when.component, fault.component)
        and _fits(when.message, fault.message or fault.exception_message)
        and _fits(when.exception, fault.exception_type)
        and _fits(when.operation, fault.operation)
        and _fits(when.node, fault.node)
        and _fits(when.environment, fault.environment)
        and _fits(when.source, fault.source)
        and _fits(when.target, fault.target)
        and all(_fits(pattern, fault.attributes.get(key, "")) for key, pattern in when.attributes.items())
    )


def _fits(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is None or pattern.fullmatch(text) is not None
