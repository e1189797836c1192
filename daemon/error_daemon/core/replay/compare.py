"""What was decided then and now, side by side, and what it comes to.

The decisions of two courses are the same if their rule, target, mode, levels and strategies, in their order, are. How a course
ended follows from them, and is shown; it does not make decisions different.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, fsum, inf

from error_daemon.core.metrics.downtime import OpenInterval, downtime_figures
from error_daemon.core.metrics.figures import Span
from error_daemon.core.replay.estimates import HIGH, LOW
from error_daemon.core.replay.history import Case, Past
from error_daemon.core.replay.result import Certainty, Compared, Course, Range, Step, Sums
from error_daemon.core.replay.run import Run

RECOVERED = "recovered"
OPEN = "open"
_OBSERVED = "observed"


# --- courses


def course_then(case: Case) -> Course:
    verdicts = {attempt.decision_id: attempt.verdict for attempt in case.attempts}
    steps = tuple(Step(one, verdicts.get(one.decision_id)) for one in case.decisions)
    levels = steps[0].decision.levels if steps else ()
    ticket = case.ticket
    if ticket is None:
        one = case.decisions[0]
        named = (one.rule, one.target, one.mode)
        return Course(case.error_id, case.opened_at, case.ended_at, _OBSERVED, one.reason, *named, levels, steps)
    named = (ticket.rule, ticket.target, ticket.mode)
    return Course(case.error_id, case.opened_at, case.ended_at, ticket.ended_as, ticket.reason, *named, levels, steps)


# --- differences


def differences(then: Course, now: Course) -> tuple[str, ...]:
    """In sentences; empty: the same decisions."""
    parts: list[tuple[str, object, object]] = [
        ("rule", then.rule, now.rule),
        ("target", then.target, now.target),
        ("mode", then.mode, now.mode),
        ("strategies", _path(then), _path(now)),
    ]
    if then.levels and now.levels:  # of a ticket without a decision they are not recorded
        parts.insert(3, ("levels", _listed(then.levels), _listed(now.levels)))
    return tuple(f"{name}: {before or 'none'} → {after or 'none'}" for name, before, after in parts if before != after)


def _path(course: Course) -> str:
    return ", ".join(f"{step.decision.strategy_id} ({step.decision.level})" for step in course.steps)


def _listed(levels: Iterable[int]) -> str:
    return " ".join(map(str, levels))


def compare(
    past: Past, likely: Run, courses: Mapping[str, Course], times: Mapping[str, Sequence[float | None]]
) -> list[Compared]:
    """Every ticket then and now. `courses`: of the likeliest run. `times`: by key, how long each drawn course of it took to
    recover; None: it did not."""
    found = []
    for case in past.cases:
        now = courses.get(case.key)
        then = course_then(case)
        if now is None:
            why = likely.not_opened.get(case.key) or "what opened it did not come, or is part of an earlier ticket"
            found.append(Compared(case.error_id, then, None, (), Certainty.KNOWN, None, 0.0, why))
        else:
            found.append(_compared(then, now, times.get(case.key, ())))
    found += [
        _compared(None, courses[key], times.get(key, ())) for key, live in likely.lives.items() if live.case is None
    ]
    return sorted(found, key=_opened_at)


def _compared(then: Course | None, now: Course, times: Sequence[float | None]) -> Compared:
    drawn = list(times) or [now.recovers_s]
    recovered = [time_s for time_s in drawn if time_s is not None]
    return Compared(
        error_id=now.error_id,
        then=then,
        now=now,
        differences=differences(then, now) if then else (),
        certainty=now.certainty,
        recovers_s=range_of(recovered) if recovered else None,
        recovered_ratio=len(recovered) / len(drawn),
    )


def _opened_at(one: Compared) -> float:
    course = one.then or one.now
    return course.opened_at if course else 0.0


# --- sums


@dataclass(frozen=True, slots=True)
class Sum:
    """Of one history: the record, or one draw."""

    tickets: int
    unrecovered: int
    downtime_s: float
    left_s: float
    downtime_by_target: Mapping[str, float]
    attempts_by_strategy: Mapping[str, int]
    attempts_by_target: Mapping[str, int]


def sum_then(past: Past) -> Sum:
    courses = [course_then(case) for case in past.cases if case.ticket]
    return _sum(courses, Span(past.start_at, past.until))


def sum_now(past: Past, courses: Iterable[Course]) -> Sum:
    carried_out = [one for one in courses if one.ended_as != _OBSERVED]
    until = max((one.ended_at for one in carried_out), default=past.until)
    return _sum(carried_out, Span(past.start_at, max(past.until, until)))


def _sum(courses: list[Course], span: Span) -> Sum:
    down = [OpenInterval(one.target, "", one.opened_at, one.ended_at) for one in courses]
    left = _left(courses)
    open_figures = downtime_figures((), span, {}, down)
    all_figures = downtime_figures((), span, {}, [*down, *left])
    carried_out = [step.decision for one in courses for step in one.steps if step.verdict]
    return Sum(
        tickets=len(courses),
        unrecovered=sum(one.ended_as in ("failed", OPEN) for one in courses),
        downtime_s=open_figures.overall.total_s,
        left_s=all_figures.overall.total_s - open_figures.overall.total_s,
        downtime_by_target={target: figure.total_s for target, figure in open_figures.by_target.items()},
        attempts_by_strategy=Counter(one.strategy_id for one in carried_out),
        attempts_by_target=Counter(one.target for one in carried_out),
    )


def _left(courses: Iterable[Course]) -> list[OpenInterval]:
    """From the end of each ticket that did not recover to the next recovery of its target."""
    by_target: dict[str, list[Course]] = defaultdict(list)
    for one in courses:
        by_target[one.target].append(one)
    left = []
    for target, ended in by_target.items():
        well_at = inf
        for one in sorted(ended, key=_ended_at, reverse=True):
            if one.ended_as in (RECOVERED, "resolved"):
                well_at = one.ended_at
            else:
                left.append(OpenInterval(target, "", one.ended_at, well_at))
    return left


def _ended_at(one: Course) -> float:
    return one.ended_at


# --- ranges


def range_of(values: Sequence[float]) -> Range:
    """At least one value. The ranks are rounded outwards: few values never look surer than they are."""
    ranked = sorted(values)
    last = len(ranked) - 1
    return Range(ranked[floor(LOW * last)], fsum(ranked) / len(ranked), ranked[ceil(HIGH * last)])


def ranges(sums: Sequence[Sum]) -> Sums:
    def of(figure: Callable[[Sum], float]) -> Range:
        return range_of([figure(one) for one in sums])

    def by_name(figures: Callable[[Sum], Mapping[str, float]]) -> dict[str, Range]:
        names = sorted({name for one in sums for name in figures(one)})
        return {name: range_of([figures(one).get(name, 0.0) for one in sums]) for name in names}

    return Sums(
        tickets=of(lambda one: one.tickets),
        unrecovered=of(lambda one: one.unrecovered),
        downtime_s=of(lambda one: one.downtime_s),
        left_s=of(lambda one: one.left_s),
        downtime_by_target=by_name(lambda one: one.downtime_by_target),
        attempts_by_strategy=by_name(lambda one: one.attempts_by_strategy),
        attempts_by_target=by_name(lambda one: one.attempts_by_target),
    )
