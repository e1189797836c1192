"""Rules that go on when nobody has answered (mode approve, `then: run`). A night without anybody at the screen is a yes to them, so it must
be meant: worst where what is proposed ends or deletes something.
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.definitions.complaints import quoted
from error_daemon.definitions.files.written import Directory, Written
from error_daemon.definitions.meaning.early import destruction
from error_daemon.definitions.reach import uses_of
from error_daemon.definitions.shapes.document import RuleEntry
from error_daemon.errors import Problem
from error_daemon.model import Unanswered


def check_silent(directory: Directory) -> Iterator[Problem]:
    for rule in directory.rules:
        approval = rule.value.approval
        if approval is None or approval.then is not Unanswered.RUN:
            continue
        message = f"when nobody answers within {approval.expires:g} s it is done without a yes{_worst(directory, rule)}"
        yield rule.warning(
            message, "write then: ask_again, or leave it out, if a person must have said yes", ("approval", "then")
        )


def _worst(directory: Directory, rule: Written[RuleEntry]) -> str:
    for _, name in uses_of(directory, rule.value):
        strategy = directory.strategies.get(name)
        if strategy and (what := destruction(strategy.value)):
            return f": {quoted(name)} {what}"
    return ""
