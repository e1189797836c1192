from __future__ import annotations

import pytest

from error_daemon.core.verify import Looking, failing, sight
from error_daemon.model import Reading, ReadingValue, Verdict, Verification

OK, BAD, BLIND = ReadingValue.OK, ReadingValue.NOT_OK, ReadingValue.UNKNOWN
RULE = Verification(hold_s=1.0, within_s=5.0, patience_s=30.0)


def readings(*values: ReadingValue) -> list[Reading]:
    return [Reading(f"p{number}", value) for number, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "before", "expected"),
    [
        ((), None, Verdict.UNKNOWN),
        ((BLIND,), None, Verdict.UNKNOWN),
        ((BLIND, BLIND), None, Verdict.UNKNOWN),
        ((OK,), None, Verdict.RECOVERED),
        ((OK, BLIND), None, Verdict.RECOVERED),
        ((OK, BAD), None, Verdict.PERSISTING),
        ((BAD, BLIND), None, Verdict.PERSISTING),
        ((BAD, OK), {"p0"}, Verdict.PERSISTING),
        ((BAD, BAD), {"p0"}, Verdict.WORSE),
        ((OK, BAD), set(), Verdict.WORSE),
    ],
)
def test_one_round_gives_one_sight(
    values: tuple[ReadingValue, ...], before: set[str] | None, expected: Verdict
) -> None:
    assert sight(readings(*values), None if before is None else frozenset(before)) is expected


def test_what_fails_is_named() -> None:
    assert failing(readings(OK, BAD, BLIND, BAD)) == {"p1", "p3"}


@pytest.mark.parametrize(
    ("rounds", "hopeless", "verdict"),
    [
        ([(0, OK), (0.5, OK), (1.0, OK)], False, Verdict.RECOVERED),
        ([(0, OK), (0.9, BAD), (1.0, OK), (1.9, OK), (2.0, OK)], False, Verdict.RECOVERED),
        ([(0, OK), (0.9, BLIND), (1.0, OK), (2.0, OK)], False, Verdict.RECOVERED),
        ([(0, BAD), (4.9, BAD), (5.0, BAD)], False, Verdict.PERSISTING),
        ([(0, BAD)], True, Verdict.PERSISTING),
        ([(0, OK), (0.5, BAD)], True, Verdict.PERSISTING),
        ([(0, OK), (1.0, OK)], True, Verdict.RECOVERED),
        ([(0, BLIND), (29.0, BLIND), (30.0, BLIND)], False, Verdict.UNKNOWN),
        ([(0, BLIND), (29.0, BLIND), (30.0, BLIND)], True, Verdict.UNKNOWN),
        ([(0, BLIND), (10.0, BAD)], False, Verdict.PERSISTING),
    ],
)
def test_rounds_until_the_verdict(rounds: list[tuple[float, ReadingValue]], hopeless: bool, verdict: Verdict) -> None:
    looking = Looking(RULE, 100.0, hopeless)
    verdicts = [looking.judge(readings(value), 100.0 + at) for at, value in rounds]
    assert verdicts == [None] * (len(rounds) - 1) + [verdict]


def test_a_probe_that_failed_only_since_makes_it_worse() -> None:
    looking = Looking(RULE, 0.0, hopeless=True, failing_before=frozenset({"p0"}))
    assert looking.judge(readings(BAD, BAD), 0.0) is Verdict.WORSE


def test_rounds_come_quickly_at_first_and_never_in_a_busy_loop() -> None:
    looking = Looking(RULE, 0.0)
    delays = []
    for _ in range(40):
        looking.judge(readings(BAD), 0.0)
        delays.append(looking.delay_s())
    assert delays[0] == 0.005
    assert delays == sorted(delays)
    assert delays[-1] == 0.25
    looking.judge(readings(BLIND), 0.0)
    assert looking.delay_s() == 5.0, "what cannot be seen is looked at less often"
