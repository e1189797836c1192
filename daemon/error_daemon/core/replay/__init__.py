"""Replay (E3): recorded history through other definitions, and what would have been decided differently. docs/replay.md says
what it can tell.

    history.py     what was recorded, looked up by error, target and time
    run.py         one way through it: the engine on a virtual clock
    agenda.py      what happens in it, at its time
    people.py      what people did, done again
    recalling.py   that engine: it knows what the recorded decisions knew
    fates.py       what comes of attempts and looks: from the record, else estimated
    estimates.py   the learned rates
    draws.py       what else may have come of what was estimated
    compare.py     then and now, side by side
    result.py      what is said
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from error_daemon.core.policy import Policy
from error_daemon.core.replay import compare
from error_daemon.core.replay.draws import DRAWN_TICKETS, draw
from error_daemon.core.replay.estimates import Estimates
from error_daemon.core.replay.history import History, Past
from error_daemon.core.replay.result import Certainty, Compared, Course, Range, Rate, Replayed, Step, Sums, Totals
from error_daemon.core.replay.run import Run, Setting
from error_daemon.model import Definitions, LearnedTimeout, Score

__all__ = [
    "Certainty",
    "Compared",
    "Course",
    "History",
    "Range",
    "Rate",
    "Replayed",
    "Step",
    "Sums",
    "Totals",
    "replay",
]


def replay(
    history: History,
    definitions: Definitions,
    policy: Policy,
    learned: Sequence[Score],
    timeouts: Sequence[LearnedTimeout],
    *,
    drawn_tickets: int = DRAWN_TICKETS,
) -> Replayed:
    """What `definitions` would have made of the history. `learned` and `timeouts`: what the record has learned, of which the
    rates of what was never tried there are taken. `drawn_tickets`: how many tickets are drawn, over all draws of what was estimated."""
    past = Past(history)
    estimates = Estimates(learned, timeouts, policy.half_life_s, past.until)
    setting = Setting(past, definitions, policy, estimates)
    likely = Run(setting, 0).go()
    courses = likely.courses()
    draws = draw(setting, likely, courses, drawn_tickets)
    compared = compare.compare(past, likely, courses, draws.times)
    sums = draws.sums or [compare.sum_now(past, courses.values())]
    totals = _totals(past, likely, compared, sums)
    return Replayed(
        past.start_at, past.until, tuple(compared), totals, _rates([*courses.values(), *draws.seen]), len(draws.sums)
    )


def _rates(courses: Iterable[Course]) -> dict[str, Rate]:
    return {
        f"{step.decision.strategy_id} for {step.decision.error_type.value}": step.rate
        for course in courses
        for step in course.steps
        if step.rate
    }


def _totals(past: Past, likely: Run, compared: Sequence[Compared], sums: Sequence[compare.Sum]) -> Totals:
    both = [one for one in compared if one.then and one.now]
    different = sum(bool(one.differences) for one in both)
    by_certainty: Mapping[Certainty, int] = Counter(one.certainty for one in compared if one.now)
    return Totals(
        then=compare.ranges([compare.sum_then(past)]),
        now=compare.ranges(sums),
        same=len(both) - different,
        different=different,
        only_then=sum(one.now is None for one in compared),
        only_now=sum(one.then is None for one in compared),
        by_certainty=by_certainty,
        faults=len(past.faults),
        faults_missing=past.made_up,
        faults_not_come=likely.not_come,
    )
