"""Graphs of names, as in `depends_on` and `fallback`: the cycles in them, and what can be reached.

A graph is a mapping from each name to the names that it leads to; names that are no keys lead nowhere. Walks are loops, not
recursion, so that a chain of any length can be walked, and go by the order in which things were written, so that the same files
always give the same answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

Graph = Mapping[str, Sequence[str]]


def cycles(graph: Graph) -> Iterator[tuple[str, ...]]:
    """Cycles such that without them there is none, each once: (a, b, c) is a → b → c → a.

    A depth-first walk: an edge back to a name on the path that led here closes a cycle."""
    done: set[str] = set()
    for start in graph:
        if start in done:
            continue
        path = {start: 0}  # an ordered set, with the position of each name
        ahead = [iter(graph[start])]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                done.add(path.popitem()[0])
                ahead.pop()
            elif name in path:
                yield tuple(path)[path[name] :]
            elif name not in done:
                path[name] = len(path)
                ahead.append(iter(graph.get(name, ())))


def turned(graph: Graph) -> dict[str, list[str]]:
    """The same edges, the other way round."""
    back: dict[str, list[str]] = {name: [] for name in graph}
    for name, following in graph.items():
        for each in following:
            back.setdefault(each, []).append(name)
    return back


def reached(graph: Graph, start: str) -> tuple[str, ...]:
    """Everything that `start` leads to, itself first, nearest first, each once."""
    found = {start: None}
    ahead = deque([start])
    while ahead:
        for name in graph.get(ahead.popleft(), ()):
            if name not in found:
                found[name] = None
                ahead.append(name)
    return tuple(found)
