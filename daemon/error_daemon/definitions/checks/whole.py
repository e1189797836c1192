"""What definitions mean together. Each check looks at entries that have the right shape, and yields every problem it sees.

Of targets, probes and strategies here; of observers in observers.py, of rules in rules.py, of bulkheads in
bulkheads.py, of variables in variables.py, of pid files in pid_files.py, of workflows in workflows.py:

- Every name that is used is defined: probes and dependencies of targets; strategies of ladders.
- Dependencies end somewhere: no target depends on itself, be it by way of others.
- A process probe without a pid file of its own needs a target that has one.
- A unit probe without a unit of its own needs a target that has one.
- A file that is to be absent is not to have an age, a size or a content as well.
- Times are in order: timeout_min ≤ timeout ≤ timeout_max, backoff base ≤ cap, and a restart has the time to start again what it
  has stopped.
- `graph` of a unit strategy goes with the actions that systemd passes on: stop and restart.
- What restarts processes is not limited to targets that are none.
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.checks.bulkheads import check_bulkheads
from error_daemon.definitions.checks.hooks import check_hooks
from error_daemon.definitions.checks.names import unknown
from error_daemon.definitions.checks.observers import check_observers
from error_daemon.definitions.checks.pid_files import check_pid_files
from error_daemon.definitions.checks.rules import check_levels, check_rules
from error_daemon.definitions.checks.variables import check_variables
from error_daemon.definitions.checks.workflows import check_workflows
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.graph import cycles
from error_daemon.definitions.groups import Groups, groups_of
from error_daemon.definitions.restart_times import largest_group, least_timeout_s
from error_daemon.definitions.shapes.probes import FileProbe, ProbeEntry, ProcessProbe, UnitProbe
from error_daemon.definitions.shapes.strategies import (
    GroupRestartStrategy,
    RestartStrategy,
    StrategyEntry,
    UnitStrategy,
)
from error_daemon.definitions.shapes.targets import ProcessTarget, TargetEntry, lacks_unit
from error_daemon.errors import Problem


def check(directory: Directory) -> Iterator[Problem]:
    """Everything that is wrong with what the entries mean."""
    groups = groups_of(directory)
    for target in directory.targets.values():
        yield from _check_target(directory, target)
        yield from check_observers(target)
    yield from check_pid_files(directory)
    yield from _check_cycles(directory, groups)
    for probe in directory.probes.values():
        if isinstance(probe.value, FileProbe):
            yield from _check_absent_file(probe, probe.value)
    for name, strategy in directory.strategies.items():
        yield from _check_times(directory, groups, name, strategy)
        yield from _check_own_targets(strategy)
    for ladder in directory.ladders.values():
        yield from check_levels(directory, ladder, ladder.value, ())
    yield from check_rules(directory, groups)
    yield from check_bulkheads(directory)
    yield from check_variables(directory)
    yield from check_hooks(directory)
    yield from check_workflows(directory)


def _check_target(directory: Directory, target: Written[TargetEntry]) -> Iterator[Problem]:
    for index, name in enumerate(target.value.probes):
        at = ("probes", index)
        probe = directory.probes.get(name)
        if problem := unknown(directory, "probes", name):
            yield target.problem(*problem, at)
        elif probe and _lacks_pid_file(probe.value, target.value):
            message = f"{quoted(name)} looks at the pid file of its target, but a {target.value.kind} has none"
            yield target.problem(message, "give the probe a pid_file", at)
        elif probe and isinstance(probe.value, UnitProbe) and lacks_unit(probe.value.unit, target.value):
            message = f"{quoted(name)} looks at the unit of its target, and this one has none"
            yield target.problem(message, "give the probe, or the target, a unit", at)
    for index, name in enumerate(target.value.depends_on):
        if problem := unknown(directory, "targets", name):
            yield target.problem(*problem, ("depends_on", index))


def _check_cycles(directory: Directory, groups: Groups) -> Iterator[Problem]:
    """The place of a cycle is where it closes."""
    for cycle in cycles(groups.needs):
        path, mend = f": {' -> '.join((*cycle, cycle[0]))}", "take one of these out of depends_on"
        if len(cycle) == 1:
            path, mend = "", "take it out of its depends_on"
        last = directory.targets[cycle[-1]]
        at = ("depends_on", last.value.depends_on.index(cycle[0]))
        yield last.problem(f"{quoted(cycle[0])} depends on itself{path}", mend, at)


def _lacks_pid_file(probe: ProbeEntry, target: TargetEntry) -> bool:
    return isinstance(probe, ProcessProbe) and probe.pid_file is None and not isinstance(target, ProcessTarget)


def _check_absent_file(probe: Written[object], file: FileProbe) -> Iterator[Problem]:
    for key in ("max_age", "min_bytes", "pattern"):
        if not file.exists and getattr(file, key):
            yield probe.problem(f"{key} is set, and exists is false: an absent file has none", "leave one out", (key,))


def _check_times(
    directory: Directory, groups: Groups, name: str, strategy: Written[StrategyEntry]
) -> Iterator[Problem]:
    written, backoff = strategy.value, strategy.value.backoff
    timeout_min = least_timeout_s(directory, groups, name, written)
    if too_short := _too_short(directory, groups, name, written):
        yield strategy.problem(*too_short, ("timeout",))
    elif written.timeout < timeout_min:
        yield _out_of_order(strategy, "timeout", written.timeout, "below timeout_min", timeout_min)
    if written.timeout > written.timeout_max:
        yield _out_of_order(strategy, "timeout", written.timeout, "above timeout_max", written.timeout_max)
    if timeout_min > written.timeout_max:
        yield _out_of_order(strategy, "timeout_min", timeout_min, "above timeout_max", written.timeout_max)
    if backoff.base > backoff.cap:
        message = f"the base of the backoff is {backoff.base:g}s, above its cap, which is {backoff.cap:g}s"
        yield strategy.problem(message, "write both", ("backoff", "base"))


def _too_short(directory: Directory, groups: Groups, name: str, written: StrategyEntry) -> tuple[str, str] | None:
    """Message and mend for a timeout that would end a restart between its stop and its start."""
    if not isinstance(written, RestartStrategy):
        return None
    group = largest_group(directory, groups, name, written) if isinstance(written, GroupRestartStrategy) else ()
    least_s = max(1, len(group)) * written.restart_s()
    if written.timeout >= least_s:
        return None
    what = f"the {len(group)} processes of the group of {quoted(group[0])}" if len(group) > 1 else "the process"
    message = f"timeout is {written.timeout:g}s, too short to start {what} again after a stop_grace of {written.stop_grace:g}s"
    return message + (" each" if len(group) > 1 else ""), f"at least {least_s:g}s"


def _out_of_order(strategy: Written[StrategyEntry], key: str, value_s: float, how: str, limit_s: float) -> Problem:
    message = f"{key} is {value_s:g}s, {how}, which is {limit_s:g}s"
    return strategy.problem(message, "write both", (key,))


def _check_own_targets(strategy: Written[StrategyEntry]) -> Iterator[Problem]:
    if (
        isinstance(strategy.value, UnitStrategy)
        and strategy.value.graph
        and strategy.value.action not in ("stop", "restart")
    ):
        message = f"graph is about what systemd stops or restarts with a unit, but action is {strategy.value.action}"
        yield strategy.problem(message, "leave it out", ("graph",), key=True)
    others = ", ".join(sorted(strategy.value.for_targets - {"process"}))
    if isinstance(strategy.value, RestartStrategy) and others:
        message = f"{strategy.value.kind} is not for {others}"
        yield strategy.problem(message, "it restarts targets of kind process", ("for_targets",))
