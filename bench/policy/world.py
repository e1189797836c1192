"""What is true in the simulated world, and nobody but an oracle knows.

**Strategies.** A ladder of four levels, with three, three, four and two strategies. A strategy has a time (lognormal around a median of its
own: what is higher up takes longer), side effects on CPU and memory, a share of the affected tasks that it brings back, and a rate at
which its recoveries hold. For each type of error, and where the scenario says so for each component, it has a success rate of its own,
which is independent of all else. The rates are drawn evenly from these ranges:

    level           1           2           3           4
    success rate    0.05-0.70   0.10-0.80   0.30-0.95   0.70-0.98
    median time     0.5-4 s     2-12 s      5-30 s      20-90 s

**Incidents** come over days (Poisson), twenty a day for each type. Whether a strategy would help against an incident, and how long it
would take, is drawn once, from the seed, the incident and the strategy: it is the same whoever asks, so that policies are compared on the
same bad luck.

**Drift.** From incident `CHANGE_AT` of a type on, in each changing level the best strategy has the rate of the worst, and the worst
that of the best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, log
from statistics import NormalDist

from error_daemon.core.rng import Generator
from error_daemon.model import ErrorType

TYPES = (ErrorType.NETWORK, ErrorType.DATABASE, ErrorType.WORKER, ErrorType.SYSTEM)
RESTART = "restart"  # one of level 3
CHANGE_AT = 200
STABILITY_WINDOW_S = 300.0
RELAPSES_WITHIN_S = (10.0, 280.0)  # after a recovery that does not hold
PERSON_S = 900.0  # the median time until a person has mended what the ladder did not
STARTS_IN_S = (0.1, 2.0)  # from the end of a strategy that helped until the target is well

Range = tuple[float, float]

_COUNTS = {1: 3, 2: 3, 3: 4, 4: 2}
_RATES = {1: (0.05, 0.70), 2: (0.10, 0.80), 3: (0.30, 0.95), 4: (0.70, 0.98)}
_TIMES_S = {1: (0.5, 4.0), 2: (2.0, 12.0), 3: (5.0, 30.0), 4: (20.0, 90.0)}
_SPREAD = 0.5  # of the logarithm of a time
_PERSON_SPREAD = 0.5
_PER_DAY = 20.0
_MOST_TASKS = 20
_QUANTILES = [NormalDist().inv_cdf((i + 0.5) / 64) for i in range(64)]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`differ`: by how much the rates of components lie apart (standard deviation of the log odds). `drifting`: which types' best
    strategies change, at these `levels`. `closeness`: how much of the distance between the rates of a level is taken away."""

    name: str
    title: str
    components: int = 8
    differ: float = 0.0
    drifting: tuple[int, ...] = ()
    levels: tuple[int, ...] = (1, 2, 3, 4)
    closeness: float = 0.0


@dataclass(frozen=True, slots=True)
class Nature:
    """What a strategy is like, whatever it is for."""

    id: str
    index: int
    level: int
    time_s: float  # median
    cpu: float  # percentage points of the host that it adds
    memory: float
    holds: float  # the share of its recoveries that hold
    tasks: float  # the share of the affected tasks that it brings back when it helps

    @property
    def mean_time_s(self) -> float:
        return self.time_s * exp(_SPREAD**2 / 2)

    @cache  # noqa: B019 - twelve strategies a seed
    def mean_time_up_to(self, most_s: float) -> float:
        """Of the time, or `most_s` where that is less."""
        return sum(min(self.time_s * exp(_SPREAD * z), most_s) for z in _QUANTILES) / len(_QUANTILES)


@dataclass(frozen=True, slots=True)
class Incident:
    """`number`: of its type, from 0."""

    index: int
    kind: int
    number: int
    at: float
    component: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Fate:
    """How one attempt would go, were it given all the time it takes."""

    helps: bool
    takes_s: float
    says_so: bool  # where it does not help: that it failed
    starts_in_s: float
    holds: bool
    relapses_after_s: float


class Truth:
    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario, self.seed = scenario, seed
        self.natures = {nature.id: nature for nature in _natures(_source(seed, 1))}
        self.by_level = {level: tuple(one for one in self.natures.values() if one.level == level) for level in _COUNTS}
        self._known: dict[tuple[int, int, bool, int], float] = {}
        self._rates = {kind: self._rates_of(kind) for kind in range(len(TYPES))}
        self._apart = {
            (kind, component): [_source(seed, 3, kind, component, one.index).normal() for one in self.natures.values()]
            for kind in range(len(TYPES))
            for component in range(scenario.components if scenario.differ else 0)
        }

    def _rates_of(self, kind: int) -> list[float]:
        source, rates = _source(self.seed, 2, kind), []
        for nature in self.natures.values():
            low, high = self.range_of(nature.level)
            rates.append(low + (high - low) * source.uniform())
        return rates

    def range_of(self, level: int) -> Range:
        """From which the success rates of a level are drawn, evenly."""
        low, high = _RATES[level]
        taken = (high - low) / 2 * self.scenario.closeness
        return low + taken, high - taken

    def changes(self, kind: int, nature: Nature) -> bool:
        """Whether its rate for this type of error will be another from incident CHANGE_AT on."""
        rates = self._rates[kind]
        return kind in self.scenario.drifting and self._changed(rates, nature) != rates[nature.index]

    def rate(self, incident: Incident, nature: Nature) -> float:
        """Of success, for an incident like this one."""
        kind, component = incident.kind, incident.component
        has_changed = kind in self.scenario.drifting and incident.number >= CHANGE_AT
        key = kind, component if self.scenario.differ else 0, has_changed, nature.index
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._rate(kind, key[1], has_changed, nature)
        return known

    def _rate(self, kind: int, component: int, has_changed: bool, nature: Nature) -> float:
        rates = self._rates[kind]
        rate = self._changed(rates, nature) if has_changed else rates[nature.index]
        if not self.scenario.differ:
            return rate
        odds = log(rate / (1.0 - rate)) + self.scenario.differ * self._apart[kind, component][nature.index]
        return 1.0 / (1.0 + exp(-odds))

    def _changed(self, rates: list[float], nature: Nature) -> float:
        if nature.level not in self.scenario.levels:
            return rates[nature.index]
        level = [(rates[one.index], one.index) for one in self.by_level[nature.level]]
        best, worst = max(level), min(level)
        swapped = {best[1]: worst[0], worst[1]: best[0]}
        return swapped.get(nature.index, rates[nature.index])

    def fate(self, incident: Incident, bout: int, nature: Nature) -> Fate:
        """`bout`: how often the incident has come back."""
        source = _source(self.seed, 4, incident.index, bout, nature.index)
        first, last = RELAPSES_WITHIN_S
        soon, late = STARTS_IN_S
        return Fate(
            helps=source.uniform() <= self.rate(incident, nature),
            takes_s=nature.time_s * exp(_SPREAD * source.normal()),
            says_so=source.uniform() <= 0.5,
            starts_in_s=soon + (late - soon) * source.uniform(),
            holds=source.uniform() <= nature.holds,
            relapses_after_s=first + (last - first) * source.uniform(),
        )

    def person_s(self, incident: Incident) -> float:
        """How long it takes a person to mend it."""
        return PERSON_S * exp(_PERSON_SPREAD * _source(self.seed, 5, incident.index).normal())

    def incidents(self, per_type: int) -> list[Incident]:
        """In the order of time."""
        drawn = sorted(one for kind in range(len(TYPES)) for one in self._of_type(kind, per_type))
        return [
            Incident(index, kind, number, at, component, tasks)
            for index, (at, kind, number, component, tasks) in enumerate(drawn)
        ]

    def _of_type(self, kind: int, count: int) -> Iterator[tuple[float, int, int, int, int]]:
        source, at = _source(self.seed, 6, kind), 0.0
        for number in range(count):
            at -= log(source.uniform()) * 86400.0 / _PER_DAY
            component = int(source.uniform() * self.scenario.components) % self.scenario.components
            yield at, kind, number, component, int(source.uniform() * _MOST_TASKS)


def mean_person_s() -> float:
    return PERSON_S * exp(_PERSON_SPREAD**2 / 2)


def shuffled(ids: Sequence[str], *keys: int) -> list[str]:
    """In an order that follows from the keys."""
    source = _source(*keys)
    return sorted(ids, key=lambda _: source.bits())


def _natures(source: Generator) -> Iterator[Nature]:
    index = 0
    for level, count in _COUNTS.items():
        low, high = _TIMES_S[level]
        for number in range(count):
            yield Nature(
                id=RESTART if (level, number) == (3, 0) else f"level-{level}-{'abcd'[number]}",
                index=index,
                level=level,
                time_s=low * (high / low) ** source.uniform(),
                cpu=25.0 * source.uniform(),
                memory=10.0 * source.uniform(),
                holds=0.85 + 0.15 * source.uniform(),
                tasks=0.5 + 0.5 * source.uniform(),
            )
            index += 1


def _source(*keys: int) -> Generator:
    """A generator of its own for each row of keys."""
    mixed = 0
    for key in keys:
        mixed = Generator(mixed ^ (key + 0x632BE59BD9B4E019)).bits()
    return Generator(mixed)
