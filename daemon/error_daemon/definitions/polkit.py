"""The polkit rule that lets the daemon's user do with units what the definitions say, and nothing else.

Allowed is each pair of a unit and an action that a rule can come to: its target, or any that its faults may name, with the strategies of
its ladder and its isolation. Of these count the ones of kind `unit`, and those of kind `exec` whose command is `systemctl` itself, with its
action and units written in it, or one of the shipped scripts, of which it is known what they ask for. What a rule of mode `observe` would
do counts, so that the rule need not be made anew when the mode is changed. What another program does, a script that calls `systemctl`
among them, is not known here.

systemd asks polkit under the name that it has for a unit itself: an alias in a definition has to be written as that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import PurePath

from error_daemon.definitions.host.host import full_name
from error_daemon.errors import InputError
from error_daemon.model import Definitions, Rule, Strategy, Target
from error_daemon.model.variables import fill

UNIT, EXEC = "unit", "exec"  # kinds of a strategy
# of systemctl → the verb by which systemd asks polkit
_VERBS = {
    verb: verb
    for verb in ("start", "stop", "restart", "try-restart", "reload", "reload-or-restart", "reset-failed", "kill")
}
_SCRIPTS = {"checked-restart": ("reset-failed", "restart"), "kill-and-start": ("kill", "reset-failed", "start")}
_VERBS["try-reload-or-restart"] = "reload-or-try-restart"
_RULE = """\
// Made by: error_daemon --print-polkit-rule {user}
// For /etc/polkit-1/rules.d/49-error-recovery.rules, where `error-cli tune polkit --apply` puts it; anew when units or actions in the
// definitions change.
polkit.addRule(function (action, subject) {{
    var allowed = {allowed};
    if (action.id != "org.freedesktop.systemd1.manage-units" || subject.user != {quoted})
        return polkit.Result.NOT_HANDLED;
    var unit = action.lookup("unit"), verb = action.lookup("verb");
    if (Object.prototype.hasOwnProperty.call(allowed, unit) && allowed[unit].indexOf(verb) >= 0)
        return polkit.Result.YES;
    return polkit.Result.NOT_HANDLED;
}});
"""


def polkit_rule(definitions: Definitions, user: str) -> str:
    """Raises InputError if this can be no user's name."""
    if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_.-]{0,63}\$?", user):
        raise InputError("user", f"{user!r} is not the name of a user")
    allowed = {unit: sorted(actions) for unit, actions in sorted(allowed_actions(definitions).items())}
    text = json.dumps(allowed, indent=4).replace("\n", "\n    ")
    return _RULE.format(user=user, quoted=json.dumps(user), allowed=text)


def allowed_actions(definitions: Definitions) -> dict[str, set[str]]:
    """Unit → what some rule may do with it."""
    allowed: dict[str, set[str]] = {}
    for rule in definitions.rules:
        for strategy in _strategies(definitions, rule):
            for target in _targets(definitions, rule, strategy):
                for unit, action in _asked(strategy, target):
                    allowed.setdefault(unit, set()).add(action)
    return allowed


def _strategies(definitions: Definitions, rule: Rule) -> Iterator[Strategy]:
    names = {name for level in rule.ladder.values() for name in level} | {rule.isolate or ""}
    for name in sorted(names):
        strategy = definitions.strategies.get(name)
        if strategy is not None and strategy.kind in (UNIT, EXEC):
            yield strategy


def _targets(definitions: Definitions, rule: Rule, strategy: Strategy) -> Iterator[Target]:
    for target in definitions.targets.values():
        is_named = rule.target in (None, target.id)
        is_matched = rule.target is not None or rule.when.target is None or rule.when.target.fullmatch(target.id)
        if is_named and is_matched and (not strategy.target_kinds or target.kind in strategy.target_kinds):
            yield target


def _asked(strategy: Strategy, target: Target) -> Iterator[tuple[str, str]]:
    """The units that it asks systemd about, and what for."""
    try:
        params = fill(strategy.params, {"target": target.id, **target.variables}, keeps_fault=True)
    except ValueError:  # a variable that this target has not: the strategy can't be run for it
        return
    if strategy.kind == EXEC:
        yield from _by_command(params.get("command") or [])
    elif unit := str(params.get("unit") or target.params.get("unit") or ""):
        yield unit, str(params["action"])


def _by_command(command: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Of a program: systemctl, or a script of etc/recovery/scripts, which may have a command of its own behind its unit."""
    program = PurePath(command[0]).name if command else ""
    if program in _SCRIPTS and len(command) > 1:
        yield from ((unit, verb) for verb in _SCRIPTS[program] for unit in _units(command[1:2]))
        yield from _by_command(command[2:])
    elif program == "systemctl" and "--user" not in command:
        verb, *units = [word for word in command[1:] if not word.startswith("-")] or [""]
        yield from ((unit, _VERBS[verb]) for unit in _units(units) if verb in _VERBS)


def _units(words: Sequence[str]) -> list[str]:
    """Without what is a pattern, or depends on the fault: that is nobody's to allow beforehand."""
    return [full_name(word) for word in words if not re.search(r"[*?\[$]", word)]
