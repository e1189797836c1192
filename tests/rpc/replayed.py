"""A replay of four tickets: one that goes another way now, one that is no more, and two as they were."""

from __future__ import annotations

from dataclasses import replace

from error_daemon.core.replay.result import (
    Certainty,
    Compared,
    Course,
    Range,
    Rate,
    Replayed,
    Step,
    Sums,
    Totals,
)
from error_daemon.model import Verdict
from tests.rpc.recovery_world import DECISION, ID

_DONE = Step(DECISION, Verdict.RECOVERED)
_RATE = Rate(0.8, 0.6, 0.95, 12.0)
_GUESSED = Step(replace(DECISION, strategy_id="reload"), Verdict.RECOVERED, Certainty.ESTIMATED, _RATE)
THEN = Course(
    error_id=ID,
    opened_at=100.0,
    ended_at=105.0,
    ended_as="recovered",
    reason="recovered after restart",
    rule="web-died",
    target="web",
    mode="auto",
    levels=(3,),
    steps=(_DONE,),
)
NOW = replace(THEN, ended_at=101.0, reason="recovered after reload", rule="web-reload", levels=(1,), steps=(_GUESSED,))
CHANGED = Compared(
    ID, THEN, NOW, ("reload at level 1 instead of restart at level 3",), Certainty.ESTIMATED, Range(0.5, 1.0, 4.0), 0.8
)
GONE = Compared("feed", THEN, None, (), Certainty.KNOWN, None, 0.0, "its target was not down any more")
SAME = Compared("beef", THEN, THEN, (), Certainty.KNOWN, Range(5.0, 5.0, 5.0), 1.0)


def _known(value: float) -> Range:
    return Range(value, value, value)


REPLAYED = Replayed(
    start_at=0.0,
    until=3600.0,
    compared=(CHANGED, GONE, SAME, SAME),
    totals=Totals(
        then=Sums(
            tickets=_known(4.0),
            unrecovered=_known(1.0),
            downtime_s=_known(252.0),
            left_s=_known(30.0),
            downtime_by_target={"web": _known(240.0), "db": _known(12.0)},
            attempts_by_strategy={"restart": _known(6.0)},
            attempts_by_target={"web": _known(6.0)},
        ),
        now=Sums(
            tickets=_known(3.0),
            unrecovered=Range(0.0, 0.4, 1.0),
            downtime_s=Range(38.0, 61.0, 120.0),
            left_s=Range(0.0, 5.0, 30.0),
            downtime_by_target={"web": Range(38.0, 61.0, 120.0)},
            attempts_by_strategy={"restart": _known(2.0), "reload": Range(1.0, 1.4, 2.0)},
            attempts_by_target={"web": Range(3.0, 3.4, 4.0)},
        ),
        same=3,
        different=1,
        only_then=1,
        only_now=0,
        by_certainty={Certainty.KNOWN: 2, Certainty.ESTIMATED: 1},
        faults=9,
        faults_missing=1,
        faults_not_come=2,
    ),
    rates={"reload for network": _RATE},
    drawn=64,
)
