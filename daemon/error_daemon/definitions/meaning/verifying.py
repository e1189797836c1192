"""Strategies that no probe can verify: what a rule does to a target without probes, nobody can tell the success of.

Where such a rule names its target and may act, it is refused at the start (checks/rules.py). Here is what may be meant: it only
observes so far; or it may act, but on the targets that its faults name, and some of these have no probes.

And rules without the patience to hear from their only probes, which go by alerts: nothing is seen of an attempt before those have settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.reach import acts, targets_of
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.definitions.shapes.probes import AlertProbe
from error_daemon.errors import Problem


def check_verifying(directory: Directory) -> Iterator[Problem]:
    for rule in directory.rules:
        blind = [name for name in targets_of(directory, rule.value) if not directory.targets[name].value.probes]
        if blind and acts(rule.value) == (rule.value.target is None):
            yield _problem(rule, blind)
        if acts(rule.value):
            yield from _check_patience(directory, rule)


def _check_patience(directory: Directory, rule: Written[RuleEntry]) -> Iterator[Problem]:
    patience_s = rule.value.verify.patience
    for name in targets_of(directory, rule.value):
        used = [probe for probe in directory.targets[name].value.probes if probe in directory.probes]
        probes = [directory.probes[probe].value for probe in used]
        settles_s = [probe.settle for probe in probes if isinstance(probe, AlertProbe)]
        if settles_s and len(settles_s) == len(probes) and patience_s <= min(settles_s):
            settle_s = min(settles_s)
            seen = f"the probes of {quoted(name)} do not see before {settle_s:g} s that an attempt did not help"
            mend = f"verify: {{patience: {settle_s + 60:g}s}}, or give it a probe that looks for itself"
            yield rule.warning(f"{seen}, and this rule has a patience of {patience_s:g} s", mend, ("verify",))
            return


def _problem(rule: Written[RuleEntry], blind: Sequence[str]) -> Problem:
    names = ", ".join(quoted(name) for name in blind[:3]) + (f" and {len(blind) - 3} more" if len(blind) > 3 else "")
    if rule.value.target is not None:
        message = f"{names} has no probes: what this rule would do could not be verified, and it can never act"
        return rule.warning(message, "give the target probes", ("target",))
    has = "has" if len(blind) == 1 else "have"
    message = f"this rule may act on {names}, which {has} no probes: what it does there cannot be verified"
    return rule.warning(message, "give them probes, or say in `when` which targets are meant", ("mode",))
