"""The ladder alone: the engine's own learning and selection, and learners that are told more (told.py), on the same incidents with the
same luck, without the engine around them. There are no brakes, timeouts and probes, and nothing takes any time. So there can be more seeds.

An incident begins at level 1 and climbs by one for each attempt that does not help, or does not hold. Above the last level a person mends
it; what helped there and did not hold begins there again.

Of each incident stands what the ladder that would be chosen when it begins is expected to cost, and what the oracle's is (expected.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from bench.policy.expected import downtime_s
from bench.policy.host import target_name
from bench.policy.oracles import true
from bench.policy.told import Told, ToldLearner
from bench.policy.world import STABILITY_WINDOW_S, TYPES, Fate, Incident, Nature, Truth
from error_daemon.core.experience import Known
from error_daemon.core.learning import Case, Learning, Lesson
from error_daemon.core.policy import Policy
from error_daemon.core.rng import Generator
from error_daemon.core.score import impact_score, task_rate
from error_daemon.core.select import select
from error_daemon.model import Strategy, Usage

_BEFORE = Usage(20.0, 40.0)
_EPOCH = 1e6


class Cost(NamedTuple):
    """Of an incident, by expectation."""

    kind: int
    number: int
    expected_s: float
    oracle_s: float


class Learner(Protocol):
    def beliefs(self, incident: Incident, level: int, source: Generator) -> Mapping[str, Known]: ...
    def learn(self, incident: Incident, bout: int, nature: Nature, success: bool) -> None: ...


class OwnLearner:
    """The engine's."""

    def __init__(self, truth: Truth) -> None:
        self._truth, self._learning = truth, Learning(Policy().half_life_s)

    def beliefs(self, incident: Incident, level: int, source: Generator) -> Mapping[str, Known]:
        among = [one.id for one in self._truth.by_level[level]]
        return {one: self._learning.known(_case(incident), one, _now(incident), among) for one in among}

    def learn(self, incident: Incident, bout: int, nature: Nature, success: bool) -> None:
        fate, case, now = self._truth.fate(incident, bout, nature), _case(incident), _now(incident)
        recovered = round(incident.tasks * nature.tasks) if success else 0
        after = Usage(_BEFORE.cpu_percent + nature.cpu, _BEFORE.memory_percent + nature.memory)
        impact = impact_score(_BEFORE, after, fate.takes_s, incident.tasks, recovered)
        self._learning.attempt(
            case, nature.id, success, Lesson(fate.takes_s, impact, task_rate(incident.tasks, recovered)), now
        )
        if success:
            self._learning.stability(case, nature.id, _held(fate), now)


def _case(incident: Incident) -> Case:
    return Case(TYPES[incident.kind], target_name(incident.component))


def _now(incident: Incident) -> float:
    return _EPOCH + incident.at


def _held(fate: Fate) -> float:
    """The share of its stability window."""
    return 1.0 if fate.holds else fate.relapses_after_s / STABILITY_WINDOW_S


def learner_of(told: Told | None, truth: Truth) -> Learner:
    """None: the engine's own."""
    return ToldLearner(truth, told) if told else OwnLearner(truth)


def climb(truth: Truth, per_type: int, learner: Learner, first: int = 0) -> list[Cost]:
    """All incidents. What they cost is reckoned from the one with the number `first` of its type on."""
    chooser, costs = _Chooser(truth, learner), []
    for incident in truth.incidents(per_type):
        if incident.number >= first:
            costs.append(chooser.cost(incident))
        chooser.mend(incident)
    return costs


class _Chooser:
    def __init__(self, truth: Truth, learner: Learner) -> None:
        self._truth, self._learner = truth, learner
        self._offer = {level: [Strategy(one.id, "exec") for one in of] for level, of in truth.by_level.items()}
        self._source = Generator(truth.seed)
        self._foreseeing = Generator(truth.seed ^ 0x5EED)  # so that the draws to come stay as they are

    def cost(self, incident: Incident) -> Cost:
        def believed(level: int) -> Mapping[str, Known]:
            return self._learner.beliefs(incident, level, self._foreseeing)

        facts = true(self._truth, incident)
        mine = {level: self._chosen(level, believed(level), self._foreseeing) for level in self._offer}
        best = {level: self._chosen(level, facts, None) for level in self._offer}
        expected_s, oracle_s = (downtime_s(self._truth, incident, ladder) for ladder in (mine, best))
        return Cost(incident.kind, incident.number, expected_s, oracle_s)

    def mend(self, incident: Incident) -> None:
        level, last, bout = min(self._offer), max(self._offer), 1
        while level <= last:
            believed = self._learner.beliefs(incident, level, self._source)
            nature = self._chosen(level, believed, self._source)
            fate = self._truth.fate(incident, bout, nature)
            self._learner.learn(incident, bout, nature, fate.helps)
            if fate.helps and fate.holds:
                return
            bout += fate.helps
            level += not (fate.helps and level == last)

    def _chosen(self, level: int, believed: Mapping[str, Known], source: Generator | None) -> Nature:
        """None: without drawing."""
        known: Callable[[str], Known] = believed.__getitem__
        choice = select(self._offer[level], known, source is not None, source or self._foreseeing)
        return self._truth.natures[choice.strategy.id]
