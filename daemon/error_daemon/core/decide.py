"""The decision: which strategy at the ticket's level, with everything that led to it: it can be made again from its record alone."""

from __future__ import annotations

from error_daemon.core.board import Board
from error_daemon.core.learning import Case
from error_daemon.core.select import Choice, select
from error_daemon.core.ticket import Error, Proposal, Ticket
from error_daemon.core.timeouts import bounds_of
from error_daemon.model import ISOLATION, AttemptOrder, Decision, Fault, ProbeOrder, Severity, Strategy, Target
from error_daemon.model.variables import ATTRIBUTE

GROUP_RESTART = "group_restart"  # the kind of strategy that takes more than its own target


def case_of(error: Error, ticket: Ticket) -> Case:
    """What the learned is asked for, and taught under."""
    return Case(ticket.error_type, error.fault.component, error.fault.hardware_id)


def decide(board: Board, error: Error, ticket: Ticket, attempt_id: str = "") -> tuple[Decision, Strategy]:
    """What to do next for a ticket. `attempt_id`: of the attempt that it is for; empty where nothing will be done (mode observe)."""
    level, choice = _choose(board, error, ticket)
    strategy, mandate, error_type = choice.strategy, ticket.mandate, ticket.fault.type
    rule = mandate.rule
    timeout_s, basis = board.timeouts.given(error_type, strategy)
    # By position: with their names, so many arguments take three times as long, and every observed fault is decided.
    decision = Decision(
        f"{attempt_id or ticket.ticket_id}-d{board.number():x}",
        error.error_id,
        board.now,
        level,
        strategy.id,
        mandate.target.id,
        rule.mode._value_,
        choice.reason,
        choice.explored,
        timeout_s,
        choice.candidates,
        ticket.brakes,
        attempt_id,
        error_type,
        error.severity,
        rule.id,
        mandate.levels,
        choice.may_explore,
        choice.rng_state,
        basis,
        bounds_of(strategy),
        ticket.why_now,
        choice.sharpness,
    )
    return decision, strategy


def _choose(board: Board, error: Error, ticket: Ticket) -> tuple[int, Choice]:
    level, strategies = ticket.offered
    if level == ISOLATION:
        reason = "what may spread is isolated before its ladder is climbed"
        return level, Choice(strategies[0], (), False, reason, False)
    case, recalled = case_of(error, ticket), board.recall(error, ticket)
    among = [strategy.id for strategy in strategies] if len(strategies) > 1 else ()
    choice = select(
        strategies,
        lambda strategy_id: recalled.get(strategy_id) or board.learning.known(case, strategy_id, board.now, among),
        error.severity is not Severity.CRITICAL,
        board.rng,
    )
    return level, choice


def members_of(board: Board, target: str, strategy: Strategy) -> tuple[Target, ...]:
    """All that a group restart takes; none for any other."""
    if strategy.kind != GROUP_RESTART or target not in board.definitions.targets:
        return ()
    return board.graph.group(target, str(strategy.params.get("include", "dependents")))


def order_of(board: Board, error: Error, ticket: Ticket, proposal: Proposal) -> AttemptOrder:
    """The order that carries the proposal out. The fault's fields are data for the strategy, and never part of a program."""
    fault, decision = proposal.fault or error.fault, proposal.decision
    environment = {
        "ER_ERROR_ID": error.error_id,
        "ER_ATTEMPT_ID": decision.attempt_id,
        "ER_TYPE": fault.type.value,
        "ER_SEVERITY": error.severity.name.lower(),
        "ER_MESSAGE": fault.message or fault.exception_message,
        "ER_COMPONENT": fault.component,
        "ER_OPERATION": fault.operation,
        "ER_NODE": fault.node,
        "ER_ENVIRONMENT": fault.environment,
        "ER_EXCEPTION_TYPE": fault.exception_type,
        "ER_TARGET": ticket.target.id,
        "ER_LEVEL": str(decision.level),
        "ER_COUNT": str(error.count),
    }
    return AttemptOrder(
        attempt_id=decision.attempt_id,
        error_id=error.error_id,
        strategy=proposal.strategy,
        target=ticket.target,
        level=decision.level,
        timeout_s=decision.timeout_s,
        environment=environment,
        group=proposal.members,
        probes={name: board.definitions.probes[name] for member in proposal.members for name in member.probes},
        variables=variables_of(fault, error, decision),
        look=ProbeOrder(first_round(decision.attempt_id), ticket.target, ticket.mandate.probes),
    )


def first_round(attempt_id: str) -> str:
    """The id of the look that goes along with an attempt."""
    return f"{attempt_id}r"


def variables_of(fault: Fault, error: Error, decision: Decision) -> dict[str, str]:
    """What the params of the strategy may name of the fault and its attempt (model/variables.py)."""
    return {
        "error_id": error.error_id,
        "attempt_id": decision.attempt_id,
        "level": str(decision.level),
        "fault.type": fault.type.value,
        "fault.severity": error.severity.name.lower(),
        "fault.component": fault.component,
        "fault.operation": fault.operation,
        "fault.node": fault.node,
        "fault.environment": fault.environment,
        "fault.message": fault.message or fault.exception_message,
        "fault.exception": fault.exception_type,
        "fault.source": fault.source,
        **{ATTRIBUTE + name: value for name, value in fault.attributes.items()},
    }
