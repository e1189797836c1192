"""Groups of targets, which `group_restart` restarts together.

The group of a target is the target itself with its dependents (what needs it, and what needs that, and so on), with its
dependencies (what it needs, and so on), or with both.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.graph import Graph, reached, turned
from error_daemon.definitions.shapes.fields import Group


@dataclass(frozen=True, slots=True)
class Groups:
    """Who needs whom, both ways."""

    needs: Graph
    needed_by: Graph

    def of(self, target: str, include: Group) -> tuple[str, ...]:
        """The names of the group of `target`, itself first."""
        dependents = reached(self.needed_by, target) if include != "dependencies" else ()
        dependencies = reached(self.needs, target) if include != "dependents" else ()
        return tuple(dict.fromkeys((*dependents, *dependencies)))


def groups_of(directory: Directory) -> Groups:
    needs = {name: tuple(dict.fromkeys(target.value.depends_on)) for name, target in directory.targets.items()}
    return Groups(needs, turned(needs))
