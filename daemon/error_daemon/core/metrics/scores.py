"""What was known of each strategy as time went by (D7): the record's attempts learned once more, in their order, by the learning that
decides, which is asked at the end of each interval what it knows. So there is one formula (B8, B9), and a curve that ends where
`error-cli explain` is today, as far as the record reaches back.

By **type**, a series is a strategy under one type of error, and attempts under other types lend what they lend in a decision. By **level**
or by **target** only the attempts of that level or target are learned, as if there were no others.

The stability of a recovery is known when its window closes; the record does not say when that was, so it counts from the attempt's end.
Intervals without an attempt have no point, but for the last: in between, what is known only fades.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain

from error_daemon.core.learning import Case, Learning
from error_daemon.core.lessons import case_of, learn
from error_daemon.core.metrics.figures import Span
from error_daemon.intervals import beta_interval
from error_daemon.model import AttemptRecord, ErrorType

TYPE, LEVEL, TARGET = "type", "level", "target"
_GROUP_OF: Mapping[str, Callable[[AttemptRecord], str]] = {
    TYPE: lambda record: "",
    LEVEL: lambda record: str(record.level),
    TARGET: lambda record: record.target,
}
BY = tuple(_GROUP_OF)
_Key = tuple[str, ErrorType, str]  # group, type, strategy


@dataclass(frozen=True, slots=True)
class ScorePoint:
    at: float  # the end of the interval
    attempts: int  # in it
    successes: int
    samples: float  # attempts as they count at this time, faded
    success_mean: float
    success_low: float  # 90 % interval
    success_high: float
    score: float


@dataclass(frozen=True, slots=True)
class ScoreSeries:
    """`group`: the level or the target; empty where it is by type."""

    strategy_id: str
    error_type: ErrorType
    group: str
    points: tuple[ScorePoint, ...]

    @property
    def attempts(self) -> int:
        return sum(point.attempts for point in self.points)

    @property
    def successes(self) -> int:
        return sum(point.successes for point in self.points)


@dataclass(slots=True)
class _Course:
    """What was learned in one group, and its series so far."""

    learning: Learning
    attempts: Counter[_Key] = field(default_factory=Counter)  # of this interval
    successes: Counter[_Key] = field(default_factory=Counter)
    points: dict[_Key, list[ScorePoint]] = field(default_factory=dict)


def score_series(
    attempts: Iterable[AttemptRecord], span: Span, intervals: int, *, by: str, half_life_s: float
) -> list[ScoreSeries]:
    """Those with an attempt in the range, the most attempts first. Attempts before it are learned too. `by`: one of BY."""
    courses: dict[str, _Course] = {}
    told = [record for record in attempts if not record.is_test and record.ended_at < span.end_at]
    coming = iter(sorted(told, key=lambda record: record.ended_at))
    record = next(coming, None)
    for end_at in _ends(span, intervals):
        while record is not None and record.ended_at < end_at:
            group = _GROUP_OF[by](record)
            course = courses.setdefault(group, _Course(Learning(half_life_s)))
            _take(course, group, record, record.ended_at >= span.start_at)
            record = next(coming, None)
        for course in courses.values():
            _close(course, end_at, is_last=end_at == span.end_at)
    series = chain.from_iterable(course.points.items() for course in courses.values())
    found = [ScoreSeries(strategy_id, kind, group, tuple(some)) for (group, kind, strategy_id), some in series]
    return sorted(found, key=lambda one: (-one.attempts, one.strategy_id, one.error_type.value, one.group))


def _ends(span: Span, intervals: int) -> Iterator[float]:
    for number in range(1, intervals):
        yield span.start_at + span.length_s * number / intervals
    yield span.end_at


def _take(course: _Course, group: str, record: AttemptRecord, is_counted: bool) -> None:
    learn(course.learning, record, record.ended_at)
    if record.success and record.stability_score >= 0.0:
        course.learning.stability(case_of(record), record.strategy_id, record.stability_score, record.ended_at)
    if is_counted:
        key = group, record.error_type, record.strategy_id
        course.attempts[key] += 1
        course.successes[key] += record.success


def _close(course: _Course, at: float, *, is_last: bool) -> None:
    """The end of an interval."""
    known = course.points if is_last else {}
    for key in dict.fromkeys((*known, *course.attempts)):
        course.points.setdefault(key, []).append(_point(course, key, at))
    course.attempts.clear()
    course.successes.clear()


def _point(course: _Course, key: _Key, at: float) -> ScorePoint:
    _, error_type, strategy_id = key
    known = course.learning.known(Case(error_type), strategy_id, at)
    low, high = beta_interval(known.alpha, known.beta)
    tried, helped = course.attempts[key], course.successes[key]
    return ScorePoint(at, tried, helped, known.samples, known.mean, low, high, known.score(known.mean))
