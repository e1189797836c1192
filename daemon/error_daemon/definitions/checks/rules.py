"""What rules mean together.

- No two have the same id. The target, the ladder and the strategies of a rule are there; its ladder reaches up to its entry level.
- A rule that may act (approve, auto) has a target that can be looked at: what nobody can verify is not done.
- `approval` says how a person is asked, so it needs mode approve, and reminds before it expires; `isolate` is for cascading errors, so it
  needs that class.
- A strategy fits the target of the rule: process_restart restarts targets of kind process, and group_restart needs every member
  of the target's group to be one; one of kind unit that names no unit needs a target that has one. A strategy that is limited by
  `for_targets` to other kinds is not meant for this target, and may stand in a ladder that several rules share; but the only
  strategy of `isolate` must be meant for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from error_daemon.definitions.checks.names import twice, unknown
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.groups import Groups
from error_daemon.definitions.reach import acts, uses_of
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.definitions.shapes.fields import LevelKey
from error_daemon.definitions.shapes.strategies import (
    GroupRestartStrategy,
    RestartStrategy,
    StrategyEntry,
    UnitStrategy,
)
from error_daemon.definitions.shapes.targets import TargetEntry, lacks_unit
from error_daemon.errors import Problem
from error_daemon.model import Mode, ResponseClass

Levels = Mapping[LevelKey, tuple[str, ...]]


def check_rules(directory: Directory, groups: Groups) -> Iterator[Problem]:
    yield from twice(directory.rules, "rules")
    for rule in directory.rules:
        yield from _check_ladder(directory, rule)
        yield from _check_approval(rule)
        yield from _check_isolate(directory, rule)
        yield from _check_target(directory, groups, rule)


def check_levels(
    directory: Directory, entry: Written[object], levels: Levels, at: tuple[str, ...]
) -> Iterator[Problem]:
    """The strategies of a ladder, which stands in `entry` at `at`, are there."""
    for level, names in levels.items():
        for index, name in enumerate(names):
            if problem := unknown(directory, "strategies", name):
                yield entry.problem(*problem, (*at, level, index))


def _check_ladder(directory: Directory, rule: Written[RuleEntry]) -> Iterator[Problem]:
    written = rule.value
    if not isinstance(written.ladder, str):
        yield from check_levels(directory, rule, written.ladder, ("ladder",))
    elif problem := unknown(directory, "ladders", written.ladder):
        yield rule.problem(*problem, ("ladder",))
    levels = directory.ladder_of(written)
    if levels and written.entry_level > max(map(int, levels)):
        message = f"entry_level is {written.entry_level}, but the ladder ends at level {max(levels)}"
        yield rule.problem(message, "lower it, or add a level", ("entry_level",))


def _check_approval(rule: Written[RuleEntry]) -> Iterator[Problem]:
    if rule.value.approval is not None and rule.value.mode is not Mode.APPROVE:
        message = f"approval is written, but mode is {rule.value.mode.value}: nobody is asked"
        yield rule.problem(message, "write mode: approve, or leave approval out", ("approval",), key=True)
    elif (approval := rule.value.approval) is not None and approval.remind and approval.remind >= approval.expires:
        message = (
            f"nobody is ever reminded: it expires after {approval.expires:g} s, and reminds every {approval.remind:g} s"
        )
        yield rule.problem(message, "remind more often than that", ("approval", "remind"))


def _check_isolate(directory: Directory, rule: Written[RuleEntry]) -> Iterator[Problem]:
    written = rule.value
    if written.isolate is None:
        return
    if problem := unknown(directory, "strategies", written.isolate):
        yield rule.problem(*problem, ("isolate",))
    if written.response_class is not ResponseClass.CASCADING:
        has = "absent" if written.response_class is None else written.response_class.value
        message = f"isolate is for errors that spread, but response_class is {has}"
        mend = "write response_class: cascading, or leave isolate out"
        yield rule.problem(message, mend, ("isolate",), key=True)


def _check_target(directory: Directory, groups: Groups, rule: Written[RuleEntry]) -> Iterator[Problem]:
    name = rule.value.target
    if name is None:
        return
    if problem := unknown(directory, "targets", name):
        yield rule.problem(*problem, ("target",))
    target = directory.targets.get(name)
    if target is None:
        return
    if acts(rule.value) and not target.value.probes:
        message = f"mode is {rule.value.mode.value}, but {quoted(name)} has no probes: a recovery cannot be verified"
        yield rule.problem(message, "give the target probes, or take mode observe", ("mode",))
    for at, strategy in uses_of(directory, rule.value):
        entry = directory.strategies.get(strategy)
        is_only = at == ("isolate",)
        misfit = entry and (
            _misfit(strategy, entry.value, name, target.value, is_only=is_only)
            or _misfit_of_group(directory, groups, strategy, entry.value, name)
        )
        if misfit:
            yield rule.problem(*misfit, at)


def _misfit(
    strategy: str, entry: StrategyEntry, name: str, target: TargetEntry, *, is_only: bool
) -> tuple[str, str] | None:
    """Message and mend for a strategy that is not for this target."""
    if is_only and entry.for_targets and target.kind not in entry.for_targets:
        kinds = ", ".join(sorted(entry.for_targets))
        message = f"{quoted(strategy)} is for targets of kind {kinds}, but {quoted(name)} is of kind {target.kind}"
        return message, "take another strategy"
    if isinstance(entry, RestartStrategy) and target.kind != "process" and "process" not in entry.for_targets:
        message = f"{quoted(strategy)} restarts a process, but {quoted(name)} is of kind {target.kind}"
        return message, f"{entry.kind} needs a target of kind process"
    if isinstance(entry, UnitStrategy) and _is_meant(entry, target) and lacks_unit(entry.unit, target):
        message = (
            f"{quoted(strategy)} is for the unit of its target, but {quoted(name)}, of kind {target.kind}, has none"
        )
        return message, "give the strategy a unit, or a target of kind service one"
    return None


def _is_meant(entry: StrategyEntry, target: TargetEntry) -> bool:
    return not entry.for_targets or target.kind in entry.for_targets


def _misfit_of_group(
    directory: Directory, groups: Groups, strategy: str, entry: StrategyEntry, name: str
) -> tuple[str, str] | None:
    """Message and mend for a group with members that are no processes."""
    if not isinstance(entry, GroupRestartStrategy) or not directory.is_process(name):
        return None
    members = ((member, directory.targets.get(member)) for member in groups.of(name, entry.include))
    others = [(member, target.value.kind) for member, target in members if target and target.value.kind != "process"]
    if not others:
        return None
    kinds = ", ".join(f"{quoted(member)} is of kind {kind}" for member, kind in others)
    include = "dependents and dependencies" if entry.include == "both" else entry.include
    message = f"{quoted(strategy)} restarts {quoted(name)} with its {include}, but {kinds}"
    return message, "group_restart needs every one of them to be of kind process"
