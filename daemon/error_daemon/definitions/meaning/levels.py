"""Levels that nothing serves: a strategy that is limited by `for_errors` or `for_targets` is skipped for all other errors and targets.

A level is served in a rule if one of its strategies is for a type of errors that the rule is for, and for the kind of a target that it
may come to. A ladder of the rule's own must be served at every level. A ladder that rules share may have levels that are for some of
them only: each level must be served in one of the rules, and each rule must have a level that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.reach import targets_of
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.definitions.shapes.strategies import RestartStrategy, StrategyEntry
from error_daemon.errors import Problem
from error_daemon.model import ErrorType

_MEND = "widen for_errors or for_targets of one of them, or take the level out"


def check_served_levels(directory: Directory) -> Iterator[Problem]:
    users: dict[str, list[Written[RuleEntry]]] = {}
    for rule in directory.rules:
        if isinstance(rule.value.ladder, str):
            if _has_a_served_level(directory, rule.value):
                users.setdefault(rule.value.ladder, []).append(rule)
            else:
                message = f"no strategy of ladder {quoted(rule.value.ladder)} is for {_faults(directory, rule.value)}"
                yield rule.problem(message, "take another ladder, or widen for_errors or for_targets", ("ladder",))
        else:
            yield from _check_own_ladder(directory, rule)
    for name, rules in users.items():
        yield from _check_shared(directory, name, rules)


def _check_own_ladder(directory: Directory, rule: Written[RuleEntry]) -> Iterator[Problem]:
    for level, names in directory.ladder_of(rule.value).items():
        if not _is_served(directory, rule.value, names):
            message = (
                f"no strategy of level {level} is for {_faults(directory, rule.value)}: the level is always skipped"
            )
            yield rule.problem(message, _MEND, ("ladder", level))


def _has_a_served_level(directory: Directory, rule: RuleEntry) -> bool:
    """True, too, for a ladder that is not there."""
    levels = directory.ladder_of(rule)
    return not levels or any(_is_served(directory, rule, names) for names in levels.values())


def _check_shared(directory: Directory, name: str, rules: Sequence[Written[RuleEntry]]) -> Iterator[Problem]:
    ladder = directory.ladders.get(name)
    for level, names in ladder.value.items() if ladder else ():
        if ladder and not any(_is_served(directory, rule.value, names) for rule in rules):
            ids = ", ".join(quoted(rule.value.id) for rule in rules[:3]) + (" ..." if len(rules) > 3 else "")
            message = f"no strategy of level {level} is for what the rules of this ladder ({ids}) are for"
            yield ladder.problem(message, _MEND, (level,))


def _is_served(directory: Directory, rule: RuleEntry, names: Sequence[str]) -> bool:
    """Where a strategy is not known, or no target is, nobody can say no."""
    types = rule.when.type or frozenset(ErrorType)
    kinds = {directory.targets[name].value.kind for name in targets_of(directory, rule)}
    for name in names:
        strategy = directory.strategies.get(name)
        if strategy is None or not kinds:
            return True
        if strategy.value.for_errors and not types & strategy.value.for_errors:
            continue
        meant = strategy.value.for_targets or _meant_by_kind(rule, strategy.value)
        if not meant or kinds & meant:
            return True
    return False


def _meant_by_kind(rule: RuleEntry, strategy: StrategyEntry) -> frozenset[str]:
    """What restarts processes is for processes, whether that is written or not. For a target that is named, checks/rules.py says so."""
    is_meant = rule.target is None and isinstance(strategy, RestartStrategy)
    return frozenset({"process"}) if is_meant else frozenset()


def _faults(directory: Directory, rule: RuleEntry) -> str:
    """ "data errors of `web`", "any error of its targets"."""
    types = ", ".join(sorted(error_type.value for error_type in rule.when.type))
    what = f"{types} errors" if types else "any error"
    if rule.target is None:
        return f"{what} of the targets that it may be for"
    return f"{what} of {quoted(rule.target)}, a {directory.targets[rule.target].value.kind}"
