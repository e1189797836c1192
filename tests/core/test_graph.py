"""Targets and what they depend on, against plain walks over the same edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.core.graph import Graph, severity_steps
from error_daemon.model import Target


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Target]:
    """Without cycles: everybody depends on those with a lower number only; given in any order."""
    many = draw(st.integers(1, 9))
    targets = []
    for number in range(many):
        roots = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        names = [f"t{root}" for root in sorted(roots)] + draw(st.sampled_from(([], ["nobody"])))
        targets.append(Target(f"t{number}", "service", depends_on=tuple(names), weight=draw(st.floats(0.0, 30.0))))
    return {target.id: target for target in draw(st.permutations(targets))}


def distances(targets: dict[str, Target], start: str, *, forwards: bool) -> dict[str, int]:
    """How far everything is that `start` depends on, or that depends on it: the shortest way, edge by edge."""
    edges = [(a, b) for a, target in targets.items() for b in target.depends_on if b in targets]
    steps = edges if forwards else [(b, a) for a, b in edges]
    known = {start: 0}
    for _ in targets:
        for a, b in steps:
            if a in known and known[a] + 1 < known.get(b, len(targets) + 1):
                known[b] = known[a] + 1
    return {name: distance for name, distance in known.items() if distance}


@given(graphs())
def test_roots_and_dependents_are_all_that_can_be_reached_the_nearest_first(targets: dict[str, Target]) -> None:
    graph = Graph(targets)
    for name in targets:
        for found, forwards in ((graph.roots(name), True), (graph.dependents(name), False)):
            far = distances(targets, name, forwards=forwards)
            assert set(found) == set(far)
            assert len(found) == len(far)
            assert [far[one] for one in found] == sorted(far.values())


def test_a_chain_may_be_of_any_length() -> None:
    names = [f"t{number}" for number in range(1200)]
    targets = {
        name: Target(name, "service", depends_on=(names[number - 1],) if number else ())
        for number, name in reversed(list(enumerate(names)))
    }
    assert [member.id for member in Graph(targets).group(names[-1], "dependencies")] == names


@given(graphs(), st.sampled_from(("dependents", "dependencies", "both", "nothing")))
def test_a_group_has_its_members_once_each_after_what_it_depends_on(targets: dict[str, Target], include: str) -> None:
    graph = Graph(targets)
    for name in targets:
        members = [member.id for member in graph.group(name, include)]
        expected = {name}
        if include in ("dependents", "both"):
            expected |= set(distances(targets, name, forwards=False))
        if include in ("dependencies", "both"):
            expected |= set(distances(targets, name, forwards=True))
        assert sorted(members) == sorted(expected)
        for place, member in enumerate(members):
            assert not set(distances(targets, member, forwards=True)) & set(members[place + 1 :])


@given(graphs())
def test_the_impact_is_the_weights_of_all_that_fails_with_it_halved_with_every_step(
    targets: dict[str, Target],
) -> None:
    graph = Graph(targets)
    for name, target in targets.items():
        far = distances(targets, name, forwards=False)
        expected = target.weight + sum(targets[other].weight * 0.5**steps for other, steps in far.items())
        assert graph.impact(name) == pytest.approx(expected)


@given(graphs())
def test_neighbours_are_one_step_away(targets: dict[str, Target]) -> None:
    graph = Graph(targets)
    for name, itself in targets.items():
        near = [distances(targets, name, forwards=forwards) for forwards in (True, False)]
        direct = {root for root in itself.depends_on if root in targets}
        direct |= {other for other, target in targets.items() if name in target.depends_on}
        assert set(graph.neighbours(name)) == direct
        assert direct >= {other for far in near for other, steps in far.items() if steps == 1}


def test_what_is_not_defined_has_nobody() -> None:
    graph = Graph({})
    assert (graph.roots("x"), graph.dependents("x"), graph.neighbours("x"), graph.impact("x")) == ((), (), (), 1.0)


@pytest.mark.parametrize(
    ("impact", "steps"), [(0.0, -1), (0.49, -1), (0.5, 0), (1.0, 0), (4.99, 0), (5.0, 1), (19.9, 1), (20.0, 2)]
)
def test_the_impact_moves_the_severity(impact: float, steps: int) -> None:
    assert severity_steps(impact) == steps
