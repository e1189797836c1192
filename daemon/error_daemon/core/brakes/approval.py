"""Mode approve (E2): what would be done waits for a person, who sees it before it is done.

They say yes to one decision, and the next one, at another level, asks again. When nobody answers in the rule's time, nothing is
done, and the error has failed: a person is needed.
"""

from __future__ import annotations

from error_daemon.core.brakes.hold import Hold
from error_daemon.core.ticket import Ticket
from error_daemon.model import Mode

NAME = "approval"


def hold(ticket: Ticket) -> Hold | None:
    if ticket.rule.mode is not Mode.APPROVE or ticket.proposal is None or ticket.approved_by:
        return None
    decision = ticket.proposal.decision
    reason = f"waits for a person to approve {decision.strategy_id} at level {decision.level} on {decision.target}"
    return Hold(NAME, reason, decision.at + ticket.rule.approval_expires_s)


def is_expired(ticket: Ticket, now: float) -> bool:
    waits = hold(ticket)
    return waits is not None and now >= waits.until
