"""What definitions mean together. Each check looks at entries that have the right shape, and yields every problem it sees.

- Every name that is used is defined: probes of targets; strategies of ladders; the target and the ladder of a rule.
- No two rules have the same id (written.py sees to the other names).
- Times are in order: timeout_min ≤ timeout ≤ timeout_max, and backoff base ≤ cap.
- A strategy fits the target of the rule: process_restart restarts targets of kind process. One that is limited by
  `for_targets` to other kinds is not meant for this target, and may stand in a ladder that several rules share.
- A process probe without a pid file of its own needs a target that has one.
- A rule of mode auto has a target that can be looked at: what nobody can verify is not done automatically.
- The ladder of a rule reaches up to its entry level.
- A file that is to be absent is not to have an age, a size or a content as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from error_daemon.definitions.complaints import did_you_mean, quoted
from error_daemon.definitions.document import RuleEntry
from error_daemon.definitions.fields import LevelKey
from error_daemon.definitions.kinds import (
    RESTART_ROOM_S,
    FileProbe,
    ProbeEntry,
    ProcessProbe,
    ProcessRestartStrategy,
    ProcessTarget,
    StrategyEntry,
    TargetEntry,
)
from error_daemon.definitions.written import Directory, Written
from error_daemon.errors import Problem
from error_daemon.model import Mode

_SINGULAR = {"targets": "target", "probes": "probe", "strategies": "strategy", "ladders": "ladder"}


def check(directory: Directory) -> Iterator[Problem]:
    """Everything that is wrong with what the entries mean."""
    for target in directory.targets.values():
        yield from _check_target(directory, target)
    for probe in directory.probes.values():
        if isinstance(probe.value, FileProbe):
            yield from _check_absent_file(probe, probe.value)
    for strategy in directory.strategies.values():
        yield from _check_times(strategy)
        yield from _check_own_targets(strategy)
    for ladder in directory.ladders.values():
        yield from _check_levels(directory, ladder, ladder.value, ())
    yield from _check_rule_ids(directory)
    for rule in directory.rules:
        yield from _check_rule(directory, rule)


def ladder_of(directory: Directory, rule: RuleEntry) -> Mapping[LevelKey, tuple[str, ...]]:
    """The levels of a rule, written in it or by name; none where the name is not defined."""
    if not isinstance(rule.ladder, str):
        return rule.ladder
    shared = directory.ladders.get(rule.ladder)
    return shared.value if shared else {}


def _unknown(directory: Directory, section: str, name: str) -> tuple[str, str] | None:
    """Message and mend for a name that is not defined."""
    known = directory.names[section]
    if name in known or section in directory.unreadable:
        return None
    return f"no {_SINGULAR[section]} is called {quoted(name)}", did_you_mean(name, known)


def _check_target(directory: Directory, target: Written[TargetEntry]) -> Iterator[Problem]:
    for index, name in enumerate(target.value.probes):
        at = ("probes", index)
        probe = directory.probes.get(name)
        if unknown := _unknown(directory, "probes", name):
            yield target.problem(*unknown, at)
        elif probe and _lacks_pid_file(probe.value, target.value):
            message = f"{quoted(name)} looks at the pid file of its target, but a {target.value.kind} has none"
            yield target.problem(message, "give the probe a pid_file", at)


def _lacks_pid_file(probe: ProbeEntry, target: TargetEntry) -> bool:
    return isinstance(probe, ProcessProbe) and probe.pid_file is None and not isinstance(target, ProcessTarget)


def _check_absent_file(probe: Written[object], file: FileProbe) -> Iterator[Problem]:
    for key in ("max_age", "min_bytes", "pattern"):
        if not file.exists and getattr(file, key):
            yield probe.problem(f"{key} is set, and exists is false: an absent file has none", "leave one out", (key,))


def _check_times(strategy: Written[StrategyEntry]) -> Iterator[Problem]:
    written, backoff = strategy.value, strategy.value.backoff
    timeout_min = written.least_timeout_s()
    if isinstance(written, ProcessRestartStrategy) and written.timeout < written.stop_grace + RESTART_ROOM_S:
        least_s = written.stop_grace + RESTART_ROOM_S
        message = f"timeout is {written.timeout:g}s, too short to start the process again after a stop_grace of {written.stop_grace:g}s"
        yield strategy.problem(message, f"at least {least_s:g}s", ("timeout",))
    elif written.timeout < timeout_min:
        yield _out_of_order(strategy, "timeout", written.timeout, "below timeout_min", timeout_min)
    if written.timeout > written.timeout_max:
        yield _out_of_order(strategy, "timeout", written.timeout, "above timeout_max", written.timeout_max)
    if timeout_min > written.timeout_max:
        yield _out_of_order(strategy, "timeout_min", timeout_min, "above timeout_max", written.timeout_max)
    if backoff.base > backoff.cap:
        message = f"the base of the backoff is {backoff.base:g}s, above its cap, which is {backoff.cap:g}s"
        yield strategy.problem(message, "write both", ("backoff", "base"))


def _out_of_order(strategy: Written[StrategyEntry], key: str, value_s: float, how: str, limit_s: float) -> Problem:
    message = f"{key} is {value_s:g}s, {how}, which is {limit_s:g}s"
    return strategy.problem(message, "write both", (key,))


def _check_own_targets(strategy: Written[StrategyEntry]) -> Iterator[Problem]:
    kinds = strategy.value.for_targets
    if isinstance(strategy.value, ProcessRestartStrategy) and kinds - {"process"}:
        others = ", ".join(sorted(kinds - {"process"}))
        yield strategy.problem(
            f"process_restart is not for {others}", "it restarts targets of kind process", ("for_targets",)
        )


def _check_rule_ids(directory: Directory) -> Iterator[Problem]:
    first: dict[str, Written[RuleEntry]] = {}
    for rule in directory.rules:
        before = first.setdefault(rule.value.id, rule)
        if before is not rule:
            mend = f"the first one is in {before.source.file}:{before.source.place((*before.loc, 'id'))[0]}"
            yield rule.problem(f"two rules are called {quoted(rule.value.id)}", mend, ("id",))


def _check_rule(directory: Directory, rule: Written[RuleEntry]) -> Iterator[Problem]:
    written = rule.value
    if isinstance(written.ladder, str):
        if unknown := _unknown(directory, "ladders", written.ladder):
            yield rule.problem(*unknown, ("ladder",))
    else:
        yield from _check_levels(directory, rule, written.ladder, ("ladder",))
    levels = ladder_of(directory, written)
    if levels and written.entry_level > max(map(int, levels)):
        message = f"entry_level is {written.entry_level}, but the ladder ends at level {max(levels)}"
        yield rule.problem(message, "lower it, or add a level", ("entry_level",))
    if written.target is not None:
        yield from _check_rule_target(directory, rule, written.target, levels)


def _check_rule_target(
    directory: Directory, rule: Written[RuleEntry], name: str, levels: Mapping[LevelKey, tuple[str, ...]]
) -> Iterator[Problem]:
    if unknown := _unknown(directory, "targets", name):
        yield rule.problem(*unknown, ("target",))
    target = directory.targets.get(name)
    if target is None:
        return
    if rule.value.mode is Mode.AUTO and not target.value.probes:
        message = f"mode is auto, but {quoted(name)} has no probes: a recovery cannot be verified"
        yield rule.problem(message, "give the target probes, or take mode observe", ("mode",))
    for level, names in levels.items():
        for index, strategy in enumerate(names):
            if not _fits(directory.strategies.get(strategy), target.value):
                at: tuple[str | int, ...] = (
                    ("ladder",) if isinstance(rule.value.ladder, str) else ("ladder", level, index)
                )
                message = f"{quoted(strategy)} restarts a process, but {quoted(name)} is of kind {target.value.kind}"
                yield rule.problem(message, "process_restart needs a target of kind process", at)


def _fits(strategy: Written[StrategyEntry] | None, target: TargetEntry) -> bool:
    if strategy is None or not isinstance(strategy.value, ProcessRestartStrategy):
        return True
    return target.kind == "process" or "process" in strategy.value.for_targets


def _check_levels(
    directory: Directory, entry: Written[object], levels: Mapping[LevelKey, tuple[str, ...]], at: tuple[str, ...]
) -> Iterator[Problem]:
    for level, names in levels.items():
        for index, name in enumerate(names):
            if unknown := _unknown(directory, "strategies", name):
                yield entry.problem(*unknown, (*at, level, index))
