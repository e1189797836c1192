"""What is being done about an error, what comes next, and what it needs of a person. In words that are true at this moment: the engine is
asked, and nothing is decided."""

from __future__ import annotations

from error_daemon.core import possession
from error_daemon.core.board import Board
from error_daemon.core.brakes import approval, flap
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.dispatch import ROOT
from error_daemon.core.ladder import above
from error_daemon.core.proposed import approval_of
from error_daemon.core.ticket import Error, Proposal, Ticket
from error_daemon.core.verification import BACKOFF, MOST_ATTEMPTS_AT_A_LEVEL
from error_daemon.model import ISOLATION, ResponseClass, State
from error_daemon.model.views import Need, Next, Trying

_IS_DONE = (State.ATTEMPTING, State.VERIFYING, State.PROBING)
_NOBODY_ACTS = "nothing by itself: a person is needed"
_STAYS = "it stays as it is, until it is reported again"
_WHEN = {
    possession.NAME: "when its target is free",
    ROOT: "when what it depends on has been recovered",
    BACKOFF: "after its backoff",
    flap.NAME: "when it has been calm for a while",
}


def standing_of(error: Error, hold: Hold | None) -> str:
    """trying | approval | failed | held | waiting | observed."""
    if error.state in _IS_DONE:
        return "trying"
    if error.state is State.FAILED:
        return "failed"
    if error.ticket is None:
        return "observed"
    if hold is None:
        return "waiting"
    return approval.NAME if hold.by == approval.NAME else "held"


def trying_of(error: Error) -> Trying | None:
    """What is being done about it; None: nothing at this moment."""
    ticket = error.ticket
    if ticket is None or error.state not in _IS_DONE:
        return None
    target, looking = ticket.target.id, ticket.looking
    looked_at = looking.began_at if looking else 0.0
    if error.state is State.PROBING or ticket.decision is None:
        text = f"looks at {target} before anything is done to it"
        return Trying(error.error_id, error.state, target, error.severity, text, looked_at)
    decision = ticket.decision
    text = f"{decision.strategy_id} at level {decision.level} on {decision.target}"
    since, deadline_at = ticket.begun_at, ticket.begun_at + decision.timeout_s
    if error.state is State.VERIFYING:
        text = f"looks whether {text} helped"
        since, deadline_at = looked_at, looked_at + ticket.rule.verification.within_s
    return Trying(
        error.error_id,
        error.state,
        decision.target,
        error.severity,
        text,
        since,
        deadline_at,
        decision.attempt_id,
        decision.strategy_id,
        decision.level,
        ticket.attempts,
    )


def next_of(error: Error, hold: Hold | None) -> Next:
    """`hold`: what its ticket waits for now."""
    ticket = error.ticket
    if ticket is None:
        return _next_without_ticket(error)
    if error.state in (State.ATTEMPTING, State.VERIFYING):
        trying = trying_of(error)
        return Next(f"if that does not help: {_after(error, ticket)}", trying.deadline_at if trying else 0.0)
    offered = _offered(ticket)
    if error.state is State.PROBING:
        return Next(f"unless it is found well: {offered}")
    if hold is None:
        return Next(f"{offered}, as soon as it is its turn")
    if hold.by == approval.NAME:
        return Next(f"{offered}, if a person says yes", hold.until)
    return Next(f"{offered}, {_WHEN.get(hold.by, f'when {hold.by} lets go')}", hold.until)


def approval_need(board: Board, error: Error, ticket: Ticket, proposal: Proposal) -> Need:
    """Of one that waits for a person's yes or no."""
    asked = approval_of(board, error, ticket, proposal)
    action = f"{asked.strategy_id} at level {asked.level} on {asked.target}"
    return Need(
        approval.NAME,
        error.error_id,
        error.severity,
        asked.target,
        asked.component,
        asked.message,
        why=" ".join(asked.why),
        otherwise=asked.on_expiry,
        since=asked.asked_at,
        until=asked.expires_at,
        action=f"{action}, and with it {', '.join(asked.group)}" if asked.group else action,
        strategy_id=asked.strategy_id,
        level=asked.level,
        decision_id=asked.decision_id,
        does=asked.does,
    )


def failure_need(error: Error) -> Need:
    """Of one that has failed."""
    fault = error.fault
    again = "it is tried again then, and looked at first" if error.parked_until else _STAYS
    return Need(
        "failed",
        error.error_id,
        error.severity,
        error.target,
        fault.component,
        fault.message or fault.exception_message,
        why=error.reason,
        otherwise=again,
        since=error.ended_at or error.last_at,
        until=error.parked_until,
        level=error.level,
    )


def _next_without_ticket(error: Error) -> Next:
    if error.state is State.FAILED:
        return Next(
            "it is tried again, and looked at first" if error.parked_until else _NOBODY_ACTS, error.parked_until
        )
    if error.state is State.FLUSHED:
        return Next("its next fault opens a new ticket")
    return Next(f"nothing is done about it: {error.reason}")


def _offered(ticket: Ticket) -> str:
    """What is tried next at its level."""
    if ticket.proposal is not None:
        decision = ticket.proposal.decision
        return f"{decision.strategy_id} at level {decision.level}"
    isolate = ticket.mandate.isolate
    if isolate and not ticket.is_isolated:
        return f"{isolate.id}, to isolate it"
    return _level(ticket, ticket.level)


def _after(error: Error, ticket: Ticket) -> str:
    """What follows an attempt that did not help."""
    decision, strategy = ticket.decision, ticket.strategy
    if decision is not None and decision.level == ISOLATION:
        return _level(ticket, ticket.level)
    is_transient = error.classification.response_class is ResponseClass.TRANSIENT
    most = min(strategy.max_attempts, MOST_ATTEMPTS_AT_A_LEVEL) if strategy else 0
    if is_transient and ticket.attempts_at_level < most:
        return f"again after a backoff, {most - ticket.attempts_at_level} more times at most"
    higher = above(ticket.levels, ticket.level)
    return "a person is told; nothing is left to try" if higher is None else _level(ticket, higher)


def _level(ticket: Ticket, level: int) -> str:
    """What there is to try at a level. Its ticket may have been given another ladder meanwhile."""
    names = [strategy.id for strategy in ticket.mandate.offer.get(level, ())]
    return f"{' or '.join(names) or 'nothing'} at level {level}"
