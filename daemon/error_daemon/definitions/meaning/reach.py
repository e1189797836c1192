"""What a rule may come to: which targets, which strategies, and so which entries may ever be used.

A rule with a target of its own is for that one; another is for every target that its faults may name, and a glob in `when` says which
these may be. `acting` is what a rule that may act (mode approve or auto) reaches: what is wrong there will go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.filled import targets_of
from error_daemon.definitions.graph import reached, turned
from error_daemon.definitions.groups import groups_of
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.definitions.shapes.fields import LevelKey
from error_daemon.definitions.shapes.kinds import GroupRestartStrategy
from error_daemon.model import Mode


@dataclass(slots=True)
class Reach:
    """Names of entries."""

    targets: set[str] = field(default_factory=set)
    probes: set[str] = field(default_factory=set)
    strategies: set[str] = field(default_factory=set)


def acts(rule: RuleEntry) -> bool:
    return rule.mode is not Mode.OBSERVE


def levels_of(directory: Directory, rule: RuleEntry) -> Iterator[tuple[LevelKey | None, str]]:
    """The strategies of a rule, each with its level; None: before the ladder."""
    for level, names in directory.ladder_of(rule).items():
        yield from ((level, name) for name in names)
    if rule.isolate is not None:
        yield None, rule.isolate


def acting(directory: Directory) -> Reach:
    """What the rules that may act come to."""
    found = Reach()
    groups = groups_of(directory)
    for rule in (written.value for written in directory.rules if acts(written.value)):
        names = {name for _, name in levels_of(directory, rule)}
        targets = [*targets_of(directory, rule)]
        found.strategies |= names
        found.targets.update(targets)
        for entry in (directory.strategies[name].value for name in names & directory.strategies.keys()):
            if isinstance(entry, GroupRestartStrategy):
                found.targets.update(member for target in targets for member in groups.of(target, entry.include))
    for name in found.targets & directory.targets.keys():
        found.probes.update(directory.targets[name].value.probes)
    return found


def with_dependencies(directory: Directory, names: set[str]) -> set[str]:
    """These targets, and those that are of use to them: what they depend on, and what depends on them."""
    needs = groups_of(directory).needs
    needed_by = turned(needs)
    return {found for name in names for graph in (needs, needed_by) for found in reached(graph, name)}
