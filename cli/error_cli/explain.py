"""`error-cli explain`: why this strategy, and why not another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from error_cli.command import Command, Wishes, examples, wishing
from error_cli.error_page import print_attempt
from error_cli.page import Cell, Column, Styled, document, heading, line, table
from error_cli.phrase import duration, instant_and_ago

if TYPE_CHECKING:
    from error_recovery.v1 import recovery_pb2

_COLUMNS = (
    Column(""),
    Column("STRATEGY"),
    Column("SAMPLES", right=True),
    Column("MEAN", right=True),
    Column("90 % INTERVAL", right=True),
    Column("DRAW", right=True),
    Column("TIME", right=True),
    Column("IMPACT", right=True),
    Column("STABILITY", right=True),
    Column("TASKS", right=True),
    Column("SCORE", right=True),
)


@click.command(
    cls=Command, epilog=examples("error-cli explain 3f2a9c0d11e4b7aa", "error-cli explain 3f2a9c0d11e4b7aa --json")
)
@click.argument("id_", metavar="ID")
@wishing
def command(wishes: Wishes, id_: str) -> None:
    """Explain why a strategy was chosen.

    ID is that of an error (its newest decision), a decision or an attempt. Shows the reasons, the brakes, and the
    candidates: for each the faded count of attempts, the success rate with its interval, the draw that stood in for it,
    and the scores from 0 to 1.
    """
    from error_cli.connection import connect
    from error_recovery.v1 import recovery_pb2

    with connect(wishes) as daemon:
        answer = daemon.ask(daemon.recovery.Explain, recovery_pb2.ExplainRequest(id=daemon.error_id(id_)))
    if wishes.json:
        document(answer)
    else:
        _print(answer)


def _print(answer: recovery_pb2.ExplainResponse) -> None:
    error, decision = answer.error, answer.decision
    line(Styled(f"error {error.error_id}", "bold"), f": {error.message}" if error.message else "")
    if answer.HasField("decision"):
        _print_choice(decision)
    elif not answer.sentences:
        line("  nothing was decided about it yet")
    for sentence in answer.sentences:
        line("  ", sentence)
    if decision.candidates:
        heading("candidates")
        table(_COLUMNS, [_row(candidate, decision.strategy_id) for candidate in decision.candidates])
    if decision.brakes:
        heading("brakes")
        for brake in decision.brakes:
            line("  ", brake)
    if answer.HasField("attempt"):
        heading("attempt")
        print_attempt(answer.attempt)


def _print_choice(decision: recovery_pb2.Decision) -> None:
    target = f" on {decision.target}" if decision.target else ""
    chosen = f"{decision.strategy_id}{target}" if decision.strategy_id else "no strategy"
    line(f"decision {decision.decision_id}, {instant_and_ago(decision.at)}")
    timeout = f", timeout {duration(decision.timeout_s)}" if decision.timeout_s else ""
    explored = ", explored" if decision.explored else ""
    line(
        "chose ",
        Styled(chosen, "bold"),
        f" at level {decision.level or '-'}, mode {decision.mode or '-'}{timeout}{explored}",
    )
    line()


def _row(candidate: recovery_pb2.Candidate, chosen: str) -> list[Cell]:
    is_chosen = candidate.strategy_id == chosen
    return [
        "*" if is_chosen else "",
        Styled(candidate.strategy_id, "green" if is_chosen else ""),
        f"{candidate.samples:.1f}",
        f"{100 * candidate.success_mean:.0f} %",
        f"{100 * candidate.success_low:.0f} to {100 * candidate.success_high:.0f} %",
        f"{candidate.draw:.2f}",
        f"{candidate.time_score:.2f}",
        f"{candidate.mean_impact:.2f}",
        f"{candidate.mean_stability:.2f}",
        f"{candidate.task_recovery_rate:.2f}",
        f"{candidate.score:.3f}",
    ]
