from __future__ import annotations

from collections.abc import Sequence
from re import compile as pattern

import pytest

from error_daemon.core.classify import Classification, Classifier
from error_daemon.core.graph import Graph
from error_daemon.core.rules import Rules, matches
from error_daemon.model import (
    Condition,
    ErrorType,
    Fault,
    Priority,
    RecoveryClass,
    ResponseClass,
    Rule,
    Severity,
    Target,
)
from tests.core.world import fault, rule


def classify(rules: Sequence[Rule], one: Fault, *targets: Target) -> Classification:
    return Classifier(Rules(rules), Graph({target.id: target for target in targets}))(one)


ONE = Fault(
    ErrorType.DATABASE,
    message="deadlock",
    severity=Severity.HIGH,
    component="db",
    operation="commit",
    node="host1",
    environment="production",
    attributes={"shard": "7"},
    exception_type="DeadlockDetected",
    source="otlp",
    target="pg",
)
TEXTS = {
    "component": "db",
    "operation": "commit",
    "node": "host1",
    "environment": "production",
    "exception": "DeadlockDetected",
    "message": "deadlock",
    "source": "otlp",
    "target": "pg",
}


@pytest.mark.parametrize(("part", "text"), TEXTS.items())
def test_each_pattern_must_fit_the_whole_text(part: str, text: str) -> None:
    assert matches(Condition(**{part: pattern(text)}), ONE)  # type: ignore[arg-type]
    assert not matches(Condition(**{part: pattern(text[:-1])}), ONE)  # type: ignore[arg-type]
    assert not matches(Condition(**{part: pattern("other")}), ONE)  # type: ignore[arg-type]


def test_types_severity_and_attributes_must_fit() -> None:
    assert matches(Condition(), ONE)
    assert matches(Condition(types=frozenset({ErrorType.DATABASE})), ONE)
    assert not matches(Condition(types=frozenset({ErrorType.NETWORK})), ONE)
    assert matches(Condition(min_severity=Severity.HIGH), ONE)
    assert not matches(Condition(min_severity=Severity.CRITICAL), ONE)
    assert matches(Condition(attributes={"shard": pattern("[0-9]")}), ONE)
    assert not matches(Condition(attributes={"shard": pattern("8")}), ONE)
    assert not matches(Condition(attributes={"zone": pattern(".+")}), ONE)


def test_a_fault_without_severity_counts_as_medium() -> None:
    assert matches(Condition(min_severity=Severity.MEDIUM), fault())
    assert not matches(Condition(min_severity=Severity.HIGH), fault())


def test_the_exception_speaks_where_there_is_no_message() -> None:
    assert matches(Condition(message=pattern("gone")), fault(message="", exception_message="gone"))


def test_the_first_rule_that_matches_wins() -> None:
    other = Rule("d", Condition(component=pattern("web"), node=pattern(""), source=pattern("another")), {})
    rules = (rule("db", id="a"), other, rule("web", id="b"), rule("web", id="c"))
    found = classify(rules, fault("web")).rule
    assert found is rules[2]
    assert classify(rules, fault("cache")).rule is None


def test_what_came_before_does_not_change_which_rule_matches() -> None:
    rules = Rules([rule("db", id="a"), rule("web", id="b")], most_known=2)
    for component, expected in [("web", "b"), ("db", "a"), ("cache", ""), ("web", "b"), ("cache", ""), ("db", "a")]:
        found = rules.first(fault(component))
        assert (found.id if found else "") == expected


@pytest.mark.parametrize(
    ("own", "of_rule", "error_type", "expected"),
    [
        (Severity.LOW, Severity.HIGH, ErrorType.HARDWARE, Severity.LOW),
        (None, Severity.INFO, ErrorType.HARDWARE, Severity.INFO),
        (None, None, ErrorType.HARDWARE, Severity.HIGH),
        (None, None, ErrorType.NETWORK, Severity.MEDIUM),
    ],
)
def test_severity_is_the_faults_then_the_rules_then_the_types(
    own: Severity | None, of_rule: Severity | None, error_type: ErrorType, expected: Severity
) -> None:
    found = classify((rule(severity=of_rule),), fault(error_type=error_type, severity=own))
    assert found.severity is expected


@pytest.mark.parametrize(
    ("severity", "of_rule", "error_type", "expected"),
    [
        (Severity.CRITICAL, ResponseClass.TRANSIENT, ErrorType.NETWORK, ResponseClass.CRITICAL),
        (None, ResponseClass.CASCADING, ErrorType.NETWORK, ResponseClass.CASCADING),
        (None, None, ErrorType.NETWORK, ResponseClass.TRANSIENT),
        (None, None, ErrorType.CONFIGURATION, ResponseClass.PERMANENT),
    ],
)
def test_the_response_class(
    severity: Severity | None, of_rule: ResponseClass | None, error_type: ErrorType, expected: ResponseClass
) -> None:
    found = classify((rule(response_class=of_rule),), fault(error_type=error_type, severity=severity))
    assert found.response_class is expected


def test_the_priority_follows_from_the_severity() -> None:
    assert classify((), fault(severity=Severity.CRITICAL)).priority is Priority.CRITICAL
    assert classify((), fault(severity=Severity.INFO)).priority is Priority.LOW


@pytest.mark.parametrize(
    ("weight", "own", "expected", "because"),
    [
        (1.0, Severity.LOW, Severity.LOW, ""),
        (5.0, Severity.LOW, Severity.MEDIUM, "low by itself, and web has an impact of 5.0"),
        (20.0, Severity.LOW, Severity.HIGH, "low by itself, and web has an impact of 20.0"),
        (20.0, Severity.HIGH, Severity.CRITICAL, "high by itself, and web has an impact of 20.0"),
        (0.4, Severity.MEDIUM, Severity.LOW, "medium by itself, and web has an impact of 0.4"),
        (0.4, Severity.INFO, Severity.INFO, ""),
        (0.4, Severity.CRITICAL, Severity.CRITICAL, ""),
        (99.0, Severity.CRITICAL, Severity.CRITICAL, ""),
    ],
)
def test_the_impact_of_the_target_moves_the_severity_but_never_what_is_called_critical(
    weight: float, own: Severity, expected: Severity, because: str
) -> None:
    found = classify((rule(),), fault(severity=own), Target("web", "service", weight=weight))
    assert (found.severity, found.because) == (expected, because)


def test_an_impact_that_makes_it_critical_makes_its_response_and_its_recovery_so() -> None:
    heavy = Target("web", "service", weight=20.0)
    found = classify((rule(response_class=ResponseClass.TRANSIENT),), fault(severity=Severity.HIGH), heavy)
    assert (found.response_class, found.recovery_class) == (ResponseClass.CRITICAL, RecoveryClass.EMERGENCY)


def test_the_impact_is_that_of_the_target_the_fault_names_where_the_rule_names_none() -> None:
    heavy = Target("pg", "service", weight=5.0)
    assert classify((rule(target=None),), fault(target="pg"), heavy).severity is Severity.HIGH
    assert classify((), fault(target="pg"), heavy).severity is Severity.HIGH
    assert classify((rule(target=None),), fault(), heavy).severity is Severity.MEDIUM


@pytest.mark.parametrize(
    ("of_rule", "response", "severity", "expected"),
    [
        (RecoveryClass.IMMEDIATE, ResponseClass.CASCADING, Severity.CRITICAL, RecoveryClass.IMMEDIATE),
        (None, ResponseClass.CASCADING, Severity.CRITICAL, RecoveryClass.EMERGENCY),
        (None, ResponseClass.TRANSIENT, Severity.LOW, RecoveryClass.IMMEDIATE),
        (None, ResponseClass.PERMANENT, Severity.LOW, RecoveryClass.GRADUAL),
        (None, ResponseClass.CASCADING, Severity.LOW, RecoveryClass.GRADUAL),
    ],
)
def test_the_recovery_class_is_the_rules_or_follows_from_the_response(
    of_rule: RecoveryClass | None, response: ResponseClass, severity: Severity, expected: RecoveryClass
) -> None:
    found = classify((rule(response_class=response, recovery_class=of_rule),), fault(severity=severity))
    assert found.recovery_class is expected


def test_what_was_worked_out_for_a_kind_of_fault_is_what_is_worked_out_anew_and_does_not_fill_the_memory() -> None:
    rules, graph = Rules((rule(target=None),)), Graph({"pg": Target("pg", "service", weight=20.0)})
    remembering = Classifier(rules, graph, most_known=2)
    for _ in range(2):
        for severity in (None, Severity.LOW, Severity.CRITICAL):
            one = fault(severity=severity, target="pg")
            assert remembering(one) == Classifier(rules, graph)(one)
    assert remembering(fault(target="pg")) is remembering(fault(target="pg"))
