"""Entries with the variables of a target filled in.

Targets are filled when they are loaded: they know all that their texts may name. Probes and strategies are filled where an order
meets its target (execute/orders.py). Here they are filled to see whether what comes out is sound, and for whoever wants to look at
what is really run for a target.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import TypeAdapter

from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.definitions.shapes.fields import Context
from error_daemon.definitions.shapes.kinds import ProbeEntry, StrategyEntry, TargetEntry
from error_daemon.model.variables import fill, has_variables

T = TypeVar("T")

_PLAIN = ("name", "variables")  # texts that are never filled

_ADAPTERS: dict[str, TypeAdapter[Any]] = {
    "targets": TypeAdapter(TargetEntry),
    "probes": TypeAdapter(ProbeEntry),
    "strategies": TypeAdapter(StrategyEntry),
}


def own_variables(directory: Directory, target: str) -> dict[str, str]:
    """The variables of a target but `target`, which is its name."""
    instance = {"instance": directory.instances[target]} if target in directory.instances else {}
    return {**instance, **directory.targets[target].value.variables}


def filled(directory: Directory, entry: Written[T], target: str) -> T:
    """The entry of a target, a probe or a strategy as it is for `target`; what is known in an attempt only stays as it is written.

    Raises ValueError if the target lacks a variable, and pydantic's ValidationError (which is one) if what comes out is not sound."""
    data, varying = entry.data, varying_of(entry)
    if not has_variables(varying) and "${" not in entry.source.base:
        return entry.value
    values = {"target": target, **own_variables(directory, target)}
    made: T = _ADAPTERS[str(entry.loc[0])].validate_python(
        {**data, **fill(varying, values, keeps_fault=True)}, context=Context(entry.source.base, is_filled=True)
    )
    return made


def varying_of(entry: Written[object]) -> dict[str, Any]:
    """What is written in an entry and may have variables."""
    return {key: value for key, value in entry.data.items() if key not in _PLAIN}


def users_of_probes(directory: Directory) -> dict[str, dict[str, None]]:
    """The targets of each probe that some have."""
    users: dict[str, dict[str, None]] = {}
    for name, target in directory.targets.items():
        for probe in target.value.probes:
            users.setdefault(probe, {})[name] = None
    return users


def users_of_strategies(directory: Directory) -> dict[str, dict[str, None]]:
    """The targets that rules may use each strategy with variables for. A rule without target is for those that its faults may name."""
    users: dict[str, dict[str, None]] = {
        name: {} for name, entry in directory.strategies.items() if has_variables(varying_of(entry))
    }
    for rule in (written.value for written in directory.rules):
        named = {name for names in directory.ladder_of(rule).values() for name in names} | {rule.isolate}
        used = named & users.keys()
        targets = list(targets_of(directory, rule)) if used else []
        for strategy in used:
            kinds = directory.strategies[str(strategy)].value.for_targets
            fitting = (name for name in targets if not kinds or directory.targets[name].value.kind in kinds)
            users[str(strategy)].update(dict.fromkeys(fitting))
    return users


def targets_of(directory: Directory, rule: RuleEntry) -> Iterator[str]:
    """The names of the targets that a rule may be for."""
    if rule.target is not None:
        yield from (name for name in (rule.target,) if name in directory.targets)
    else:
        matches = re.compile(fnmatch.translate(rule.when.target or "*")).match
        yield from (name for name in directory.targets if matches(name))
