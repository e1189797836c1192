"""How severe a fault is, and how it is to be answered.

The severity is the fault's own, else that of its rule (rules.py), else the type's; then the impact of the target raises or lowers it
(graph.py), except that what a sender calls critical stays critical.
The response class (B3) is critical for a critical fault, else the rule's, else the type's: what a wait may cure is transient;
what only a change cures is permanent. The recovery class (C9) is the rule's, else emergency for a critical fault, immediate for
a transient one, and gradual for any other.
"""

from __future__ import annotations

from error_daemon.core.graph import Graph, severity_steps
from error_daemon.core.rules import Rules
from error_daemon.model import (
    PRIORITY_OF,
    ErrorType,
    Fault,
    Priority,
    RecoveryClass,
    ResponseClass,
    Rule,
    Severity,
)
from error_daemon.model.value import value

_PERMANENT = frozenset(
    {ErrorType.CONFIGURATION, ErrorType.AUTHENTICATION, ErrorType.SECURITY, ErrorType.DATA, ErrorType.HARDWARE}
)
_RECOVERY = {
    ResponseClass.CRITICAL: RecoveryClass.EMERGENCY,
    ResponseClass.TRANSIENT: RecoveryClass.IMMEDIATE,
}
_HIGH = frozenset({ErrorType.HARDWARE, ErrorType.SECURITY, ErrorType.SYSTEM, ErrorType.COORDINATOR})
_MOST_KNOWN = 10_000  # whoever makes targets up must not fill the memory


@value
class Classification:
    rule: Rule | None
    severity: Severity
    response_class: ResponseClass
    recovery_class: RecoveryClass
    because: str = ""  # why the impact has moved the severity; empty where it has not

    @property
    def priority(self) -> Priority:
        return PRIORITY_OF[self.severity]


class Classifier:
    """What a fault is, by one set of definitions. That follows from the rule and three words of the fault, so it is worked out once for
    each of these."""

    __slots__ = ("_graph", "_known", "_most_known", "_rules")

    def __init__(self, rules: Rules, graph: Graph, most_known: int = _MOST_KNOWN) -> None:
        self._rules = rules
        self._graph = graph
        self._most_known = most_known
        self._known: dict[tuple[str, ErrorType, Severity | None, str], Classification] = {}

    def __call__(self, fault: Fault) -> Classification:
        rule = self._rules.first(fault)
        key = (rule.id if rule else "", fault.type, fault.severity, fault.target)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= self._most_known:
                self._known.clear()
            known = self._known[key] = _classified(rule, fault, self._graph)
        return known


def _classified(rule: Rule | None, fault: Fault, graph: Graph) -> Classification:
    stated = fault.severity or (rule.severity if rule else None)
    if stated is None:
        stated = Severity.HIGH if fault.type in _HIGH else Severity.MEDIUM
    severity, because = by_impact(stated, (rule.target if rule else None) or fault.target, graph)
    response = _response_class(fault, rule, severity)
    recovery = (rule.recovery_class if rule else None) or _RECOVERY.get(response, RecoveryClass.GRADUAL)
    return Classification(rule, severity, response, recovery, because)


def by_impact(severity: Severity, target: str, graph: Graph) -> tuple[Severity, str]:
    """The severity as the impact of the target moves it, and why; empty where it does not."""
    impact = graph.impact(target)
    steps = severity_steps(impact)
    if not steps or severity is Severity.CRITICAL:
        return severity, ""
    moved = Severity(min(max(severity + steps, Severity.INFO), Severity.CRITICAL))
    if moved is severity:
        return severity, ""
    return moved, f"{severity.name.lower()} by itself, and {target} has an impact of {impact:.1f}"


def _response_class(fault: Fault, rule: Rule | None, severity: Severity) -> ResponseClass:
    if severity is Severity.CRITICAL:
        return ResponseClass.CRITICAL
    if rule and rule.response_class:
        return rule.response_class
    return ResponseClass.PERMANENT if fault.type in _PERMANENT else ResponseClass.TRANSIENT
