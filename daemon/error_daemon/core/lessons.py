"""What an attempt is recorded as, and what it teaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from error_daemon.core.board import Board
from error_daemon.core.effects import SaveAttempt, SaveScore, SaveTimeout
from error_daemon.core.learning import Case, Learning, Lesson
from error_daemon.core.score import impact_score, task_rate
from error_daemon.core.ticket import Error, Ticket
from error_daemon.core.timeouts import granted_s
from error_daemon.model import ISOLATION, AttemptRecord, Outcome, OutcomeKind, Reading, Score, Verdict

_STABILITY_OPEN = -1.0


def record_of(
    error: Error, ticket: Ticket, verdict: Verdict, readings: tuple[Reading, ...], now: float
) -> AttemptRecord:
    outcome, strategy, decision = ticket.outcome, ticket.strategy, ticket.decision
    assert outcome is not None, "a verdict follows an attempt"
    assert strategy is not None, "an attempt has a strategy"
    assert decision is not None, "an attempt follows a decision"
    impact = impact_score(
        outcome.before, outcome.after, outcome.execution_time_s, outcome.affected_tasks, outcome.recovered_tasks
    )
    return AttemptRecord(
        attempt_id=outcome.attempt_id,
        error_id=error.error_id,
        decision_id=decision.decision_id,
        strategy_id=strategy.id,
        strategy_name=strategy.name or strategy.id,
        target=ticket.target.id,
        level=decision.level,
        error_type=ticket.error_type,
        hardware_id=error.fault.hardware_id,
        component=error.fault.component,
        started_at=outcome.started_at or decision.at,
        execution_time_s=outcome.execution_time_s,
        outcome=outcome.kind,
        detail=outcome.detail,
        verdict=Verdict.UNKNOWN if outcome.kind is OutcomeKind.REFUSED else verdict,  # then nobody has looked
        success=verdict is Verdict.RECOVERED and outcome.kind is OutcomeKind.COMPLETED,
        impact_score=impact,
        stability_score=_STABILITY_OPEN,
        lag_s=_lag_s(ticket, outcome),
        affected_tasks=outcome.affected_tasks,
        recovered_tasks=outcome.recovered_tasks,
        before=outcome.before,
        after=outcome.after,
        ended_at=now,
        readings=readings,
        number=ticket.attempts,
        withheld_s=outcome.withheld_s,
        is_test=ticket.is_test,
        is_by_hand=strategy.is_by_hand,
    )


def time_it(board: Board, ticket: Ticket, outcome: Outcome) -> None:
    """How long it took teaches the timeout; a time-out that more is needed."""
    assert ticket.strategy is not None, "an attempt has a strategy"
    key = ticket.error_type, ticket.strategy
    if outcome.kind is OutcomeKind.COMPLETED:
        board.effects.append(SaveTimeout(board.timeouts.completed(*key, granted_s(outcome), board.now)))
    elif outcome.kind is OutcomeKind.TIMED_OUT:
        board.effects.append(SaveTimeout(board.timeouts.timed_out(*key, board.now)))


def teach(board: Board, record: AttemptRecord) -> None:
    """Its success. Nothing is learned from an unknown verdict, from an attempt that was not run or whose worker was lost, nor
    from an isolation, which is not meant to recover."""
    scores = learn(board.learning, record, board.now)
    board.effects.extend(SaveScore(score) for score in scores)


def learn(learning: Learning, record: AttemptRecord, now: float) -> Sequence[Score]:
    """What `teach` teaches, to anybody who learns. The scores that it changed."""
    is_telling = record.verdict is not Verdict.UNKNOWN and record.outcome not in (OutcomeKind.LOST, OutcomeKind.REFUSED)
    if not is_telling or record.level == ISOLATION:
        return ()
    tasks = task_rate(record.affected_tasks, record.recovered_tasks)
    lesson = Lesson(record.execution_time_s, record.impact_score, tasks)
    return learning.attempt(case_of(record), record.strategy_id, record.success, lesson, now)


def teach_stability(board: Board, error: Error, stability: float) -> None:
    """The stability window of what recovered it is over: 1 when it held, else the share of the window that it did."""
    record, error.watched = error.watched, None
    if record is None:
        return
    board.effects.append(SaveAttempt(replace(record, stability_score=stability)))
    if record.success:
        score = board.learning.stability(case_of(record), record.strategy_id, stability, board.now)
        board.effects.append(SaveScore(score))


def case_of(record: AttemptRecord) -> Case:
    """What an attempt is learned under."""
    return Case(record.error_type, record.component, record.hardware_id)


def _lag_s(ticket: Ticket, outcome: Outcome) -> float:
    """How long the strategy's code had to be waited for; 0 where it is not known when that began."""
    since = ticket.opened_at if ticket.attempts == 1 else ticket.due_at
    return max(0.0, outcome.started_at - since) if outcome.started_at else 0.0
