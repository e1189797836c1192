"""The time that an attempt is given at least, however quick it was so far.

In the worst case no process of a group heeds its signal, and they are restarted one after the other. A timeout below that could end the
attempt when everything is stopped and nothing is started again, so it is never set, nor learned, to be shorter.
"""

from __future__ import annotations

from error_daemon.definitions.files.written import Directory
from error_daemon.definitions.groups import Groups
from error_daemon.definitions.reach import strategies_of, targets_of
from error_daemon.definitions.shapes.strategies import GroupRestartStrategy, StrategyEntry


def largest_group(directory: Directory, groups: Groups, name: str, entry: GroupRestartStrategy) -> tuple[str, ...]:
    """The largest group that the strategy `name` may restart, by the rules that have it; empty where there is none."""
    rules = [rule.value for rule in directory.rules if name in strategies_of(directory, rule.value)]
    targets = dict.fromkeys(target for rule in rules for target in targets_of(directory, rule))
    found = (groups.of(target, entry.include) for target in targets)
    return max((group for group in found if all(map(directory.is_process, group))), key=len, default=())


def least_timeout_s(directory: Directory, groups: Groups, name: str, entry: StrategyEntry) -> float:
    """What an attempt of the strategy `name` is given at least."""
    if not isinstance(entry, GroupRestartStrategy):
        return entry.least_timeout_s()
    return max(entry.least_timeout_s(), len(largest_group(directory, groups, name, entry)) * entry.restart_s())
