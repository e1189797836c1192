"""Which units the daemon's user may manage: the rule that `error_daemon --print-polkit-rule` makes of the definitions, in its place.

It has to be made anew when units or actions in the definitions change. polkit sees a changed file by itself.
"""

from __future__ import annotations

from error_daemon.tuning.change import Change, Plan

FILE = "/etc/polkit-1/rules.d/49-error-recovery.rules"
NOBODY = "var allowed = {};"  # in the rule of definitions that name no unit


def plan_polkit(rule: str, problem: str, saved: str | None, *, has_polkit: bool) -> Plan:
    """`rule`: what the daemon prints; "" with a `problem`. `saved`: the text of FILE."""
    if not has_polkit:
        return Plan("polkit", lacks=("polkit is not installed: only root may have systemd do something",))
    if not rule:
        return Plan("polkit", lacks=(problem,))
    if NOBODY in rule and saved is None:
        return Plan("polkit", (Change("polkit", f"file:{FILE}", None, None, "no definition manages a unit"),))
    why = "the daemon's user may do with units what the definitions say, and nothing else"
    return Plan("polkit", (Change("polkit", f"file:{FILE}", saved, rule, why, f"write {FILE}"),))
