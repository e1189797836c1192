"""From the end of an attempt to its verdict, and what follows from it.

However an attempt ended, its target is looked at (verify.py), unless nothing was run at all: by the worker that ran it, in the same
breath, or else by an order of its own. The verdict is learned from (lessons.py), the brakes are told, and then (a test of a recovery
teaches nothing: what it recovers was broken by hand, or not at all):

    recovered    the error is watched until its stability window closes; the target is free, and what waited for it heals with it
    persisting   a transient fault is tried again at this level after a backoff, as often as the strategy allows and at most five times;
                 any other goes up the ladder at once
    worse        up the ladder at once
    unknown      a person is needed

An isolation (level 0) is done when it was run: unless its target is well by then, the ladder is climbed next.
"""

from __future__ import annotations

from dataclasses import replace

from error_daemon.core.backoff import delay_s
from error_daemon.core.board import Board
from error_daemon.core.brakes import approval
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.decide import first_round
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.effects import SaveAttempt, StartProbes
from error_daemon.core.ladder import above
from error_daemon.core.lessons import record_of, teach, teach_stability, time_it
from error_daemon.core.life import Step
from error_daemon.core.renewal import Renewal
from error_daemon.core.response import Response
from error_daemon.core.ticket import Error, Ticket
from error_daemon.core.verify import Looking, failing
from error_daemon.model import (
    ISOLATION,
    AttemptRecord,
    Outcome,
    OutcomeKind,
    ProbeOrder,
    Reading,
    ResponseClass,
    Since,
    SlotState,
    State,
    Verdict,
)

MOST_ATTEMPTS_AT_A_LEVEL = 5  # B3: a transient fault is retried at most five times
BACKOFF = "backoff"


class Verification:
    def __init__(self, board: Board, dispatch: Dispatch, response: Response, renewal: Renewal) -> None:
        self._board = board
        self._renewal = renewal
        self._dispatch = dispatch
        self._response = response
        self._rounds: dict[str, Error] = {}

    # --- the attempt has ended

    def ended(self, outcome: Outcome) -> None:
        """An outcome that nobody waits for (of an attempt from before a restart) changes nothing."""
        error = self._dispatch.running.end(outcome.attempt_id)
        if error is None:
            return
        ticket = error.ticket
        assert ticket is not None, "a running attempt belongs to a ticket"
        strategy = ticket.strategy
        assert strategy is not None, "an attempt has a strategy"
        ticket.outcome = outcome
        self._board.move(error, Step.END, f"{strategy.id} {outcome.kind.value}: {outcome.detail or 'nothing to add'}")
        if strategy.is_by_hand:
            self._dispatch.take_to_look(error, ticket)
        elif not ticket.is_test:
            time_it(self._board, ticket, outcome)
        if outcome.kind is OutcomeKind.LOST:
            self._dispatch.possession.lose(error)
        if outcome.kind is OutcomeKind.REFUSED:
            self._conclude(error, ticket, Verdict.PERSISTING, ())
        elif outcome.looked_at:
            self._looked(error, ticket, outcome)
        else:
            self.look(error, ticket)

    # --- looking

    def _looked(self, error: Error, ticket: Ticket, outcome: Outcome) -> None:
        """Its worker has begun the first look, and may have seen all."""
        looking = self._begin(error, ticket, min(outcome.looked_at, self._board.now))
        ticket.round_id = first_round(outcome.attempt_id)
        if outcome.readings is None:
            self._rounds[ticket.round_id] = error
        else:
            self._judge(error, ticket, looking, outcome.readings)

    def look(self, error: Error, ticket: Ticket) -> None:
        """Begin a verification: after an attempt, or before the first one. Where nothing can change by waiting, one sight decides."""
        self._begin(error, ticket, self._board.now)
        self.look_again(error)

    def _begin(self, error: Error, ticket: Ticket, at: float) -> Looking:
        kind = ticket.outcome.kind if ticket.outcome else None
        hopeless = error.state is State.PROBING or kind in (OutcomeKind.FAILED, OutcomeKind.TIMED_OUT)
        board = self._board
        # A worker may have begun it before the standstill of which the engine has heard last, or in its midst.
        stood_since_s = min(board.stood_last_s, max(0.0, board.stood_until - at))
        stood_before_s = board.stood_s - stood_since_s
        ticket.looking = looking = Looking(
            ticket.rule.verification, at, hopeless, ticket.failing, stood_before_s=stood_before_s
        )
        ticket.round_at = at
        return looking

    def look_again(self, error: Error) -> None:
        """The next round of probes."""
        ticket = error.ticket
        assert ticket is not None, "only errors with a ticket are looked at"
        ticket.round_id = f"{ticket.ticket_id}-r{self._board.number():x}"
        ticket.round_at = self._board.now
        self._rounds[ticket.round_id] = error
        order = ProbeOrder(ticket.round_id, ticket.target, ticket.mandate.probes, _since(ticket))
        self._board.effects.append(StartProbes(order))

    def seen(self, round_id: str, readings: tuple[Reading, ...]) -> None:
        error = self._rounds.pop(round_id, None)
        ticket = error.ticket if error else None
        if error is None or ticket is None or ticket.round_id != round_id or ticket.looking is None:
            return  # the ticket was resolved or flushed meanwhile
        self._dispatch.running.answered(error)
        self._judge(error, ticket, ticket.looking, readings)

    def _judge(self, error: Error, ticket: Ticket, looking: Looking, readings: tuple[Reading, ...]) -> None:
        self._board.seen[ticket.target.id] = readings, self._board.now
        verdict = looking.judge(readings, self._board.now, self._board.stood_s)
        if verdict is None:
            self._board.set_timer(error, self._board.now + looking.delay_s())
            return
        if verdict is Verdict.RECOVERED and error.last_at > ticket.round_at and not ticket.seen_twice:
            ticket.seen_twice = True  # a fault came after the probes were sent: once more, so that it counts
            self.look_again(error)
            return
        ticket.failing, ticket.readings, ticket.seen_at = failing(readings), readings, self._board.now
        if verdict is not Verdict.UNKNOWN:
            self._dispatch.possession.seen(ticket.target.id)
        if error.state is State.PROBING:
            self._conclude_look(error, ticket, verdict)
        else:
            self._conclude(error, ticket, verdict, readings)

    # --- the verdict

    def _conclude_look(self, error: Error, ticket: Ticket, verdict: Verdict) -> None:
        """A look before anything was done."""
        if verdict is Verdict.RECOVERED:
            self._heal(error, ticket, f"{ticket.target.id} was found well; nothing was done")
        elif verdict is Verdict.UNKNOWN:
            self._give_up(error, ticket, "blind", f"nothing can be seen of {ticket.target.id}: a person is needed")
        elif ticket.unfinished:
            self._conclude_unfinished(error, ticket)
        else:
            self._board.move(error, Step.PERSIST, f"{ticket.target.id} was found failing")
            self._requeue(error, ticket)

    def _conclude_unfinished(self, error: Error, ticket: Ticket) -> None:
        """An attempt was running when the daemon died, and the fault is still there: it did not help. Or it was what killed
        the daemon, and must not be repeated for ever."""
        ticket.unfinished = False
        offered = ticket.mandate.offer[ticket.level]
        most = min(max(strategy.max_attempts for strategy in offered), MOST_ATTEMPTS_AT_A_LEVEL)
        is_transient = error.classification.response_class is ResponseClass.TRANSIENT
        was_isolation = not ticket.attempts_at_level
        by_hand = [strategy.is_by_hand for strategy in offered]
        if any(by_hand):  # a person may have been at it: that goes on where it was, and killed nobody
            most = MOST_ATTEMPTS_AT_A_LEVEL
        may_go_on = ticket.attempts_at_level < most and (is_transient or any(by_hand))
        if was_isolation or all(by_hand) or may_go_on:
            self._board.move(
                error, Step.PERSIST, f"{ticket.target.id} was found failing after the attempt that was cut off"
            )
            self._requeue(error, ticket)
        else:
            self._escalate(error, ticket, f"what was running at level {ticket.level} when the daemon died did not help")

    def _conclude(self, error: Error, ticket: Ticket, verdict: Verdict, readings: tuple[Reading, ...]) -> None:
        record = record_of(error, ticket, verdict, readings, self._board.now)
        why_not = self._renewal.renew(error, ticket) if verdict is not Verdict.RECOVERED else ""
        may_try_again = not why_not and self._may_try_again(error, ticket, record)
        record = replace(record, is_last=not may_try_again)
        if not ticket.is_test:
            teach(self._board, record)
        self._board.effects.append(SaveAttempt(record))
        ticket.history.append(
            {
                "level": record.level,
                "strategy": record.strategy_id,
                "verdict": record.verdict.value,
                "at": self._board.now,
            }
        )
        self._board.notify(
            "verdict", error, f"{record.verdict.value} after {record.strategy_id}", attempt=record, readings=readings
        )
        self._dispatch.brakes.verified(record, self._board.now)
        if verdict is Verdict.RECOVERED:
            error.watched = None if ticket.is_test else record
            self._heal(error, ticket, f"{record.strategy_id} at level {record.level}, verified by probes")
        elif why_not:
            self._board.move(error, Step.PERSIST, f"{record.strategy_id} did not help")
            self._board.end_ticket(error, Step.OBSERVE, why_not)
            self._dispatch.free(error)
        else:
            self._go_on(error, ticket, record, verdict)

    def _go_on(self, error: Error, ticket: Ticket, record: AttemptRecord, verdict: Verdict) -> None:
        """It was not recovered. By now its ticket has the mandate of the definitions in force."""
        is_elsewhere = record.target != ticket.target.id
        if record.level == ISOLATION and not is_elsewhere:
            ticket.is_isolated = True  # it is not tried twice: its ladder is what helps
        if is_elsewhere:
            self._board.move(error, Step.PERSIST, f"the definitions were replaced: on with {ticket.target.id}")
            self._requeue(error, ticket)
        elif verdict is Verdict.UNKNOWN and record.level != ISOLATION:
            why = f"{record.strategy_id} was run, but nothing can be seen of {ticket.target.id}"
            self._give_up(error, ticket, "blind", why)
        elif ticket.level not in ticket.levels:
            self._escalate(error, ticket, f"level {ticket.level} is no longer on its ladder")
        elif record.level == ISOLATION:
            self._conclude_isolation(error, ticket, record)
        elif record.level != ticket.level:
            self._board.move(error, Step.PERSIST, f"the ladder was reset: on from level {ticket.level}")
            self._requeue(error, ticket)
        elif not record.is_last:
            self._back_off(error, ticket, record)
        elif record.outcome is OutcomeKind.REFUSED:
            self._escalate(error, ticket, f"{record.strategy_id} was not run: {record.detail}")
        else:
            self._escalate(error, ticket, f"{record.strategy_id} did not help ({verdict.value})")

    def _conclude_isolation(self, error: Error, ticket: Ticket, record: AttemptRecord) -> None:
        self._board.move(
            error, Step.PERSIST, f"{record.strategy_id} {record.outcome.value}: on to level {ticket.level}"
        )
        self._requeue(error, ticket)

    # --- what follows

    def _heal(self, error: Error, ticket: Ticket, reason: str) -> None:
        assert ticket.looking is not None, "what heals was looked at"
        looked_at, target = ticket.looking.began_at, ticket.target.id
        self._watch(error, ticket, reason)
        for other in list(self._board.with_ticket_on(target).values()):
            if other.ticket and other.last_at <= looked_at:
                self._heal_with(other, other.ticket)
        self._dispatch.free(error)

    def _heal_with(self, error: Error, ticket: Ticket) -> None:
        """The target of another error, whose faults are all older, was verified well."""
        if error.state is State.PARKED and approval.waits(ticket):
            self._dispatch.waiting.wake(error)  # there is nothing to ask a person about any more
        if error.state is State.QUEUED:
            self._watch(error, ticket, f"{ticket.target.id} was verified well after its last fault came")
            self._dispatch.free(error)
        else:  # parked: what holds it lets go in its time
            ticket.look_at_wake = True

    def _watch(self, error: Error, ticket: Ticket, reason: str) -> None:
        if ticket.attempts or not ticket.is_a_claim:  # else there was nothing to recover
            error.recovered_at = self._board.now
        error.window_s = ticket.rule.stability_window_s
        self._board.end_ticket(error, Step.HEAL, reason)
        self._board.set_timer(error, self._board.now + error.window_s)

    def _give_up(self, error: Error, ticket: Ticket, cause: str, reason: str) -> None:
        self._response.escalate(error, ticket, cause, reason)
        self._board.end_ticket(error, Step.EXHAUST, reason)
        self._dispatch.free(error)

    def _may_try_again(self, error: Error, ticket: Ticket, record: AttemptRecord) -> bool:
        assert ticket.strategy, "a verdict follows an attempt"
        return (
            error.classification.response_class is ResponseClass.TRANSIENT
            and record.verdict is Verdict.PERSISTING  # not worse; nor refused, which it would be again
            and ticket.attempts_at_level < min(ticket.strategy.max_attempts, MOST_ATTEMPTS_AT_A_LEVEL)
            and record.target == ticket.target.id
            and record.level in ticket.levels
        )

    def _back_off(self, error: Error, ticket: Ticket, record: AttemptRecord) -> None:
        assert ticket.strategy, "a verdict follows an attempt"
        delay = delay_s(ticket.strategy.backoff, ticket.attempts_at_level, self._board.rng)
        self._board.mark(error, SlotState.OPEN)
        self._board.move(error, Step.PERSIST, f"{record.strategy_id} did not help")
        most = min(ticket.strategy.max_attempts, MOST_ATTEMPTS_AT_A_LEVEL)
        reason = f"backoff of {delay:.3f} s after attempt {ticket.attempts_at_level} of {most} at level {ticket.level}"
        ticket.hold = Hold(BACKOFF, reason, self._board.now + delay)
        self._dispatch.waiting.park(error, ticket.hold)
        self._dispatch.free(error)

    def _escalate(self, error: Error, ticket: Ticket, why: str) -> None:
        level = above(ticket.levels, ticket.level)
        if level is None:
            self._give_up(error, ticket, "exhausted", f"the ladder is exhausted: {why}")
            return
        ticket.level, ticket.attempts_at_level = level, 0
        ticket.proposal = None
        self._board.move(error, Step.PERSIST, f"{why}: up to level {level}")
        self._requeue(error, ticket)

    def _requeue(self, error: Error, ticket: Ticket) -> None:
        self._board.mark(error, SlotState.OPEN)
        self._dispatch.waiting.push(error, error.reason)
        self._dispatch.free(error)

    # --- the stability window

    def held(self, error: Error) -> None:
        """The window closed without a relapse: the recovery was a lasting one, and the ladder is reset."""
        teach_stability(self._board, error, 1.0)
        error.level = error.relapses = error.flaps = 0
        error.flapping = False
        error.ended_at = self._board.now
        self._board.move(error, Step.HOLD, "held through its stability window")
        self._board.save(error)

    def came_back(self, error: Error) -> None:
        """A fault came while the window was open: the recovery held for a part of it."""
        held_for_s = self._board.now - error.recovered_at
        teach_stability(self._board, error, min(held_for_s / max(error.window_s, 1e-9), 1.0))


def _since(ticket: Ticket) -> Since:
    acted_at = 0.0
    if ticket.outcome is not None:
        assert ticket.decision is not None, "an attempt was decided"
        acted_at = ticket.outcome.started_at or ticket.decision.at
    return Since(ticket.opened_at, acted_at)
