"""Mode approve (E2): what would be done waits for a person, who sees it before it is done.

They say yes to one decision, and the next one, at another level, asks again. What happens when nobody answers in the rule's time is for the
rule to say (asking.py).
"""

from __future__ import annotations

from error_daemon.core.brakes.hold import Hold
from error_daemon.core.ticket import Ticket
from error_daemon.model import Answer, Decision, Mode, Unanswered

NAME = "approval"
_NOBODY = "nobody answered"


def waits(ticket: Ticket) -> bool:
    """Whether its proposal is for a person to answer."""
    proposal = ticket.proposal
    return ticket.rule.mode is Mode.APPROVE and proposal is not None and proposal.answer is None


def hold(ticket: Ticket) -> Hold | None:
    if not waits(ticket) or ticket.proposal is None:
        return None
    decision = ticket.proposal.decision
    reason = f"waits for a person to approve {decision.strategy_id} at level {decision.level} on {decision.target}"
    return Hold(NAME, reason, expires_at(ticket, decision))


def expires_at(ticket: Ticket, decision: Decision) -> float:
    """When it can be answered no more."""
    return decision.at + ticket.rule.approval_expires_s


def is_expired(ticket: Ticket, now: float) -> bool:
    held = hold(ticket)
    return held is not None and now >= held.until


def gives_up(ticket: Ticket, now: float) -> bool:
    """Whether nothing is to be done because nobody has answered."""
    return ticket.rule.approval_then is Unanswered.FAIL and is_expired(ticket, now)


def unanswered(ticket: Ticket) -> str:
    return f"{_NOBODY} within {ticket.rule.approval_expires_s:g} s whether to act"


def was_unanswered(reason: str) -> bool:
    """Whether a ticket has ended so, or a decision was let through so, going by the reason."""
    return reason.startswith(_NOBODY)


def says(answer: Answer) -> str:
    """Of a decision that was let through."""
    return f"{NAME}: {answer.by}" if answer.is_silence else f"{NAME}: by {answer.by}"


def given(decision: Decision) -> str:
    """Why it was let through: "by ann"; empty where it was not, or nobody was asked."""
    return next((said.removeprefix(f"{NAME}: ") for said in decision.brakes if said.startswith(f"{NAME}: ")), "")
