from __future__ import annotations

import pytest

from error_daemon.core.ladder import Ladders, above, entry
from error_daemon.model import ErrorType, Rule, Severity, Strategy, Target
from tests.core.world import rule

WEB = Target("web", "service")
STRATEGIES = {
    "any": Strategy("any", "exec"),
    "net": Strategy("net", "exec", error_types=frozenset({ErrorType.NETWORK})),
    "host": Strategy("host", "exec", target_kinds=frozenset({"host"})),
}
LADDER = rule(ladder={1: ("net", "any"), 3: ("host",), 4: ("net",), 5: ("host", "any")})


def offered(given: Rule, error_type: ErrorType, target: Target = WEB) -> dict[int, list[str]]:
    ladders = Ladders(STRATEGIES)
    first = ladders.offer(given, error_type, target)
    assert ladders.offer(given, error_type, target) == first, "asked again, the same"
    return {level: [strategy.id for strategy in strategies] for level, strategies in first.items()}


def test_a_level_offers_what_fits_in_the_operators_order_and_one_without_is_skipped() -> None:
    assert offered(LADDER, ErrorType.NETWORK) == {1: ["net", "any"], 4: ["net"], 5: ["any"]}
    assert offered(LADDER, ErrorType.DATA) == {1: ["any"], 5: ["any"]}
    assert offered(LADDER, ErrorType.DATA, Target("h", "host")) == {1: ["any"], 3: ["host"], 5: ["host", "any"]}
    assert offered(rule(ladder={}), ErrorType.DATA) == {}


@pytest.mark.parametrize(
    ("available", "floor", "severity", "expected"),
    [
        ((1, 2, 5), 3, Severity.HIGH, 1),
        ((2, 5), 1, Severity.HIGH, 2),
        ((1, 2, 5), 3, Severity.CRITICAL, 5),
        ((1, 2), 4, Severity.CRITICAL, 2),
        ((1, 2), 1, Severity.CRITICAL, 1),
    ],
)
def test_only_critical_errors_enter_higher(
    available: tuple[int, ...], floor: int, severity: Severity, expected: int
) -> None:
    assert entry(available, rule(entry_level=floor), severity) == expected


def test_above_is_the_next_level_that_there_is() -> None:
    assert above((1, 4, 5), 1) == 4
    assert above((1, 4, 5), 3) == 4
    assert above((1, 4, 5), 5) is None
