"""What a fault does: it is counted on its error, and opens a ticket where one is due.

    the error has a ticket          counted; a higher severity than before moves it forward
    the sender's own retry helped   recorded
    it is being watched             newer than the recovery: a relapse, which opens a ticket again · older, and soon after it: a late
                                    report, counted
    it was recovered before         older than the recovery (a sender that was cut off): a ticket, which looks before it acts
    it was observed                 counted until `retry_failed_after_s` has passed, or the definitions are others; then it is decided
                                    anew
    it has failed                   counted; that long after it failed it is tried again by itself, looking first
    else                            a ticket is opened

What is only a claim opens a ticket that looks first, too: a target that is well is left alone, whatever is said of it. Such a ticket is no
relapse of what was watched, and no flapping: nobody has seen one, and lies must not hold back the recovery of what then fails.

A fault with which a person tests a recovery comes right after the recovery of the one before: that is no flapping.
A ticket is opened only where a rule names a known target and has a strategy for it; else the error is observed, with the reason.
"""

from __future__ import annotations

from itertools import islice

from error_daemon.core.board import Board
from error_daemon.core.classify import by_impact
from error_daemon.core.decide import decide
from error_daemon.core.dispatch import Dispatch
from error_daemon.core.effects import FaultArrived, SaveDecision, SaveFault
from error_daemon.core.ladder import above, entry
from error_daemon.core.life import Step
from error_daemon.core.mandate import Mandate
from error_daemon.core.response import Response
from error_daemon.core.ticket import Error, Ticket
from error_daemon.core.verification import Verification
from error_daemon.model import ApprovalRecord, Fault, Progress, SlotState, State

MOST_RELAPSES = 5  # at the top of the ladder, before a person is needed
MOST_ISOLATIONS = 3  # that the daemon died of, before the ladder is climbed without
_MOST_RELATED = 16
_LEFT_ALONE = (State.FAILED, State.OBSERVED)


class Opening:
    def __init__(self, board: Board, dispatch: Dispatch, verification: Verification, response: Response) -> None:
        self._board = board
        self._response = response
        self._dispatch = dispatch
        self._verification = verification

    def arrived(self, event: FaultArrived) -> None:
        fault, board = event.fault, self._board
        error = board.errors.get(event.fingerprint.digest)
        if error is None:
            assert event.classification, "an error that is new comes classified"
            error = board.create(event.fingerprint, fault, event.classification)
        newly_kept = self._count(error, event)
        if error.ticket is not None:
            self._fold(error, fault)
            return
        if event.classification:
            error.classification = event.classification
            error.severity = event.classification.severity
        is_plain = error.state is State.NEW and not fault.retry_success
        why_not = "" if is_plain else self._why_only_counted(error, fault)
        if why_not:
            self._only_count(error, why_not, newly_kept)
        else:
            self.open(error, is_a_claim=event.is_a_claim, is_test=event.is_test, only=event.only)

    # --- counting

    def _count(self, error: Error, event: FaultArrived) -> bool:
        """Whether the fault came with a slot of its own."""
        error.count += event.fault.count
        error.last_at = self._board.now
        error.fault = event.fault
        newly_kept = error.slot is not event.slot and error.slot != event.slot  # as a rule it is the same
        if newly_kept:
            self._board.hold_slot(error, event.slot, 0)
            self._board.effects.append(SaveFault(error.error_id, event.fault, event.slot))
        error.slot_count += event.fault.count
        return newly_kept

    def _fold(self, error: Error, fault: Fault) -> None:
        if fault.severity:
            severity, _ = by_impact(fault.severity, error.target, self._board.graph)
            self._dispatch.raise_severity(error, severity)

    def _why_only_counted(self, error: Error, fault: Fault) -> str:
        """Why this fault opens no ticket; empty where it does."""
        policy, now = self._board.policy, self._board.now
        if fault.retry_success:
            return error.reason or "the sender's own retry helped"
        if (
            error.state is State.WATCHING
            and _is_late(error, fault)
            and now < error.recovered_at + policy.flap_threshold_s
        ):
            return error.reason  # a late report of what has been recovered
        if self.is_left_alone(error, now):
            if error.state is State.FAILED:
                self.try_again_later(error)
            return error.reason
        return ""

    def is_left_alone(self, error: Error, now: float) -> bool:
        """It has failed, or nothing may be done for it, and that is not long ago; nor was that said by other definitions."""
        state, board = error.state, self._board
        if state not in _LEFT_ALONE or now >= error.ended_at + board.policy.retry_failed_after_s:
            return False
        return state is State.FAILED or error.ended_at > board.redefined_at

    def try_again_later(self, error: Error) -> None:
        """It was reported after it had failed: it is tried again in time, whether it is reported again then or not."""
        if not error.parked_until:
            error.parked_until = error.ended_at + self._board.policy.retry_failed_after_s
            self._board.set_timer(error, error.parked_until)

    def try_again(self, error: Error) -> None:
        """The time of one that had failed has come. Somebody may have mended it meanwhile: look first."""
        error.parked_until = 0.0
        if error.ended_at <= self._board.redefined_at:
            error.classification = self._board.classify(error.fault)
            error.severity = error.classification.severity
        self.open(error, in_doubt=True)

    def _only_count(self, error: Error, reason: str, newly_kept: bool) -> None:
        """Where the slot was there before, its record is on the way: once committed, it is written again with the new count."""
        if error.state is State.NEW:
            self._board.move(error, Step.OBSERVE, reason)
        if newly_kept:
            self._board.mark(error, SlotState.ENDED)
            self._board.save(error)

    # --- opening

    def open(
        self,
        error: Error,
        progress: Progress | None = None,
        *,
        in_doubt: bool = False,
        is_a_claim: bool = False,
        is_test: bool = False,
        only: str = "",
        asked: ApprovalRecord | None = None,
    ) -> None:
        """Open a ticket, or say why not. `progress`: how far it was when the daemon died, `asked`: what people were asked then.
        `in_doubt`: it may be well by now. `is_a_claim`, `is_test`, `only`: see FaultArrived."""
        found = self._board.mandates.of(error.classification.rule, error.fault, only)
        if isinstance(found, str):
            self._observe(error, found)
            return
        ticket = self._new_ticket(error, found)
        ticket.is_a_claim, ticket.is_test, ticket.only, ticket.asked_before = is_a_claim, is_test, only, asked
        ticket.look_first = in_doubt or is_a_claim or _is_late(error, error.fault)
        if progress:
            ticket.opened_at = min(error.fault.received_at, ticket.opened_at)
        error.opened_at = ticket.opened_at
        if found.acts:
            self._act(error, ticket, progress)
        else:
            self._record_only(error, ticket)

    def _new_ticket(self, error: Error, found: Mandate) -> Ticket:
        board, now = self._board, self._board.now
        error.target = found.target.id
        born = board.number()
        return Ticket(
            ticket_id=f"{error.error_id}-{int(now * 1000):x}-{born:x}",
            mandate=found,
            fault=error.fault,
            level=entry(found.levels, found.rule, error.severity),
            opened_at=now,
            occurred_at=min(error.fault.occurred_at, now),
            generation=board.generation,
            born=born,
        )

    def _observe(self, error: Error, reason: str) -> None:
        if error.state is State.WATCHING:
            self._verification.came_back(error)
        self._board.end_ticket(error, Step.OBSERVE, reason)

    def _record_only(self, error: Error, ticket: Ticket) -> None:
        """Mode observe (E2): decide and record what would be done."""
        ticket.brakes = ("mode observe: nothing is done",)
        decision, strategy = decide(self._board, error, ticket)
        error.level, error.attempts = ticket.level, 0
        self._board.effects.append(SaveDecision(decision))
        would = f"would run {strategy.id} at level {ticket.level}"
        self._board.notify("decision", error, would, decision=decision)
        self._observe(error, f"mode observe: {would} on {ticket.target.id}")

    def _act(self, error: Error, ticket: Ticket, progress: Progress | None) -> None:
        board = self._board
        calm_at = error.recovered_at + board.policy.flap_threshold_s
        is_relapse = not (ticket.is_test or ticket.is_a_claim)
        error.flapping = is_relapse and error.settled_at < error.recovered_at and board.now < calm_at
        error.flaps += error.flapping
        ticket.planned = ticket.is_test or self._dispatch.brakes.pause.concerns(ticket.target.id)
        error.related = self._related(error)
        marked = progress is not None or error.state is not State.NEW  # the slot may say ENDED or RUNNING
        exhausted = False
        if progress:
            self._resume(error, ticket, progress)
        elif error.state is State.WATCHING and not ticket.look_first:
            exhausted = self._relapse(error, ticket)
        else:
            error.level, error.watched = 0, None
        error.attempts = ticket.attempts
        board.begin_ticket(error, ticket)
        board.move(error, Step.OPEN, f"rule {ticket.rule.id}: {ticket.target.id}, from level {ticket.level}")
        if exhausted:
            reason = f"came back {error.relapses} times within its stability window, and nothing is left above level {ticket.level}"
            self._response.escalate(error, ticket, "exhausted", reason)
            board.end_ticket(error, Step.EXHAUST, reason)
            return
        self._response.promise(error, ticket)
        if marked:
            doubtful = progress is not None and progress.state is SlotState.RUNNING  # until it was looked at
            board.mark(error, SlotState.RUNNING if doubtful else SlotState.OPEN)
        self._dispatch.waiting.push(
            error, "its first attempt" if not ticket.look_first else "opened, and its target is in doubt"
        )

    def _relapse(self, error: Error, ticket: Ticket) -> bool:
        """What "worked" did not hold: go on above it. True where the error has come back too often at the top. One that was well
        without any attempt has nothing to go above."""
        self._verification.came_back(error)
        if not error.attempts:
            ticket.level = max(ticket.level, min(error.level, ticket.levels[-1]))
            return False
        error.relapses += 1
        higher = above(ticket.levels, error.level)
        ticket.level = max(ticket.level, higher or ticket.levels[-1])
        return higher is None and error.relapses >= MOST_RELAPSES

    def _related(self, error: Error) -> tuple[str, ...]:
        """What the sender says, and what else is in the works for the same target, what it depends on and what depends on it."""
        near = (error.target, *self._board.graph.neighbours(error.target))
        in_the_works = (error_id for target in near for error_id in self._board.with_ticket_on(target))
        linked = dict.fromkeys((*error.fault.related_error_ids, *islice(in_the_works, _MOST_RELATED)))
        return tuple(linked)[:_MOST_RELATED]

    def _resume(self, error: Error, ticket: Ticket, progress: Progress) -> None:
        """After a restart nothing is known of the target: look first. Then on from the level and attempts reached."""
        ticket.look_first = True
        is_unfinished = progress.state is SlotState.RUNNING
        if is_unfinished:
            self._dispatch.possession.doubt(ticket.target.id)
            ticket.unfinished = True
        if progress.level in ticket.levels:
            ticket.level = progress.level
            # should it be well now, the level that was reached may be what helped
            error.level = progress.level if progress.attempts else 0
            ticket.attempts = progress.attempts
            ticket.attempts_at_level = progress.attempts_at_level
            was_isolating = is_unfinished and not progress.attempts_at_level  # it was cut off, and is run again
            ticket.is_isolated = progress.attempts > (MOST_ISOLATIONS if was_isolating else 0)


def _is_late(error: Error, fault: Fault) -> bool:
    """Whether the fault is from before the error's recovery. A sender that does not say when is taken to mean now."""
    return 0.0 < fault.occurred_at <= error.recovered_at
