"""What is written → model.Definitions, whole and consistent, or every problem at once."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from error_daemon.definitions.checks.secret_files import check_secret_files
from error_daemon.definitions.checks.whole import check
from error_daemon.definitions.files.written import Directory, in_order
from error_daemon.definitions.filled import filled, own_variables
from error_daemon.definitions.groups import groups_of
from error_daemon.definitions.restart_times import least_timeout_s
from error_daemon.definitions.secrets.hidden import hidden, hiding
from error_daemon.definitions.shapes.document import (
    ApprovalEntry,
    BulkheadEntry,
    RuleEntry,
    VerifyEntry,
    WhenEntry,
    WorkflowEntry,
)
from error_daemon.definitions.shapes.fields import LevelKey
from error_daemon.definitions.shapes.hooks import HookEntry
from error_daemon.definitions.shapes.observers import observers_of
from error_daemon.definitions.shapes.patterns import RegexEntry
from error_daemon.definitions.shapes.probes import ProbeEntry
from error_daemon.definitions.shapes.strategies import RestartStrategy, StrategyEntry
from error_daemon.errors import ConfigError, Problem
from error_daemon.model import (
    Backoff,
    Bulkhead,
    Condition,
    Definitions,
    Priority,
    Probe,
    Rule,
    Severity,
    Strategy,
    Target,
    Verification,
    Workflow,
    WorkflowStep,
)
from error_daemon.model.hook import Hook, Retries


def sound(written: Directory) -> Definitions:
    """What is written. Raises ConfigError with all that keeps a daemon from starting, in the order of file and line."""
    errors = [problem for problem in found_in(written) if not problem.is_warning]
    if errors:
        raise ConfigError(errors)
    return made_of(written)


def found_in(written: Directory) -> list[Problem]:
    """All problems of all files, warnings too, each once, in the order of file and line, and with no secret in them."""
    found = in_order(written, [*written.problems, *check(written), *check_secret_files(written)])
    return list(hidden(found, hiding(written.sources)))


def made_of(written: Directory) -> Definitions:
    """What is written, where nothing is wrong with it."""
    groups = groups_of(written)
    least_s = {name: least_timeout_s(written, groups, name, entry.value) for name, entry in written.strategies.items()}
    return Definitions(
        rules=tuple(_rule(entry.value, written.ladder_of(entry.value)) for entry in written.rules),
        targets={name: _target(written, name) for name in written.targets},
        strategies={name: _strategy(name, entry.value, least_s[name]) for name, entry in written.strategies.items()},
        probes={name: _probe(name, entry.value) for name, entry in written.probes.items()},
        bulkheads=tuple(_bulkhead(entry.value) for entry in written.bulkheads),
        workflows=tuple(_workflow(entry.value) for entry in written.workflows),
        hooks=tuple(_hook(entry.value) for entry in written.hooks),
    )


def _target(written: Directory, name: str) -> Target:
    entry = filled(written, written.targets[name], name)
    return Target(
        id=name,
        kind=entry.kind,
        params=entry.params(),
        probes=entry.probes,
        depends_on=tuple(dict.fromkeys(entry.depends_on)),
        weight=entry.weight,
        variables=own_variables(written, name),
        observers=observers_of(entry.observe, entry.kind, entry.params()),
    )


def _probe(name: str, entry: ProbeEntry) -> Probe:
    return Probe(id=name, kind=entry.kind, params=entry.params(), timeout_s=entry.timeout)


def _strategy(name: str, entry: StrategyEntry, least_timeout_s: float) -> Strategy:
    fitting = frozenset({"process"}) if isinstance(entry, RestartStrategy) else frozenset()
    return Strategy(
        id=name,
        kind=entry.kind,
        name=entry.name,
        params=entry.params(),
        timeout_s=entry.timeout,
        timeout_min_s=least_timeout_s,
        timeout_max_s=entry.timeout_max,
        max_attempts=entry.max_attempts,
        backoff=Backoff(base_s=entry.backoff.base, factor=entry.backoff.factor, cap_s=entry.backoff.cap),
        error_types=entry.for_errors,
        target_kinds=entry.for_targets or fitting,
    )


def _rule(entry: RuleEntry, levels: Mapping[LevelKey, tuple[str, ...]]) -> Rule:
    approval = entry.approval or ApprovalEntry()
    return Rule(
        id=entry.id,
        when=_condition(entry.when),
        ladder={int(level): names for level, names in sorted(levels.items())},
        target=entry.target,
        mode=entry.mode,
        severity=_severity(entry.severity),
        response_class=entry.response_class,
        entry_level=entry.entry_level,
        verification=_verification(entry.verify),
        stability_window_s=entry.stability_window,
        recovery_class=entry.recovery_class,
        isolate=entry.isolate,
        approval_expires_s=approval.expires,
        approval_then=approval.then,
        approval_remind_s=approval.remind or 0.0,
    )


def _bulkhead(entry: BulkheadEntry) -> Bulkhead:
    return Bulkhead(
        id=entry.id,
        max_concurrency=entry.max_concurrency,
        queue_size=entry.queue_size,
        timeout_s=entry.timeout,
        fallback=entry.fallback,
        levels=frozenset(map(int, entry.when.levels)),
        priorities=frozenset(Priority[name.upper()] for name in entry.when.priorities),
        rules=frozenset(entry.when.rules),
        tenant=_pattern(entry.when.tenant),
        per_tenant=entry.per_tenant,
    )


def _workflow(entry: WorkflowEntry) -> Workflow:
    return Workflow(
        id=entry.id,
        when=_condition(entry.for_),
        steps=tuple(
            WorkflowStep(step.id, step.instructions.strip(), step.expected, step.probe, step.hints, step.takes)
            for step in entry.steps
        ),
        name=entry.name,
        description=entry.description,
        target=entry.target,
        expires_s=entry.expires,
    )


def _hook(entry: HookEntry) -> Hook:
    retries = entry.retries
    return Hook(
        id=entry.id,
        kind=entry.kind,
        events=frozenset() if entry.events == "*" else frozenset(entry.events),
        types=frozenset() if entry.on == "*" else entry.on,
        min_severity=_severity(entry.min_severity),
        target=_pattern(entry.target),
        params=entry.params(),
        secret_file=entry.secret,
        timeout_s=entry.timeout,
        retries=Retries(retries.attempts, retries.base, retries.factor, retries.cap),
        burst=entry.burst,
        every_s=entry.every,
    )


def _condition(when: WhenEntry) -> Condition:
    return Condition(
        types=when.type,
        min_severity=_severity(when.min_severity),
        component=_pattern(when.component),
        operation=_pattern(when.operation),
        node=_pattern(when.node),
        environment=_pattern(when.environment),
        exception=_pattern(when.exception),
        message=_pattern(when.message),
        source=_pattern(when.source),
        target=_pattern(when.target),
        attributes={name: _glob(glob) for name, glob in when.attributes.items()},
    )


def _pattern(written: str | RegexEntry | None) -> re.Pattern[str] | None:
    if isinstance(written, RegexEntry):
        return re.compile(written.regex)
    return None if written is None else _glob(written)


def _glob(text: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(text))


def _severity(name: str | None) -> Severity | None:
    return None if name is None else Severity[name.upper()]


def _verification(entry: VerifyEntry) -> Verification:
    return Verification(hold_s=entry.hold, within_s=entry.within, patience_s=entry.patience)
