from __future__ import annotations

import pytest

from error_daemon.core.ladder import above, entry, levels, serving
from error_daemon.model import ErrorType, Severity, Strategy, Target
from tests.core.world import rule

WEB = Target("web", "service")
STRATEGIES = {
    "any": Strategy("any", "exec"),
    "net": Strategy("net", "exec", error_types=frozenset({ErrorType.NETWORK})),
    "host": Strategy("host", "exec", target_kinds=frozenset({"host"})),
}
LADDER = rule(ladder={1: ("net", "any"), 3: ("host",), 4: ("net",), 5: ("host", "any")})


def test_a_level_serves_what_fits_in_the_operators_order() -> None:
    assert [s.id for s in serving(LADDER, 1, STRATEGIES, ErrorType.NETWORK, WEB)] == ["net", "any"]
    assert [s.id for s in serving(LADDER, 1, STRATEGIES, ErrorType.DATA, WEB)] == ["any"]
    assert [s.id for s in serving(LADDER, 5, STRATEGIES, ErrorType.DATA, Target("h", "host"))] == ["host", "any"]
    assert serving(LADDER, 2, STRATEGIES, ErrorType.DATA, WEB) == ()


def test_levels_without_anything_to_try_are_skipped() -> None:
    assert levels(LADDER, STRATEGIES, ErrorType.NETWORK, WEB) == (1, 4, 5)
    assert levels(LADDER, STRATEGIES, ErrorType.DATA, WEB) == (1, 5)
    assert levels(rule(ladder={}), STRATEGIES, ErrorType.DATA, WEB) == ()


@pytest.mark.parametrize(
    ("available", "floor", "severity", "expected"),
    [
        ((1, 2, 5), 3, Severity.HIGH, 1),
        ((2, 5), 1, Severity.HIGH, 2),
        ((1, 2, 5), 3, Severity.CRITICAL, 5),
        ((1, 2), 4, Severity.CRITICAL, 2),
        ((1, 2), 1, Severity.CRITICAL, 1),
        ((), 1, Severity.CRITICAL, None),
    ],
)
def test_only_critical_errors_enter_higher(
    available: tuple[int, ...], floor: int, severity: Severity, expected: int | None
) -> None:
    assert entry(available, rule(entry_level=floor), severity) == expected


def test_above_is_the_next_level_that_there_is() -> None:
    assert above((1, 4, 5), 1) == 4
    assert above((1, 4, 5), 3) == 4
    assert above((1, 4, 5), 5) is None
