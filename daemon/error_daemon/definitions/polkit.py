"""The polkit rule that lets the daemon's user do with units what the definitions say, and nothing else.

Allowed is each pair of a unit and an action that a rule can come to: its target, or any that its faults may name, with the unit strategies
of its ladder and its isolation. What a rule of mode `observe` would do counts, so that the rule need not be made anew when the mode is
changed. Programs that strategies run (`systemctl` among them) count for nothing: what they do is not known here.

systemd asks polkit under the name that it has for a unit itself: an alias in a definition has to be written as that name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from error_daemon.errors import InputError
from error_daemon.model import Definitions, Rule, Strategy, Target
from error_daemon.model.variables import fill

UNIT = "unit"  # kind of a strategy
_RULE = """\
// Made by: error_daemon --print-polkit-rule {user}
// For /etc/polkit-1/rules.d/49-error-recovery.rules; make it anew when units or actions in the definitions change.
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
        for strategy in _unit_strategies(definitions, rule):
            for target in _targets(definitions, rule, strategy):
                unit = _unit(strategy, target)
                if unit:
                    allowed.setdefault(unit, set()).add(str(strategy.params["action"]))
    return allowed


def _unit_strategies(definitions: Definitions, rule: Rule) -> Iterator[Strategy]:
    names = {name for level in rule.ladder.values() for name in level} | {rule.isolate or ""}
    for name in sorted(names):
        strategy = definitions.strategies.get(name)
        if strategy is not None and strategy.kind == UNIT:
            yield strategy


def _targets(definitions: Definitions, rule: Rule, strategy: Strategy) -> Iterator[Target]:
    for target in definitions.targets.values():
        is_named = rule.target in (None, target.id)
        is_matched = rule.target is not None or rule.when.target is None or rule.when.target.fullmatch(target.id)
        if is_named and is_matched and (not strategy.target_kinds or target.kind in strategy.target_kinds):
            yield target


def _unit(strategy: Strategy, target: Target) -> str:
    try:
        own = fill(strategy.params, {"target": target.id, **target.variables}).get("unit")
    except ValueError:  # a variable that this target has not: the strategy can't be run for it
        return ""
    return str(own or target.params.get("unit") or "")
