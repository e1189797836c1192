"""What a fault does: it is counted on its error, and opens a ticket where one is due.

    the error has a ticket          counted; a higher severity than before moves it forward
    the sender's own retry helped   recorded
    it is being watched             older than the recovery: a late report, counted · newer: a relapse, which opens a ticket again
    it has failed or was observed   counted until `retry_failed_after_s` has passed; then a ticket is opened again
    else                            a ticket is opened

A ticket is opened only where a rule names a known target and has a strategy for it; else the error is observed, with the reason.
"""

from __future__ import annotations

from error_daemon.core.board import Board, Error, Ticket, acts
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.effects import (
    ErrorRestored,
    FaultArrived,
    FaultRestored,
    MarkSlot,
    ReleaseSlot,
    SaveDecision,
    SaveFault,
)
from error_daemon.core.ladder import above, entry, levels
from error_daemon.core.life import ENDED, TABLE, WITH_TICKET, Step
from error_daemon.core.verification import Verification
from error_daemon.model import ErrorView, Fault, Progress, Rule, SlotState, State, Target

MOST_RELAPSES = 5  # at the top of the ladder, before a person is needed
_MOST_RELATED = 16


class Opening:
    def __init__(self, board: Board, dispatch: Dispatch, verification: Verification) -> None:
        self._board = board
        self._dispatch = dispatch
        self._verification = verification

    def arrived(self, event: FaultArrived) -> None:
        fault, board = event.fault, self._board
        error = board.errors.get(event.fingerprint.digest)
        if error is None:
            assert event.classification, "an error that is new comes classified"
            error = board.create(event.fingerprint, fault, event.classification)
        self._count(error, event)
        if error.ticket is not None:
            self._fold(error, fault)
            return
        if event.classification:
            error.classification = event.classification
            error.severity = event.classification.severity
        why_not = self._why_only_counted(error, fault)
        if why_not:
            self._only_count(error, why_not)
        else:
            self._open(error)

    # --- counting

    def _count(self, error: Error, event: FaultArrived) -> None:
        error.count += event.fault.count
        error.last_at = self._board.now
        error.fault = event.fault
        if error.slot != event.slot:
            error.slot, error.slot_count = event.slot, 0
            self._board.effects.append(SaveFault(error.error_id, event.fault, event.slot))
        error.slot_count += event.fault.count

    def _fold(self, error: Error, fault: Fault) -> None:
        if fault.severity and fault.severity > error.severity:
            error.severity = fault.severity
            if error.state is State.QUEUED:
                self._dispatch.push(error)

    def _why_only_counted(self, error: Error, fault: Fault) -> str:
        """Why this fault opens no ticket; empty where it does."""
        if fault.retry_success:
            return "the sender's own retry helped"
        if error.state is State.WATCHING and fault.occurred_at <= error.recovered_at:
            return error.reason  # a late report of what has been recovered
        patience_s = self._board.policy.retry_failed_after_s
        if error.state in (State.FAILED, State.OBSERVED) and self._board.now - error.ended_at < patience_s:
            return error.reason
        return ""

    def _only_count(self, error: Error, reason: str) -> None:
        self._board.move(error, Step.FOLD if (error.state, Step.FOLD) in TABLE else Step.OBSERVE, reason)
        if error.slot:
            self._board.effects.append(MarkSlot(error.slot, Progress(SlotState.ENDED)))
        self._board.save(error)

    # --- opening

    def _open(self, error: Error, progress: Progress | None = None) -> None:
        """Open a ticket, or say why not. `progress`: how far it was when the daemon died."""
        rule = error.classification.rule
        if rule is None:
            self._observe(error, "no rule matches it")
            return
        target_id = rule.target or error.fault.target
        target = self._board.definitions.targets.get(target_id)
        if target is None:
            missing = f"target {target_id!r} is not defined" if target_id else "neither it nor the fault names a target"
            self._observe(error, f"rule {rule.id}: {missing}")
            return
        available = levels(rule, self._board.definitions.strategies, error.fault.type, target)
        first = entry(available, rule, error.severity)
        if first is None:
            self._observe(
                error, f"rule {rule.id}: no strategy of its ladder fits a {error.fault.type.value} error of {target.id}"
            )
            return
        ticket = self._new_ticket(error, rule, target, available)
        ticket.level = first
        if acts(rule):
            self._act(error, ticket, progress)
        else:
            self._record_only(error, ticket)

    def _new_ticket(self, error: Error, rule: Rule, target: Target, available: tuple[int, ...]) -> Ticket:
        now = self._board.now
        error.target = target.id
        error.opened_at = now
        error.attempts = 0
        return Ticket(f"{error.error_id}-{int(now * 1000):x}", rule, target, available, 0, opened_at=now)

    def _observe(self, error: Error, reason: str) -> None:
        self._board.end_ticket(error, Step.OBSERVE, reason)

    def _record_only(self, error: Error, ticket: Ticket) -> None:
        """Mode observe (E2): decide and record what would be done."""
        decision, strategy = self._dispatch.decide(error, ticket)
        error.level = ticket.level
        self._board.effects.append(SaveDecision(decision))
        self._board.notify("decision", error, f"would run {strategy.id} at level {ticket.level}", decision=decision)
        self._observe(error, f"mode observe: would run {strategy.id} at level {ticket.level} on {ticket.target.id}")

    def _act(self, error: Error, ticket: Ticket, progress: Progress | None) -> None:
        board = self._board
        relapse = error.state is State.WATCHING
        error.related = self._related(error)
        board.begin_ticket(error, ticket)
        if error.slot and error.state is not State.NEW:
            board.effects.append(MarkSlot(error.slot, Progress(SlotState.OPEN)))  # the slot may still say ENDED
        board.move(error, Step.OPEN, f"rule {ticket.rule.id}: {ticket.target.id}, from level {ticket.level}")
        if progress:
            _resume(ticket, progress)
        if relapse and not self._relapse(error, ticket):
            return
        self._dispatch.push(error)

    def _relapse(self, error: Error, ticket: Ticket) -> bool:
        """What "worked" did not hold: go on above it. False where the error has come back too often at the top."""
        now = self._board.now
        held_for_s = now - error.recovered_at
        self._verification.learn_stability(error, min(held_for_s / max(ticket.rule.stability_window_s, 1e-9), 1.0))
        error.relapses += 1
        error.flapping = held_for_s < self._board.policy.flap_threshold_s
        higher = above(ticket.levels, error.level)
        ticket.level = higher or ticket.levels[-1]
        if higher is None and error.relapses >= MOST_RELAPSES:
            reason = f"came back {error.relapses} times within its stability window, and nothing is left above level {ticket.level}"
            self._board.end_ticket(error, Step.EXHAUST, reason)
            return False
        return True

    def _related(self, error: Error) -> tuple[str, ...]:
        """What the sender says, and what else is in the works for the same target."""
        same_target = self._board.with_ticket_on(error.target)
        return tuple(dict.fromkeys((*error.fault.related_error_ids, *same_target)))[:_MOST_RELATED]

    # --- after a restart

    def restored(self, event: ErrorRestored) -> None:
        """An error as it was recorded. One whose ticket is not in the ring any more was lost with it: nothing is done for it."""
        board, view = self._board, event.view
        error = board.create(event.fingerprint, event.fault, event.classification)
        _take_over(error, view)
        if view.state in WITH_TICKET:
            error.state, error.reason = State.FLUSHED, "its ticket was not in the ring when the daemon started"
        elif view.state is State.WATCHING and event.classification.rule:
            board.set_timer(error, view.recovered_at + event.classification.rule.stability_window_s)
        elif view.state is State.WATCHING:
            error.state, error.reason = State.RESOLVED, "recovered; no rule is left to watch it by"
        board.settle(error)

    def kept(self, event: FaultRestored) -> None:
        """A slot as it was read back. What was running, or has ended without a record of it, is looked at first."""
        board, view = self._board, event.view
        error = board.errors.get(event.fingerprint.digest)
        if error is None:
            error = board.create(event.fingerprint, event.fault, event.classification)
        counted = view.slot_count if view and view.slot_sequence == event.slot.sequence else 0
        recorded = counted == event.count and event.progress.state is SlotState.ENDED
        error.count += max(0, event.count - counted)
        if recorded and error.state in (*ENDED, State.WATCHING):
            board.effects.append(ReleaseSlot(event.slot))
            return
        if error.ticket is not None:
            # Two slots of one error: a ticket that had ended, unrecorded, and the next one. One recovery serves both.
            board.effects.append(ReleaseSlot(event.slot))
            return
        error.fault, error.classification = event.fault, event.classification
        error.severity = event.classification.severity
        error.slot, error.slot_count = event.slot, event.count
        error.last_at = max(error.last_at, event.fault.received_at)
        error.first_at = min(error.first_at, event.fault.received_at)
        error.state, error.flapping, error.watched = State.NEW, False, None
        board.cancel_timer(error)
        self._open(error, event.progress)


def _resume(ticket: Ticket, progress: Progress) -> None:
    """After a restart nothing is known of the target: look first. Then on from the level and attempts reached."""
    ticket.look_first = True
    if progress.level in ticket.levels:
        ticket.level = progress.level
        ticket.attempts = progress.attempts
        ticket.attempts_at_level = progress.attempts_at_level


def _take_over(error: Error, view: ErrorView) -> None:
    for name in (
        "state", "reason", "severity", "target", "level", "count", "attempts", "relapses", "first_at", "last_at", "opened_at",
        "recovered_at", "ended_at", "flapping", "related",
    ):  # fmt: skip
        setattr(error, name, getattr(view, name))
