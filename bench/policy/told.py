"""A learner that is told how the world was made: how much of the way to the oracle could be learned at all.

It is told what no daemon can know: of each strategy its time, its side effects and how many of its recoveries hold, as they really are;
of an incident, whether tasks are affected; and of the success rates the distribution from which the world drew them (evenly from the
range of the level, for each type of error; where components differ, how far). What is left is to learn the rates, by Bayes' theorem: from
the same attempts nobody can, on average, know them better. (Reckoned on a grid: RATES rates, and APARTS components as far apart.)

**How it explores** is another matter. `draw`: as the engine does, with the evidence three times over. `index`: by the Gittins index
(gittins.py), which is the best there is for a level by itself whose strategies are independent of each other, so not where components
differ. HORIZON says how many incidents to come count, and REACHED how many of them reach a level. `mean`: not at all.

**A change.** It may be told the moment of a change: `anew`, and then forgets what it learned of the levels that change, or
`those`, and then forgets nothing but the strategies that are not as they were.

**Shown.** It may be shown after each attempt what all the strategies of that level would have come to. Then there is nothing to explore.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate, pairwise
from math import exp, log
from statistics import NormalDist
from typing import Literal, NamedTuple

from bench.policy import gittins
from bench.policy.oracles import true_of
from bench.policy.world import CHANGE_AT, Incident, Nature, Range, Truth
from error_daemon.core.experience import Known
from error_daemon.core.rng import Generator
from error_daemon.core.select import SHARPNESS

RATES = 64
APARTS = 16
HORIZON = 100
REACHED = {1: 1.0, 2: 0.55, 3: 0.28, 4: 0.10}  # of all incidents, by the learned ladder when nothing changes

_Counts = tuple[int, int]  # attempts that helped, and that did not
_QUANTILES = [NormalDist().inv_cdf((i + 0.5) / APARTS) for i in range(APARTS)]


@dataclass(frozen=True, slots=True)
class Told:
    """What a learner is told beside the ranges, and how it explores."""

    explores: Literal["draw", "index", "mean"]
    change: Literal["", "anew", "those"] = ""
    is_shown: bool = False


class ToldLearner:
    def __init__(self, truth: Truth, told: Told) -> None:
        self._truth, self._told = truth, told
        self._counts: dict[tuple[int, bool, str], dict[int, _Counts]] = {}

    def beliefs(self, incident: Incident, level: int, source: Generator) -> Mapping[str, Known]:
        """Of the strategies of a level, for an incident: that the rate of each is surely the one that was drawn, or reckoned."""
        natures = self._truth.by_level[level]
        return {one.id: true_of(one, self._rate(incident, one, source), incident) for one in natures}

    def learn(self, incident: Incident, bout: int, nature: Nature, success: bool) -> None:
        if not self._told.is_shown:
            self._count(incident, nature, success)
            return
        for one in self._truth.by_level[nature.level]:
            self._count(incident, one, self._truth.fate(incident, bout, one).helps)

    def _count(self, incident: Incident, nature: Nature, success: bool) -> None:
        at = self._counts.setdefault(self._key(incident, nature), {})
        helped, failed = at.get(self._place(incident), (0, 0))
        at[self._place(incident)] = (helped + success, failed + (not success))

    def _key(self, incident: Incident, nature: Nature) -> tuple[int, bool, str]:
        """What counts together."""
        scenario = self._truth.scenario
        has_changed = incident.kind in scenario.drifting and incident.number >= CHANGE_AT
        forgets = {
            "": False,
            "anew": nature.level in scenario.levels,
            "those": self._truth.changes(incident.kind, nature),
        }
        return incident.kind, has_changed and forgets[self._told.change], nature.id

    def _place(self, incident: Incident) -> int:
        """What is counted apart: the component, where they differ."""
        return incident.component if self._truth.scenario.differ else 0

    def _rate(self, incident: Incident, nature: Nature, source: Generator) -> float:
        within, differ = self._truth.range_of(nature.level), self._truth.scenario.differ
        counts = self._counts.get(self._key(incident, nature), {})
        at_place = counts.get(self._place(incident), (0, 0))
        if self._told.explores == "index":
            assert not differ, "components that tell of each other are not independent"
            return gittins.index(within, 1.0 - 1.0 / (HORIZON * REACHED[nature.level]), *at_place)
        if self._told.explores == "mean" and not differ:
            return gittins.mean(within, *at_place)
        times = 1.0 if self._told.explores == "mean" else SHARPNESS
        here = _showing(within, differ, times, at_place)
        ends = _ends(within, differ, times, tuple(sorted(counts.values())))
        if self._told.explores == "mean":
            weights = (high - low for low, high in pairwise((0.0, *ends)))
            return sum(weight * mean for weight, mean in zip(weights, here.means, strict=True)) / ends[-1]
        usual = _drawn(ends, source)
        return here.rates[usual][_drawn(here.ends[usual], source)]


# --- Bayes' theorem


class _Showing(NamedTuple):
    """What the attempts on one component say, for each rate that may be the usual one."""

    logs: tuple[float, ...]  # of the likelihood of the attempts
    means: tuple[float, ...]  # of the rate that the component has then
    rates: tuple[tuple[float, ...], ...]  # which that may be,
    ends: tuple[tuple[float, ...], ...]  # and how likely each of these is, summed up to each


@cache
def _showing(within: Range, differ: float, times: float, counts: _Counts) -> _Showing:
    low, high = within
    aparts = [differ * one for one in _QUANTILES] if differ else [0.0]
    each = [_of_usual(low + (high - low) * (i + 0.5) / RATES, aparts, times, counts) for i in range(RATES)]
    return _Showing(*zip(*each, strict=True))


def _of_usual(
    usual: float, aparts: Sequence[float], times: float, counts: _Counts
) -> tuple[float, float, tuple[float, ...], tuple[float, ...]]:
    rates = tuple(1.0 / (1.0 + (1.0 - usual) / usual * exp(-apart)) for apart in aparts)
    logs = [times * (counts[0] * log(rate) + counts[1] * log(1.0 - rate)) for rate in rates]
    weights = _weights(logs)
    mean = sum(weight * rate for weight, rate in zip(weights, rates, strict=True)) / sum(weights)
    return max(logs) + log(sum(weights)), mean, rates, tuple(accumulate(weights))


@lru_cache(65536)
def _ends(within: Range, differ: float, times: float, counts: tuple[_Counts, ...]) -> tuple[float, ...]:
    """How likely each usual rate is by what was seen on all components, summed up to each."""
    logs = [_showing(within, differ, times, one).logs for one in (*counts, (0, 0))]
    return tuple(accumulate(_weights([sum(each) for each in zip(*logs, strict=True)])))


def _weights(logs: Sequence[float]) -> list[float]:
    """In proportion: the likeliest has 1."""
    top = max(logs)
    return [exp(one - top) for one in logs]


def _drawn(ends: Sequence[float], source: Generator) -> int:
    return min(bisect_left(ends, source.uniform() * ends[-1]), len(ends) - 1)
