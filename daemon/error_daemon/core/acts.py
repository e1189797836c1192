"""What people may do to the engine. Each act answers at once; drain after it. `prefix`: see known.py."""

from __future__ import annotations

from error_daemon.core.brakes.chain import target_gate
from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.effects import SaveLadder
from error_daemon.core.known import Known
from error_daemon.core.ladder import entry
from error_daemon.core.life import PENDING, WITH_TICKET, Step
from error_daemon.core.queue import ticket_of
from error_daemon.core.ticket import Error
from error_daemon.errors import NotFound, Refused
from error_daemon.model import Answer, Answered, ErrorView, SlotState, State

_MOST_NAMED = 5  # of the targets that there are, to whoever names none of them


class PeoplesActs(Known):
    # --- one error

    def resolve(self, prefix: str, note: str, now: float) -> ErrorView:
        """A person says that it is gone. Raises NotFound, or Refused while an attempt is running."""
        self._board.now = now
        error = self._find(prefix)
        if error.state in WITH_TICKET - PENDING:
            strategy = error.ticket.strategy if error.ticket and error.state is State.ATTEMPTING else None
            is_by_hand = strategy is not None and strategy.is_by_hand
            end = "end it with `error-cli workflows abort`, and " if is_by_hand else ""
            raise Refused(f"{error.error_id} is {error.state.value}: {end}wait for its verdict, then resolve it")
        if error.state is not State.RESOLVED:
            _settle(error, now)
            self._let_go(error, Step.RESOLVE, f"resolved by a person{': ' + note if note else ''}")
        return error.view()

    def reset_ladder(self, prefix: str, now: float) -> ErrorView:
        """Back to the first level. A running attempt is left alone; what follows it starts from there."""
        self._board.now = now
        error = self._find(prefix)
        _settle(error, now)
        ticket = error.ticket
        if ticket:
            running = error.state in WITH_TICKET - PENDING
            first = entry(ticket.levels, ticket.rule, error.severity)
            ticket.attempts_at_level = int(running and ticket.level == first)
            error.level = ticket.level = first
            self._dispatch.propose_anew(error)
            self._board.mark(error, SlotState.RUNNING if running else SlotState.OPEN)
        elif error.state is State.FAILED:
            error.ended_at = error.parked_until = 0.0  # its next fault opens a ticket, however soon it comes
            self._board.cancel_timer(error)
        self._board.save(error)
        self._board.effects.append(SaveLadder(error.error_id, error.level, now, ()))
        return error.view()

    def approve(self, prefix: str, by: str, now: float, *, note: str = "", decision_id: str = "") -> Answered:
        """A person says yes to what is proposed. `decision_id`: what they have seen; empty: whatever is proposed. Raises Refused where
        nothing waits for that, or something else does, or a person has said no to it before."""
        error, answered = self._answer(prefix, Answer(decision_id, True, by or "a person", note, now))
        if not answered.is_repeated and error.state is State.PARKED:
            self._dispatch.waiting.wake(error)
        return answered

    def deny(self, prefix: str, by: str, now: float, *, note: str = "", decision_id: str = "") -> Answered:
        """A person says no: the ticket ends, and the error has failed. As approve."""
        error, answered = self._answer(prefix, Answer(decision_id, False, by or "a person", note, now))
        if not answered.is_repeated:
            self._let_go(error, Step.DENY, f"denied by {answered.answer.by}{': ' + note if note else ''}")
        return answered

    def _answer(self, prefix: str, answer: Answer) -> tuple[Error, Answered]:
        self._board.now = answer.at
        error = self._find(prefix)
        return error, self._dispatch.asking.answer(error, answer)

    # --- all of it

    def flush(self, prefix: str | None, now: float) -> tuple[int, int]:
        """Purge pending tickets: all, or one error's. Returns how many, and how many attempts were left running."""
        self._board.now = now
        errors = list(self._board.errors.values()) if prefix is None else [self._find(prefix)]
        pending = [error for error in errors if error.state in PENDING]
        for error in pending:
            self._let_go(error, Step.FLUSH, "purged by a person; its next fault opens a new ticket")
        return len(pending), sum(error.state in WITH_TICKET - PENDING for error in errors)

    def pause(self, pause: Pause) -> None:
        """Begin no attempt on `pause.target` (ALL: on any) until it is resumed or its time is up. Raises NotFound for a target that is not
        defined."""
        board, target = self._board, pause.target
        self.defined(target)
        board.now = max(board.now, pause.at)
        self._dispatch.brakes.pause.pause(pause)
        board.tell_pause("paused", pause, pause.says())
        self._mark_planned(target)
        if pause.until:
            board.timers.set(pause.until, self._end_pauses)

    def defined(self, target: str) -> None:
        """Raises NotFound for a target that is not defined; ALL is."""
        targets = self._board.definitions.targets
        if target != ALL and target not in targets:
            some = ", ".join(sorted(targets)[:_MOST_NAMED]) or "none"
            raise NotFound(
                f"no target {target!r} is defined; there are {len(targets)}: {some}{' ...' * (len(targets) > _MOST_NAMED)}"
            )

    def resume(self, target: str, now: float, by: str = "") -> Pause | None:
        """The pause that was in force there (ALL: the one of everything). What has waited is let go slowly."""
        self._board.now = now
        pause = self._dispatch.brakes.pause.resume(target)
        if pause:
            self._board.tell_pause("resumed", pause, f"resumed by {by or 'a person'}; {pause.said()}")
            self._let_on(pause)
        return pause

    def _end_pauses(self) -> None:
        """The time of a pause has come."""
        for pause in self._dispatch.brakes.pause.expire(self._board.now):
            self._board.tell_pause("ended", pause, f"its time is up; {pause.said()}")
            self._let_on(pause)

    def _let_on(self, pause: Pause) -> None:
        self._dispatch.brakes.throttle.ease_in(self._board.now)
        self._dispatch.waiting.call(target_gate(pause.target))

    def _mark_planned(self, target: str) -> None:
        """Whatever ticket is open while its target is paused."""
        for name in self._board.definitions.targets if target == ALL else (target,):
            for error in self._board.with_ticket_on(name).values():
                ticket_of(error).planned = True

    def reset_breaker(self, target: str, now: float) -> bool:
        """Close the breaker of a target, or with ALL the global one. Whether it was not closed. Raises NotFound as pause does."""
        self.defined(target)
        self._board.now = now
        brakes = self._dispatch.brakes
        if target == ALL:
            was_tripped = brakes.global_breaker.reset(now)
            brakes.throttle.ease_in(now)
            return was_tripped
        was_tripped = brakes.targets.reset(target)
        self._dispatch.waiting.call(target_gate(target))
        return was_tripped

    def forget(self, strategy_id: str | None) -> int:
        self._board.timeouts.forget(strategy_id)
        return self._board.learning.forget(strategy_id)

    def _let_go(self, error: Error, step: Step, reason: str) -> None:
        ticket = error.ticket
        error.watched = None
        self._board.end_ticket(error, step, reason)
        if ticket:
            self._dispatch.free(error)


def _settle(error: Error, now: float) -> None:
    """What it was before is no reason for anything that comes."""
    error.level = error.relapses = error.flaps = 0
    error.flapping, error.settled_at = False, now
