"""Destructive strategies at level 1 or 2. These levels are for what does no harm when it was not needed: a retry, a reload.

Destructive is what ends, restarts or deletes something: the restarts, requests to DELETE, and programs that are known for it, be it behind
`sudo` or in the script of a shell. What a program of the house does is not known here, so the list is not whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from error_daemon.definitions.commands.runs import Run, runs
from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.shapes.fields import LevelKey
from error_daemon.definitions.shapes.strategies import (
    ExecOperation,
    HttpOperation,
    RestartStrategy,
    RetryStrategy,
    StrategyEntry,
    UnitStrategy,
)
from error_daemon.errors import Problem

EARLY_LEVELS = ("1", "2")
_ALWAYS = re.compile(
    r"rm|rmdir|unlink|shred|kill|killall|pkill|skill|xkill|fuser|reboot|shutdown|poweroff|halt|init|telinit|dd|truncate|wipefs"
    r"|mkfs(\..*)?|mkswap|dropdb|dropuser|userdel|umount|swapoff"
)
_VERBS: dict[str, frozenset[str]] = {  # these only with one of their commands
    "systemctl": frozenset(
        {"stop", "restart", "try-restart", "kill", "reboot", "poweroff", "halt", "isolate", "rescue", "mask"}
    ),
    "service": frozenset({"stop", "restart", "condrestart", "force-restart"}),
    "rc-service": frozenset({"stop", "restart"}),
    "supervisorctl": frozenset({"stop", "restart", "shutdown"}),
    "docker": frozenset({"rm", "rmi", "kill", "stop", "restart", "prune", "down"}),
    "podman": frozenset({"rm", "rmi", "kill", "stop", "restart", "prune"}),
    "docker-compose": frozenset({"rm", "kill", "stop", "restart", "down"}),
    "kubectl": frozenset({"delete", "drain", "restart"}),
    "pg_ctl": frozenset({"stop", "restart", "kill"}),
    "pg_ctlcluster": frozenset({"stop", "restart"}),
    "redis-cli": frozenset({"flushall", "flushdb", "shutdown"}),
    "virsh": frozenset({"destroy", "reboot", "shutdown", "undefine"}),
    "nginx": frozenset({"stop", "quit"}),
    "apachectl": frozenset({"stop", "restart"}),
}
_ENDING_SQL = re.compile(r"\b(drop|truncate|delete\s+from|pg_terminate_backend|shutdown)\b", re.IGNORECASE)
_CLIENTS = frozenset({"psql", "mysql", "mariadb", "sqlite3", "duckdb"})


def check_early(directory: Directory) -> Iterator[Problem]:
    for rule in directory.rules:
        if not isinstance(rule.value.ladder, str):
            yield from _check_levels(directory, rule, rule.value.ladder, ("ladder",))
    for ladder in directory.ladders.values():
        yield from _check_levels(directory, ladder, ladder.value, ())


def _check_levels(
    directory: Directory, entry: Written[object], levels: Mapping[LevelKey, Sequence[str]], at: tuple[str, ...]
) -> Iterator[Problem]:
    for level, names in levels.items():
        for index, name in enumerate(names if level in EARLY_LEVELS else ()):
            strategy = directory.strategies.get(name)
            if strategy and (what := destruction(strategy.value)):
                message = f"{quoted(name)} {what}: early for level {level}, which is for what does no harm when it was not needed"
                yield entry.warning(message, "put it at level 3 or above", (*at, level, index))


def destruction(strategy: StrategyEntry) -> str:
    """What is destructive in a strategy; empty where nothing is known to be."""
    if isinstance(strategy, RestartStrategy):
        return "restarts what may be running well"
    if isinstance(strategy, UnitStrategy):
        return f"has systemd {strategy.action} a unit" if strategy.action in ("stop", "restart") else ""
    operation = strategy.operation if isinstance(strategy, RetryStrategy) else strategy
    if isinstance(operation, HttpOperation) and operation.method == "DELETE":
        return "deletes (method DELETE)"
    if not isinstance(operation, ExecOperation):
        return ""
    found = (_destructive(run) for run in runs(operation.command))
    return next((f"runs {quoted(what)}" for what in found if what), "")


def _destructive(run: Run) -> str:
    if _ALWAYS.fullmatch(run.program):
        return "" if run.program == "kill" and "-0" in run.arguments else run.program  # kill -0 only looks
    verbs = _VERBS.get(run.program, frozenset())
    verb = next((argument.lower() for argument in run.arguments if argument.lower() in verbs), "")
    if verb:
        return f"{run.program} {verb}"
    if run.program in _CLIENTS:
        ending = next(filter(None, (_ENDING_SQL.search(argument) for argument in run.arguments)), None)
        return f"{run.program} ... {ending[0]}" if ending else ""
    if run.program == "find" and "-delete" in run.arguments:
        return "find -delete"
    return ""
