"""Entries with the variables of a target filled in.

Targets are filled when they are loaded: they know all that their texts may name. Probes and strategies are filled where an order
meets its target (execute/orders.py). Here they are filled to see whether what comes out is sound, and for whoever wants to look at
what is really run for a target.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import TypeAdapter

from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.probes import ProbeEntry
from error_daemon.definitions.shapes.strategies import StrategyEntry
from error_daemon.definitions.shapes.targets import TargetEntry
from error_daemon.definitions.shapes.values import Context
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
