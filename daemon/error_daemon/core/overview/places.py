"""Open errors by root cause.

Each open error belongs to a **place**: its target, or where it has none its component and type. While errors are counted only their
places grow, so ten thousand errors of three targets are three places. Targets are few; components are whatever senders say, so errors of
those beyond the first 1,000 are one place, OTHERS.

When all are counted, places are put together into **groups** along the dependency graph: the cause of a target is the furthest target that
it depends on, directly or not, that has open errors itself; of several the nearest. An error of a target for which nothing may be done
(observed) is a cause only of what came while it was reported, within a minute: else an old report would explain everything.

The error that stands for a place is the one nearest to being recovered, then the worst, then the oldest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from error_daemon.core.graph import Graph
from error_daemon.core.ticket import Error
from error_daemon.model import Severity, State

TARGET, COMPONENT = "target", "component"
MOST_COMPONENTS = 1_000  # and their types
OTHERS = "(others)"
REPORTED_WITHIN_S = 60.0
_NEAREST = (
    State.ATTEMPTING,
    State.VERIFYING,
    State.PROBING,
    State.QUEUED,
    State.PARKED,
    State.FAILED,
    State.OBSERVED,
    State.FLUSHED,
)
_NEARNESS = {state: place for place, state in enumerate(_NEAREST)}
_AT_REST = _NEARNESS[State.OBSERVED]  # from here on nothing may be done
Key = tuple[str, ...]  # (TARGET, name) or (COMPONENT, name, type)


@dataclass(slots=True)
class Place:
    """The open errors of one target, or of one component and type."""

    key: Key
    lead: Error  # that stands for it
    nearness: int  # of the lead, to being recovered: the place of its state in _NEAREST
    since: float
    last_at: float
    errors: int = 0
    faults: int = 0
    waiting: int = 0  # tickets that a brake holds
    is_isolated: bool = False
    failed: Error | None = None  # the worst of those that have failed
    counts: dict[tuple[Severity, State], int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.key[1]

    @property
    def may_be_acted_on(self) -> bool:
        return self.nearness < _AT_REST

    @property
    def severity(self) -> Severity:
        """The worst."""
        return max(severity for severity, _ in self.counts)

    @property
    def by_state(self) -> Counter[State]:
        found: Counter[State] = Counter()
        for (_, state), count in self.counts.items():
            found[state] += count
        return found


@dataclass(slots=True)
class Group:
    """Places that have one root cause; the cause is the first of them."""

    places: list[Place]

    @property
    def cause(self) -> Place:
        return self.places[0]

    @property
    def errors(self) -> int:
        return sum(place.errors for place in self.places)

    @property
    def severity(self) -> Severity:
        return max(place.severity for place in self.places)

    @property
    def since(self) -> float:
        return min(place.since for place in self.places)


class Places:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._targets: dict[str, Place] = {}
        self._others: dict[Key, Place] = {}

    def add(self, error: Error) -> Place:
        """An open error; its place. It is called for thousands in a row: hence no tuples and calls where a comparison will do."""
        place = self._targets.get(error.target) or self._place_of(error)
        state, severity, opened_at = error.state, error.severity, error.opened_at or error.first_at
        nearness = _NEARNESS[state]
        if nearness < place.nearness or (nearness == place.nearness and _is_worse(error, place.lead)):
            place.lead, place.nearness = error, nearness
        place.errors += 1
        place.faults += error.count
        place.since = min(place.since, opened_at)
        place.last_at = max(place.last_at, error.last_at)
        at = severity, state
        place.counts[at] = place.counts.get(at, 0) + 1
        if state is State.FAILED and (place.failed is None or severity > place.failed.severity):
            place.failed = error
        return place

    def _place_of(self, error: Error) -> Place:
        """Its place, which may be a new one."""
        fault, since = error.fault, error.opened_at or error.first_at
        if error.target:
            place = self._targets[error.target] = Place(
                (TARGET, error.target), error, _NEARNESS[error.state], since, error.last_at
            )
            return place
        key = COMPONENT, fault.component, fault.type.value
        if key not in self._others and len(self._others) >= MOST_COMPONENTS:
            key = COMPONENT, OTHERS, ""
        known = self._others.get(key)
        if known is None:
            known = self._others[key] = Place(key, error, _NEARNESS[error.state], since, error.last_at)
        return known

    def of_target(self, name: str) -> Place | None:
        return self._targets.get(name)

    def all(self) -> Iterator[Place]:
        yield from self._targets.values()
        yield from self._others.values()

    def groups(self) -> list[Group]:
        """The worst first: by severity, whether something may be done, how many errors, age."""
        groups: dict[Key, Group] = {}
        for place in sorted(self.all(), key=lambda place: place.key):
            cause = self.cause(place)
            group = groups.setdefault(cause.key, Group([cause]))
            if place is not cause:
                group.places.append(place)
        return sorted(groups.values(), key=_order)

    def cause(self, place: Place) -> Place:
        """The root cause of a place: often itself."""
        if place.key[0] != TARGET:
            return place
        causes = self._causes(place)
        furthest = (name for name in causes if not causes.keys() & set(self._graph.roots(name)))
        first = next((causes[name] for name in furthest), place)
        return place if first is place else self.cause(first)  # which may have one that is none of this place

    def _causes(self, place: Place) -> Mapping[str, Place]:
        """By target: what it depends on and that is not well, the nearest first."""
        roots = ((name, self.of_target(name)) for name in self._graph.roots(place.name))
        return {name: root for name, root in roots if root is not None and _may_cause(root, place)}


def _is_worse(error: Error, other: Error) -> bool:
    """Or as bad, and older."""
    if error.severity != other.severity:
        return error.severity > other.severity
    return error.first_at < other.first_at


def _may_cause(root: Place, place: Place) -> bool:
    return root.may_be_acted_on or root.last_at >= place.since - REPORTED_WITHIN_S


def _order(group: Group) -> tuple[int, bool, int, float, Key]:
    return -group.severity, not group.cause.may_be_acted_on, -group.errors, group.since, group.cause.key
