"""What rules come to: which targets, which strategies, and so which entries may ever be used, and for which targets.

A rule with a target of its own is for that one; another is for every target that its faults may name, and a glob in `when` says which
these may be. `acting` is what a rule that may act (mode approve or auto) reaches: what is wrong there will go wrong.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from error_daemon.definitions.complaints import Loc
from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.filled import varying_of
from error_daemon.definitions.graph import reached, turned
from error_daemon.definitions.groups import groups_of
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.definitions.shapes.strategies import GroupRestartStrategy
from error_daemon.model import Mode
from error_daemon.model.variables import has_variables

Users = Mapping[str, Collection[str]]  # name of an entry → the targets that it is used for


@dataclass(slots=True)
class Reach:
    """Names of entries."""

    targets: set[str] = field(default_factory=set)
    probes: set[str] = field(default_factory=set)
    strategies: set[str] = field(default_factory=set)


def acts(rule: RuleEntry) -> bool:
    return rule.mode is not Mode.OBSERVE


def targets_of(directory: Directory, rule: RuleEntry) -> Iterator[str]:
    """The names of the targets that a rule may be for."""
    if rule.target is not None:
        yield from (name for name in (rule.target,) if name in directory.targets)
    else:
        matches = re.compile(fnmatch.translate(rule.when.target or "*")).match
        yield from (name for name in directory.targets if matches(name))


def uses_of(directory: Directory, rule: RuleEntry) -> Iterator[tuple[Loc, str]]:
    """The names of the strategies of a rule, and where in it that is said."""
    for level, names in directory.ladder_of(rule).items():
        for index, name in enumerate(names):
            yield ("ladder",) if isinstance(rule.ladder, str) else ("ladder", level, index), name
    if rule.isolate is not None:
        yield ("isolate",), rule.isolate


def strategies_of(directory: Directory, rule: RuleEntry) -> set[str]:
    return {name for _, name in uses_of(directory, rule)}


def acting(directory: Directory) -> Reach:
    """What the rules that may act come to."""
    found = Reach()
    groups = groups_of(directory)
    for rule in (written.value for written in directory.rules if acts(written.value)):
        names = strategies_of(directory, rule)
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


# --- for which targets an entry is used


def users_of(directory: Directory) -> dict[str, Users]:
    """By section. Of strategies only those that have variables, since all others are the same for every target."""
    return {
        "targets": {name: (name,) for name in directory.targets},
        "probes": _users_of_probes(directory),
        "strategies": _users_of_strategies(directory),
    }


def _users_of_probes(directory: Directory) -> Users:
    users: dict[str, dict[str, None]] = {}
    for name, target in directory.targets.items():
        for probe in target.value.probes:
            users.setdefault(probe, {})[name] = None
    for workflow in (written.value for written in directory.workflows if written.value.target in directory.targets):
        for step in workflow.steps:
            if step.probe is not None and workflow.target is not None:
                users.setdefault(step.probe, {})[workflow.target] = None
    return users


def _users_of_strategies(directory: Directory) -> Users:
    varying = (name for name, entry in directory.strategies.items() if has_variables(varying_of(entry)))
    users: dict[str, dict[str, None]] = {name: {} for name in varying}
    for rule in (written.value for written in directory.rules):
        used = strategies_of(directory, rule) & users.keys()
        targets = list(targets_of(directory, rule)) if used else []
        for strategy in used:
            kinds = directory.strategies[strategy].value.for_targets
            fitting = (name for name in targets if not kinds or directory.targets[name].value.kind in kinds)
            users[strategy].update(dict.fromkeys(fitting))
    return users
