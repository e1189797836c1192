"""One approval in full: all that a person wants to know before they say yes or no."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from error_cli.lines import Cell, Styled, line, note
from error_cli.page import facts
from error_cli.phrase import duration, instant_and_ago, until
from error_cli.words import SEVERITIES, word

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2


def print_approval(approval: recovery_pb2.Approval) -> None:
    line(Styled(f"error {approval.error_id}", "bold"), f": {approval.message}" if approval.message else "")
    facts(_facts(approval))
    answer = f"approve {approval.error_id} --decision {approval.decision_id}"
    note(f"answer: error-cli {answer}, or deny; --note says why")


def _facts(approval: recovery_pb2.Approval) -> Iterator[tuple[str, Cell]]:
    yield "would", Styled(approval.does, "bold")
    at = f"level {approval.level}" if approval.level else "to isolate it"
    most = f"at most {duration(approval.timeout_s)}"
    yield "", f"on {approval.target} by {approval.strategy_id} ({approval.kind}), {at}, {most}"
    yield "touches", ", ".join(approval.group)
    yield "dependents", ", ".join(approval.dependents)
    for number, sentence in enumerate(approval.why):
        yield "why" if not number else "", sentence
    kinds = (approval.type, word(SEVERITIES, approval.severity), approval.component)
    yield "error", ", ".join(filter(None, kinds)) + (f" (rule {approval.rule})" if approval.rule else "")
    for number, tried in enumerate(approval.tried):
        yield "tried" if not number else "", f"{tried.strategy_id} at level {tried.level}: {tried.verdict}"
    for number, other in enumerate(approval.alternatives):
        yield (
            "else" if not number else "",
            f"level {other.level}, {other.strategy_id} {other.does}: {other.says}",
        )
    yield (
        "asked",
        instant_and_ago(approval.asked_at)
        + (f", for the {approval.times_asked}. time" if approval.times_asked > 1 else ""),
    )
    yield "answer by", Styled(until(approval.expires_at), "yellow")
    yield "silence", approval.on_expiry
    yield "a yes is for", approval.covers
