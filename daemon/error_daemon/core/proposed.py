"""What is proposed for an error, as a person is shown it who is to say yes or no (mode approve, E2).

Everything that the answer needs is in one value: what would be done, in words; why that, and what else there is; what was tried before;
what is touched by it, and what depends on that; what a yes is for, until when it can be said, and what happens when nobody says anything.
"""

from __future__ import annotations

from collections.abc import Iterator

from error_daemon.core import explain
from error_daemon.core.board import Board
from error_daemon.core.brakes import approval
from error_daemon.core.decide import variables_of
from error_daemon.core.deeds import does
from error_daemon.core.ticket import Error, Proposal, Ticket
from error_daemon.model import (
    ISOLATION,
    Alternative,
    Approval,
    ApprovalState,
    Decision,
    Strategy,
    Tried,
    Unanswered,
)
from error_daemon.redact import redacted_text

_MOST_ALTERNATIVES = 12
ON_EXPIRY = {
    Unanswered.FAIL: "nothing is done: the error has failed, and a person is told",
    Unanswered.RUN: "it is done: nobody has said no to it",
    Unanswered.ASK_AGAIN: "a person is told, and it is asked again",
}


def approval_of(
    board: Board,
    error: Error,
    ticket: Ticket,
    proposal: Proposal,
    state: ApprovalState = ApprovalState.WAITS,
) -> Approval:
    decision, strategy, rule = proposal.decision, proposal.strategy, ticket.rule
    touched = tuple(dict.fromkeys((ticket.target.id, *(member.id for member in proposal.members))))
    return Approval(
        decision_id=decision.decision_id,
        error_id=error.error_id,
        ticket_id=ticket.ticket_id,
        message=redacted_text(error.fault.message or error.fault.exception_message),
        component=error.fault.component,
        error_type=ticket.error_type,
        severity=error.severity,
        target=ticket.target.id,
        rule=rule.id,
        strategy_id=strategy.id,
        kind=strategy.kind,
        level=decision.level,
        does=deed_of(error, ticket, proposal),
        timeout_s=decision.timeout_s,
        why=tuple(_why(error, proposal)),
        covers=_covers(decision),
        asked_at=decision.at,
        expires_at=approval.expires_at(ticket, decision),
        unanswered=rule.approval_then,
        on_expiry=ON_EXPIRY[rule.approval_then],
        times_asked=ticket.times_asked,
        alternatives=tuple(_alternatives(error, ticket, proposal))[:_MOST_ALTERNATIVES],
        tried=tuple(Tried(one["strategy"], one["level"], one["verdict"], one["at"]) for one in ticket.history),
        group=touched[1:],
        dependents=tuple(
            dict.fromkeys(name for each in touched for name in board.graph.dependents(each) if name not in touched)
        ),
        state=state,
        answer=proposal.answer,
    )


def deed_of(error: Error, ticket: Ticket, proposal: Proposal) -> str:
    return _deed(proposal.strategy, error, ticket, proposal)


def _deed(strategy: Strategy, error: Error, ticket: Ticket, proposal: Proposal) -> str:
    variables = variables_of(proposal.fault or error.fault, error, proposal.decision)
    members = proposal.members if strategy is proposal.strategy else ()
    return does(strategy, ticket.target, members, variables)


def _why(error: Error, proposal: Proposal) -> Iterator[str]:
    decision = proposal.decision
    if proposal.why_again:
        yield f"{proposal.why_again}."
    yield f"Chosen: {decision.reason}."
    yield f"What led to it: {decision.why_now}."
    if error.fault.source:
        yield f"The fault was reported by {error.fault.source}."
    for one in decision.candidates:
        if one.strategy_id == decision.strategy_id:
            yield f"{decision.strategy_id}: {explain.told(one)}."


def _covers(decision: Decision) -> str:
    what = f"{decision.strategy_id} on {decision.target}"
    at = "to isolate it" if decision.level == ISOLATION else f"at level {decision.level}"
    return f"this one attempt of {what}, {at}, as it is defined now; anything after it is asked for anew"


def _alternatives(error: Error, ticket: Ticket, proposal: Proposal) -> Iterator[Alternative]:
    """The others of its level, and then those of the levels above."""
    decision = proposal.decision
    known = {one.strategy_id: one for one in decision.candidates}
    for level, strategies in ticket.mandate.offer.items():
        for strategy in strategies if level >= decision.level else ():
            if strategy is proposal.strategy and level == decision.level:
                continue
            is_candidate = level == decision.level and strategy.id in known
            says = explain.told(known[strategy.id]) if is_candidate else "its turn comes if this does not help"
            yield Alternative(strategy.id, level, _deed(strategy, error, ticket, proposal), says)
