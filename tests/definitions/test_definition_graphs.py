"""Cycles, and what can be reached, beside the standard library's own idea of them."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter

from hypothesis import given
from hypothesis import strategies as st

from error_daemon.definitions.graph import cycles, reached, turned

NAMES = st.sampled_from("abcdef")
GRAPHS = st.dictionaries(NAMES, st.lists(NAMES, unique=True))
Edges = dict[str, list[str]]


def edges_of(cycle: tuple[str, ...]) -> list[tuple[str, str]]:
    return list(zip(cycle, (*cycle[1:], cycle[0]), strict=True))


def has_cycle(graph: Edges) -> bool:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError:
        return True
    return False


@given(GRAPHS)
def test_a_cycle_is_found_where_there_is_one_and_each_is_one_and_told_once(graph: Edges) -> None:
    found = list(cycles(graph))
    assert bool(found) == has_cycle(graph)
    assert all(end in graph[start] for cycle in found for start, end in edges_of(cycle))
    assert all(len(set(cycle)) == len(cycle) for cycle in found)
    assert len({frozenset(edges_of(cycle)) for cycle in found}) == len(found)


@given(GRAPHS)
def test_whoever_opens_each_cycle_where_it_closes_has_none_left(graph: Edges) -> None:
    closing = {edges_of(cycle)[-1] for cycle in cycles(graph)}
    opened = {start: [end for end in ends if (start, end) not in closing] for start, ends in graph.items()}
    assert not has_cycle(opened)


@given(GRAPHS, NAMES)
def test_what_is_reached_is_closed_and_the_same_from_the_other_end(graph: Edges, start: str) -> None:
    found = reached(graph, start)
    assert found[0] == start
    assert len(set(found)) == len(found)
    assert all(end in found for name in found for end in graph.get(name, ()))
    assert all(start in reached(turned(graph), name) for name in found)
