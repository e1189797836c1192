"""Groups of targets, which `group_restart` restarts together, and the time that it needs.

The group of a target is the target itself with its dependents (what needs it, and what needs that, and so on), with its
dependencies (what it needs, and so on), or with both. In the worst case no process of it heeds its signal, and they are restarted
one after the other. A timeout below that could end the attempt when everything is stopped and nothing is started again, so it
is never set, nor learned, to be shorter.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from dataclasses import dataclass

from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.graph import Graph, reached, turned
from error_daemon.definitions.shapes.fields import Group
from error_daemon.definitions.shapes.kinds import GroupRestartStrategy, StrategyEntry


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


def largest_group(directory: Directory, groups: Groups, name: str, entry: GroupRestartStrategy) -> tuple[str, ...]:
    """The largest group that the strategy `name` may restart, by the rules that have it; empty where there is none."""
    targets = dict.fromkeys(_targets_of(directory, name))
    found = (groups.of(target, entry.include) for target in targets)
    return max((group for group in found if all(map(directory.is_process, group))), key=len, default=())


def least_timeout_s(directory: Directory, groups: Groups, name: str, entry: StrategyEntry) -> float:
    """What an attempt of the strategy `name` is given at least, however quick it was so far."""
    if not isinstance(entry, GroupRestartStrategy):
        return entry.least_timeout_s()
    return max(entry.least_timeout_s(), len(largest_group(directory, groups, name, entry)) * entry.restart_s())


def _targets_of(directory: Directory, strategy: str) -> Iterator[str]:
    """The processes that a rule may run `strategy` for. A rule without target is for those that its faults may name."""
    processes = [name for name in directory.targets if directory.is_process(name)]
    for rule in (written.value for written in directory.rules):
        levels = directory.ladder_of(rule).values()
        if strategy != rule.isolate and not any(strategy in names for names in levels):
            continue
        if rule.target is not None:
            yield from (name for name in processes if name == rule.target)
        else:
            named = rule.when.target or "*"
            yield from (name for name in processes if fnmatch.fnmatchcase(name, named))
