"""Errors as the queue sees them: queued, with a ticket, and nothing of the engine around."""

from __future__ import annotations

from error_daemon.core.classify import Classifier
from error_daemon.core.fingerprint import fingerprint
from error_daemon.core.graph import Graph
from error_daemon.core.mandate import Mandate
from error_daemon.core.rules import Rules
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import Severity, State, Target
from tests.core.world import fault, rule

RULE = rule()


def queued(number: int, opened_at: float = 0.0, severity: Severity = Severity.MEDIUM) -> Error:
    """Each number is another error."""
    one = fault(explicit_fingerprint=f"error {number}")
    error = Error(
        fingerprint(one), one, Classifier(Rules(()), Graph({}))(one), 0.0, state=State.QUEUED, severity=severity
    )
    mandate = Mandate(RULE, Target("web", "service"), (), {1: ()})
    error.ticket = Ticket("t", mandate, one, 1, opened_at, 0.0, born=number)
    return error
