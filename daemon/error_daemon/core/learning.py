"""What attempts have taught (B8, B10), by type of error, context and hardware, fading with age.

Every attempt is remembered in nested scopes (experience.py says how they are combined): of its strategy for its type of error; of that
in its context; of that on its hardware; and in the pool of its strategy over all types. The two narrow scopes exist only where the fault
names a component or its hardware. There may be very many of them, so only MOST_SCOPES are kept: the one that learned least recently goes
first, and what it knew stays in the wider ones.

Every sum fades by half each `half_life_s`, so a stale score fades. That is slow: a record that its last attempts no longer fit is cut to
these, and the records of the other strategies for this type of error, in the same scope, are cut too: there is something new to be found
out (drift.py). One failure condemns nobody, since a strategy begins with credit from other types of error and from those that it is
chosen among. Attempts whose verdict is unknown, or whose worker was lost, teach nothing: the caller does not tell. Stability is told when
its window closes.

What is not known of a strategy beside its success (time, impact, stability, tasks) is taken from the other strategies for this type of
error, else 0.5: being unknown must neither bar a strategy from being explored nor favour it.

The record has one row a strategy and type of error. It carries the scope of that type, and within it the narrow scopes that learned last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from math import log

from error_daemon.core import drift
from error_daemon.core.experience import (
    ALIKE,
    APART,
    ELSEWHERE,
    FIGURES,
    TYPE,
    UNKNOWN,
    Experience,
    Known,
    Scope,
    combine,
    strength,
)
from error_daemon.model import ErrorType, Json, Score
from error_daemon.model.value import value

MOST_SCOPES = 10_000  # contexts and hardware that are remembered, over all strategies: some 8 MB
RECORDED_SCOPES = 32  # of them in one row of the record: some 5 kB


@value
class Case:
    """What an attempt was for, and what experience is asked about.

    The context is the component. Of what a fault says about where it happened it is the one thing that is neither too coarse nor too
    fine: an environment is hardly ever more than one on a host; nodes are covered by their hardware; operations and messages are so many
    that hardly any two attempts would share one. And it is what operators write rules for. Empty: the fault does not say."""

    error_type: ErrorType
    context: str = ""
    hardware_id: str = ""


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one attempt showed beside success."""

    time_s: float
    impact: float
    task_rate: float


_Place = tuple[str, str]  # a context and a hardware; "" in one of them: any


@dataclass(slots=True)
class _Own:
    """Of one strategy and type of error. `narrow`: by place, the last touched last."""

    whole: Experience
    narrow: dict[_Place, Experience] = field(default_factory=dict)

    def cut(self, place: _Place | None, is_doubted: bool, now: float, half_life_s: float) -> bool:
        """What was learned at a place (None: everywhere). False: that is too little to be cut."""
        one = self.narrow.get(place) if place else self.whole
        if one is None:
            return False
        around = [self.whole, *self._around(place)] if place else []
        within = [self.narrow[at] for at in self.narrow if _is_within(at, place)]
        for experience in (one, *around):  # of those within a share is cut, whatever has faded
            experience.fade(now, half_life_s)
        return drift.cut_nested(around, one, within, is_doubted)

    def _around(self, place: _Place) -> Iterable[Experience]:
        """The context of a hardware, where it is kept."""
        context, hardware_id = place
        holds = self.narrow.get((context, "")) if hardware_id else None
        return [holds] if holds else []


def _is_within(at: _Place, place: _Place | None) -> bool:
    return place is None or (not place[1] and at[0] == place[0] and at != place)


_Key = tuple[ErrorType, str]
_NOBODY = _Own(Experience())  # never changed


class Learning:
    def __init__(self, half_life_s: float, most_scopes: int = MOST_SCOPES) -> None:
        self._half_life_s = half_life_s
        self._most_scopes = most_scopes
        self._own: dict[_Key, _Own] = {}
        self._by_strategy: dict[str, Experience] = {}  # over all error types
        self._by_type: dict[ErrorType, Experience] = {}  # over all strategies
        self._touched: dict[tuple[_Key, tuple[str, str]], None] = {}  # all narrow scopes, the last touched last

    def attempt(self, case: Case, strategy_id: str, success: bool, lesson: Lesson, now: float) -> tuple[Score, ...]:
        """An attempt got a verdict. Returns the scores that it changed: of its strategy, and of others where a change was noticed."""
        own, pools = self._touch(case, strategy_id, now)
        apart = _speaks_for_apart(own, success)
        step = drift.surprise(drift.expected(own, strength(pools[1].apart)), success)
        own[0].apart += apart
        pools[1].apart += apart
        for experience in (*own, *pools):
            experience.weight += 1.0
            experience.successes += success
            experience.time_s += lesson.time_s
            experience.impact += lesson.impact
            experience.tasks += lesson.task_rate
            experience.samples += 1
            experience.helped += success
        changed = {strategy_id: None}
        blamed = drift.doubt(own, step, success)
        if blamed is not None:
            changed |= dict.fromkeys(self._cut(case, strategy_id, (None, *_places(case))[blamed], now))
        if own[0].doubt > drift.SLACK and not success:
            changed |= dict.fromkeys(self._cut_all(case.error_type, now))
        return tuple(self.score(case.error_type, one, now) for one in changed)

    def stability(self, case: Case, strategy_id: str, stability: float, now: float) -> Score:
        """A stability window closed: 1 when the recovery held, else the share of the window that it did hold."""
        own, pools = self._touch(case, strategy_id, now)
        for experience in (*own, *pools):
            experience.stability_weight += 1.0
            experience.stability += stability
        return self.score(case.error_type, strategy_id, now)

    def known(self, case: Case, strategy_id: str, now: float, among: Sequence[str] = ()) -> Known:
        """What is known of the strategy for this case. `among`: which strategies it is chosen among. Asking changes nothing."""
        elsewhere, others = self._by_strategy.get(strategy_id), self._by_type.get(case.error_type)
        siblings = [self._by_strategy[one] for one in among if one != strategy_id and one in self._by_strategy]
        if elsewhere is None and others is None and not siblings:
            return UNKNOWN
        own = self._own.get((case.error_type, strategy_id))
        narrow = (own or _NOBODY).narrow
        scopes: list[Scope] = [
            (ELSEWHERE, elsewhere),
            (TYPE, own.whole if own else None),
        ]
        if case.context:
            scopes.append(("context", narrow.get((case.context, ""))))
        if case.hardware_id:
            scopes.append(("hardware", narrow.get((case.context, case.hardware_id))))
        return combine(scopes, siblings, others, now, self._half_life_s)

    def score(self, error_type: ErrorType, strategy_id: str, now: float) -> Score:
        """What is recorded of the strategy for this type of error."""
        own = self._own.get((error_type, strategy_id), _NOBODY)
        known = self.known(Case(error_type), strategy_id, now)
        metrics: dict[str, Json] = dict(zip(FIGURES, own.whole.figures(), strict=True))
        recent = list(islice(reversed(own.narrow.items()), RECORDED_SCOPES))
        metrics["scopes"] = [[*at, *narrow.figures()] for at, narrow in reversed(recent)]
        return Score(error_type, strategy_id, known.score(known.mean), int(own.whole.samples), now, metrics)

    # --- start and end

    def restore(self, scores: Iterable[Score]) -> None:
        """Go on from recorded scores. Only onto an empty memory."""
        found: list[tuple[_Key, tuple[str, str], Experience]] = []
        for score in scores:
            key = score.error_type, score.strategy_id
            self._own[key] = _Own(_experience(score.metrics))
            for context, hardware_id, *figures in score.metrics.get("scopes", ()):
                found.append((key, (context, hardware_id), _experience(dict(zip(FIGURES, figures, strict=False)))))
        for key, at, narrow in sorted(found, key=lambda one: one[2].at):  # what is recorded is in order: ties keep it
            self._keep(key, at, narrow)
        self._pool()

    def forget(self, strategy_id: str | None) -> int:
        """Forget one strategy, or (None) everything. Returns how many scores are gone."""
        gone = [key for key in self._own if strategy_id in (None, key[1])]
        for key in gone:
            for at in self._own.pop(key).narrow:
                del self._touched[key, at]
        self._pool()
        return len(gone)

    def scopes(self) -> int:
        """How many narrow scopes are kept."""
        return len(self._touched)

    def _pool(self) -> None:
        """Work the pools out anew."""
        self._by_strategy, self._by_type = {}, {}
        for (error_type, strategy_id), own in self._own.items():
            whole = own.whole
            by_strategy = self._by_strategy.setdefault(strategy_id, Experience(at=whole.at))
            by_type = self._by_type.setdefault(error_type, Experience(at=whole.at))
            for pool in (by_strategy, by_type):
                now = max(pool.at, whole.at)
                pool.fade(now, self._half_life_s)
                whole.fade(now, self._half_life_s)
                pool.add(whole)

    # --- scopes

    def _touch(self, case: Case, strategy_id: str, now: float) -> tuple[Sequence[Experience], Sequence[Experience]]:
        """All that an attempt teaches, faded to now: the scopes of its own strategy and type, from wide to narrow, and the pools."""
        key = case.error_type, strategy_id
        own = self._own.setdefault(key, _Own(Experience(at=now)))
        pools = (
            self._by_strategy.setdefault(strategy_id, Experience(at=now)),
            self._by_type.setdefault(case.error_type, Experience(at=now)),
        )
        # the hardware before its context, so that no context is forgotten while a part of it is kept
        narrow = [self._narrow(key, at, now) for at in reversed(_places(case))]
        scopes = (own.whole, *reversed(narrow))
        for experience in (*scopes, *pools):
            experience.fade(now, self._half_life_s)
        return scopes, pools

    def _cut(self, case: Case, strategy_id: str, place: _Place | None, now: float) -> list[str]:
        """The record of a strategy at a place no longer fits. Returns the other strategies whose record was cut beside it."""
        if not self._own[case.error_type, strategy_id].cut(place, True, now, self._half_life_s):
            return []
        others = [
            other
            for other, own in self._for(case.error_type)
            if other != strategy_id and own.cut(place, False, now, self._half_life_s)
        ]
        self._pool()
        return others

    def _cut_all(self, error_type: ErrorType, now: float) -> list[str]:
        """Cut all records for a type of error, if together they no longer fit. Returns which strategies that changed."""
        doubts = (own.whole.doubt * own.whole.factor(now, self._half_life_s) for _, own in self._for(error_type))
        if not drift.is_everything(doubts):
            return []
        changed = []
        for strategy_id, own in self._for(error_type):
            is_doubted = own.whole.doubt > 0.0
            if own.cut(None, is_doubted, now, self._half_life_s) or is_doubted:
                changed.append(strategy_id)
        self._pool()
        return changed

    def _for(self, error_type: ErrorType) -> Iterable[tuple[str, _Own]]:
        """The strategies for a type of error."""
        return ((key[1], own) for key, own in self._own.items() if key[0] is error_type)

    def _narrow(self, key: _Key, at: tuple[str, str], now: float) -> Experience:
        narrow = self._own[key].narrow.pop(at, None) or Experience(at=now)
        self._touched.pop((key, at), None)
        self._keep(key, at, narrow)
        return narrow

    def _keep(self, key: _Key, at: tuple[str, str], narrow: Experience) -> None:
        """As the last touched one."""
        self._own[key].narrow[at] = narrow
        self._touched[key, at] = None
        if len(self._touched) > self._most_scopes:
            oldest_key, oldest = next(iter(self._touched))
            del self._touched[oldest_key, oldest]
            del self._own[oldest_key].narrow[oldest]


def _speaks_for_apart(own: Sequence[Experience], success: bool) -> float:
    """How much an attempt that is not yet learned speaks for components that differ: the logarithm of the likelihood ratio."""
    apart, alike = drift.expected(own, APART), drift.expected(own, ALIKE)
    return log(apart / alike) if success else log((1.0 - apart) / (1.0 - alike))


def _places(case: Case) -> Sequence[_Place]:
    """The narrow scopes of a case, from wide to narrow."""
    context = ((case.context, ""),) if case.context else ()
    return (*context, (case.context, case.hardware_id)) if case.hardware_id else context


def _experience(figures: Mapping[str, Json]) -> Experience:
    """From a record of any version. Successes ever were not always counted: then they are reckoned from the faded share."""
    known = Experience(**{name: float(figures[name]) for name in FIGURES if name in figures})
    if "helped" not in figures and known.weight:
        known.helped = float(round(known.samples * known.successes / known.weight))
    return known
