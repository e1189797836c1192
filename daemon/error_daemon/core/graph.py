"""Targets and what they depend on.

`depends_on` makes a directed graph without cycles (definitions are refused otherwise). Along its arrows lie a target's
**roots**: when one of them is failing, the target's own error is a symptom. Against them lie its **dependents**: what fails
with it.

**Impact** (C7) is what a failing target costs: its own weight, and that of each dependent, halved with every step away from it,
because what is further off has more ways to do without. An ordinary target that nothing depends on has an impact of 1.

    impact      severity
    ≥ 20        two steps up
    ≥ 5         one step up
    < 0.5       one step down
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from error_daemon.model import Target

ATTENUATION = 0.5  # of a dependent's weight, for every step away
_TWO_UP = 20.0
_ONE_UP = 5.0
_ONE_DOWN = 0.5


class Graph:
    """Names that are not defined are ignored."""

    def __init__(self, targets: Mapping[str, Target]) -> None:
        self._targets = targets
        self._dependents: dict[str, list[str]] = {name: [] for name in targets}
        for name, target in targets.items():
            for root in target.depends_on:
                if root in targets:
                    self._dependents[root].append(name)
        self._roots = {name: tuple(self._reached(name, self._needs)) for name in targets}
        self._order = {name: place for place, name in enumerate(self._sorted())}
        self._impact = {name: self._impact_of(name) for name in targets}

    def roots(self, target: str) -> tuple[str, ...]:
        """Everything that it depends on, the nearest first."""
        return self._roots.get(target, ())

    def dependents(self, target: str) -> tuple[str, ...]:
        """Everything that depends on it, the nearest first."""
        return tuple(self._reached(target, self._serves)) if target in self._targets else ()

    def dependents_of(self, target: str) -> tuple[str, ...]:
        """What depends on it directly."""
        return tuple(self._serves(target)) if target in self._targets else ()

    def neighbours(self, target: str) -> tuple[str, ...]:
        """What it depends on directly, and what depends on it directly."""
        return (*self._needs(target), *self._serves(target)) if target in self._targets else ()

    def group(self, target: str, include: str) -> tuple[Target, ...]:
        """The target with its "dependents", its "dependencies" or "both", each after those that it depends on."""
        members = {target}
        if include in {"dependents", "both"}:
            members.update(self.dependents(target))
        if include in {"dependencies", "both"}:
            members.update(self.roots(target))
        return tuple(self._targets[name] for name in sorted(members, key=self._order.__getitem__))

    def impact(self, target: str) -> float:
        """See above; 1 for a target that is not known."""
        return self._impact.get(target, 1.0)

    def _needs(self, target: str) -> Iterable[str]:
        return (root for root in self._targets[target].depends_on if root in self._targets)

    def _serves(self, target: str) -> Iterable[str]:
        return self._dependents[target]

    def _reached(self, start: str, step: Callable[[str], Iterable[str]]) -> Mapping[str, int]:
        """The names that `step` leads to, with how far they are, the nearest first."""
        reached: dict[str, int] = {}
        front, distance = [start], 0
        while front:
            distance += 1
            found = dict.fromkeys(name for near in front for name in step(near))
            front = [name for name in found if name not in reached and name != start]
            reached.update(dict.fromkeys(front, distance))
        return reached

    def _sorted(self) -> list[str]:
        """Every name after those that it depends on; otherwise in the operator's order."""
        depth: dict[str, int] = {}
        for name in sorted(self._targets, key=lambda name: len(self._roots[name])):  # what it depends on has fewer
            depth[name] = 1 + max((depth[root] for root in self._needs(name)), default=0)
        return sorted(self._targets, key=depth.__getitem__)

    def _impact_of(self, target: str) -> float:
        own = self._targets[target].weight
        reached = self._reached(target, self._serves)
        return own + sum(self._targets[name].weight * ATTENUATION**distance for name, distance in reached.items())


def severity_steps(impact: float) -> int:
    """How many steps the severity goes up; below 0: down."""
    if impact >= _TWO_UP:
        return 2
    if impact >= _ONE_UP:
        return 1
    return -1 if impact < _ONE_DOWN else 0
