"""`error-cli explain`: why this strategy, and why not another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Command, examples
from error_cli.documents import document
from error_cli.error_page import print_attempt
from error_cli.lines import Cell, Styled, line
from error_cli.page import heading, paragraph
from error_cli.phrase import duration, instant_and_ago, percent
from error_cli.tables import Column, table
from error_cli.wishes import Wishes, wishing

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column(""),
    Column("STRATEGY"),
    Column("SAMPLES", right=True),
    Column("MEAN", right=True),
    Column("90 % INTERVAL", right=True),
    Column("DRAW", right=True),
    Column("SCORE", right=True),
)
_PARTS = (
    Column(""),
    Column("STRATEGY"),
    Column("SUCCESS", right=True),
    Column("TIME", right=True),
    Column("IMPACT", right=True),
    Column("STABILITY", right=True),
    Column("TASKS", right=True),
)

_SCOPES = {
    "elsewhere": "for other types of error",
    "type": "for this type of error",
    "context": "in this component",
    "hardware": "on this hardware",
}


@click.command(
    cls=Command, epilog=examples("error-cli explain 3f2a9c0d11e4b7aa", "error-cli explain 3f2a9c0d11e4b7aa --json")
)
@click.argument("id_", metavar="ID")
@wishing
def command(wishes: Wishes, id_: str) -> None:
    """Explain why a strategy was chosen.

    ID is that of an error (its newest decision), a decision or an attempt. Shows the reasons, what would have changed
    them, the brakes, and the candidates: for each the faded count of attempts, the success rate with its interval, the
    draw that stood in for it, and the score with its parts from 0 to 1.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.Explain, recovery_pb2.ExplainRequest(id=daemon.error_id(id_)))
    if wishes.for_programs:
        document(answer)
    else:
        print_explanation(answer)


def print_explanation(answer: recovery_pb2.ExplainResponse) -> None:
    """The page of one explanation."""
    error, decision = answer.error, answer.decision
    error_id = error.error_id or decision.error_id
    line(Styled(f"error {error_id}", "bold"), f": {error.message}" if error.message else "")
    if answer.HasField("decision"):
        line(f"decision {decision.decision_id}, {instant_and_ago(decision.at)}")
        line()
    elif not answer.sentences:
        line("  nothing was decided about it yet")
    for sentence in answer.sentences:
        paragraph(sentence)
    _print_candidates(decision)
    if decision.timeout_s:
        heading("time to finish")
        paragraph(_timeout(decision))
    if decision.brakes:
        heading("brakes that it passed")
        for brake in decision.brakes:
            paragraph(brake)
    if answer.HasField("attempt"):
        heading("attempt")
        print_attempt(answer.attempt)


def _print_candidates(decision: recovery_pb2.Decision) -> None:
    if not decision.candidates:
        return
    heading("candidates")
    table(_COLUMNS, [_row(candidate, decision.strategy_id) for candidate in decision.candidates])
    for candidate in decision.candidates:
        for evidence in candidate.evidence:
            if evidence.HasField("recent"):
                paragraph(_cut(candidate.strategy_id, evidence))
    if len(decision.candidates) == 1:
        return
    heading("parts of the scores (0.40 success, 0.15 each of the others; impact as 1 - it)")
    table(_PARTS, [_parts(candidate, decision.strategy_id) for candidate in decision.candidates])


def _row(candidate: recovery_pb2.Candidate, chosen: str) -> list[Cell]:
    low, high = 100 * candidate.success_low, 100 * candidate.success_high
    return [
        *_name(candidate, chosen),
        f"{candidate.samples:.1f}",
        percent(candidate.success_mean),
        f"{low:.0f} to {high:.0f} %",
        f"{candidate.draw:.2f}",
        f"{candidate.score:.3f}",
    ]


def _cut(strategy_id: str, evidence: recovery_pb2.Evidence) -> str:
    """Why its samples say less than its attempts."""
    where = _SCOPES.get(evidence.scope, evidence.scope)
    stands = {0: "no attempt since", 1: "the last attempt"}.get(
        evidence.recent, f"the last {evidence.recent:,} attempts"
    )
    return f"{strategy_id}: what was known of it {where} no longer held, and was cut; in full counts {stands}"


def _parts(candidate: recovery_pb2.Candidate, chosen: str) -> list[Cell]:
    parts = (
        candidate.draw,
        candidate.time_score,
        candidate.mean_impact,
        candidate.mean_stability,
        candidate.task_recovery_rate,
    )
    return [*_name(candidate, chosen), *(f"{part:.2f}" for part in parts)]


def _name(candidate: recovery_pb2.Candidate, chosen: str) -> list[Cell]:
    is_chosen = candidate.strategy_id == chosen
    return ["*" if is_chosen else "", Styled(candidate.strategy_id, "green" if is_chosen else "")]


def _timeout(decision: recovery_pb2.Decision) -> str:
    basis, bounds = decision.timeout_basis, decision.timeout_bounds
    told = duration(decision.timeout_s)
    if not decision.HasField("timeout_basis"):
        return f"{told}, the strategy's own: nothing was learned yet"
    told += f", learned: {duration(basis.mean_s)} on average, deviation {duration(basis.deviation_s)}"
    if decision.HasField("timeout_bounds"):
        told += f"; never outside {duration(bounds.shortest_s)} to {duration(bounds.longest_s)}"
    return told
