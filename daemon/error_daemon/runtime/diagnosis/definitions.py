"""The definitions: what is in force, whether the files still say that, and whether a daemon would start with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.errors import Problem
from error_daemon.model import Definitions, Diagnostic, Mode, Reloaded
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("definitions")


def definitions(in_force: Definitions, read: Reloaded) -> list[Diagnostic]:
    """`read`: what a dry run of a reload says of the files."""
    return [_in_force(in_force, read.digest), *files(read.problems), *_waiting(read)]


def _in_force(in_force: Definitions, digest: str) -> Diagnostic:
    rules, targets = some(len(in_force.rules), "rule"), some(len(in_force.targets), "target")
    observing = sum(rule.mode is Mode.OBSERVE for rule in in_force.rules)
    says = f"{rules}, {targets}; digest {digest}"
    if not in_force.rules:
        return _AREA.notice("in force", f"{says}: nothing is recovered", "write rules: docs/definitions.md")
    if observing == len(in_force.rules):
        mend = "mode: auto in a rule, when you like what error-cli errors list says it would have done"
        return _AREA.notice("in force", f"{says}; all rules only observe: nothing is recovered", mend)
    return _AREA.good("in force", f"{says}; {observing} only observe" if observing else says)


def files(problems: Sequence[Problem]) -> Iterator[Diagnostic]:
    errors = [problem for problem in problems if not problem.is_warning]
    warnings = len(problems) - len(errors)
    if errors:
        says = f"{some(len(errors), 'error')}: {errors[0]}"
        mend = "error-cli validate; until it is mended, a daemon that stops does not start again"
        yield _AREA.bad("files", says, mend, errors=float(len(errors)))
    elif warnings:
        yield _AREA.notice(
            "files", f"{some(warnings, 'warning')}: {problems[0]}", "error-cli validate", warnings=float(warnings)
        )
    else:
        yield _AREA.good("files", "nothing is wrong in them, and this host has what they name")


def _waiting(read: Reloaded) -> Iterator[Diagnostic]:
    if read.changes:
        says = f"{some(len(read.changes), 'definition is', 'definitions are')} other in the files than in force"
        yield _AREA.notice("not in force", says, "error-cli reload --dry-run, then error-cli reload")
    if read.settings_to_restart:
        names = ", ".join(read.settings_to_restart)
        yield _AREA.notice(
            "settings", f"other in recovery.conf than in force: {names}", "systemctl restart error-recovery"
        )
