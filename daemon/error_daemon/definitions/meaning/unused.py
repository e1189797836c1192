"""What is defined and never used: a misspelled name that exists elsewhere, or what a rule was forgotten for.

Unused are: strategies in no ladder and no `isolate`, ladders of no rule, probes of no target, and targets that no rule is for. A target
is of use, too, when one that a rule is for depends on it, or it on that one: groups and impact go by that. A strategy that stands
only in a ladder that no rule has is said once: with the ladder.

While anything else keeps the daemon from starting, nothing is said here: a name that is misspelled where it is used, or an entry of a wrong
shape, would leave others unused, and is to be mended first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.reach import strategies_of, targets_of, with_dependencies
from error_daemon.errors import Problem


def check_unused(directory: Directory) -> Iterator[Problem]:
    rules = [rule.value for rule in directory.rules]
    ladders = {rule.ladder for rule in rules if isinstance(rule.ladder, str)}
    strategies = {name for rule in rules for name in strategies_of(directory, rule)}
    strategies |= {name for ladder in directory.ladders.values() for names in ladder.value.values() for name in names}
    probes = {name for target in directory.targets.values() for name in target.value.probes}
    probes |= {step.probe for workflow in directory.workflows for step in workflow.value.steps if step.probe}
    targets = with_dependencies(directory, {name for rule in rules for name in targets_of(directory, rule)})
    yield from _unused(directory.targets, targets, "target", "no rule is for it: its faults are only recorded")
    yield from _unused(directory.probes, probes, "probe", "no target has it")
    yield from _unused(directory.strategies, strategies, "strategy", "no ladder has it")
    yield from _unused(directory.ladders, ladders, "ladder", "no rule has it")


def _unused(entries: Mapping[str, Written[Any]], used: set[str], noun: str, why: str) -> Iterator[Problem]:
    for name, entry in entries.items():
        if name not in used:
            yield entry.warning(f"{noun} {quoted(name)} is not used: {why}", "use it, or take it out", key=True)
