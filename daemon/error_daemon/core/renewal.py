"""What becomes of open tickets when the definitions are replaced.

A ticket that **waits** (queued, parked, or looked at before anything is done) is classified anew at once, by the fault that opened it:

    no rule, target or strategy is left for it, or the rule now only observes     the ticket ends: the error is observed, with that reason
    all that concerns it is as it was                                             it is left as it is
    the target is another one                                                     it begins there at its first level, and looks first
    its level is gone                                                             the next above; with none above, and after attempts, the
                                                                                  ladder is exhausted
    anything else has changed                                                     what was proposed for it is proposed anew

A look that was begun by other probes is begun again. A ticket that waits keeps its place in the order, and whatever holds it alone and is
not of the definitions: its backoff, its calm. One that waits for a root that it does not depend on any more, or for a bulkhead, comes up
again.

An attempt that **runs**, and its verification, are carried to their end by what they were begun with. If it has not helped, its ticket is
then classified anew as above, before anything follows from it (verification.py).

What is **watched** is watched to the end of its window. What was *observed* is decided anew with its next fault. What has *failed* and
is to be tried again in time, is tried by what is defined then.

What people were promised of a ticket stays promised; what its new class promises besides counts from now.
"""

from __future__ import annotations

from dataclasses import dataclass

from error_daemon.core.board import Board
from error_daemon.core.brakes import bulkhead
from error_daemon.core.brakes.chain import target_gate
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.classify import Classification
from error_daemon.core.decide import members_of
from error_daemon.core.dispatch import ROOT, Dispatch, root_gate
from error_daemon.core.ladder import above, entry
from error_daemon.core.life import PENDING, Step
from error_daemon.core.mandate import Mandate
from error_daemon.core.response import Response
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import Definitions, SlotState, State


@dataclass(frozen=True, slots=True)
class Redefined:
    """What the definitions, when they were replaced, have done to what was under way."""

    changed: int = 0  # tickets that wait, and have another mandate now
    ended: int = 0  # tickets that ended, because nothing may or can be done for them any more
    running: int = 0  # tickets whose attempt is carried to its end by what it was begun with
    pauses: tuple[Pause, ...] = ()  # dropped: their targets are gone


class Renewal:
    def __init__(self, board: Board, dispatch: Dispatch, response: Response) -> None:
        self._board = board
        self._dispatch = dispatch
        self._response = response

    def redefine(self, definitions: Definitions) -> Redefined:
        board, brakes = self._board, self._dispatch.brakes
        has_new_bulkheads = definitions.bulkheads != board.definitions.bulkheads
        board.redefine(definitions)
        dropped = brakes.redefine(definitions)
        changed = ended = running = 0
        for error, ticket in [(error, error.ticket) for error in board.with_ticket() if error.ticket]:
            if error.state not in PENDING:
                running += 1
                board.save(error)  # after a restart its rule may lead elsewhere: the record says what it was acting on
            elif self._renew_at_once(error, ticket):
                changed += 1
                ended += error.ticket is None
            else:
                self._ask_again(error, ticket, has_new_bulkheads)
        for pause in dropped:
            board.tell_pause("ended", pause, f"its target is no longer defined; {pause.said()}")
            self._dispatch.waiting.call(target_gate(pause.target))
        return Redefined(changed - ended, ended, running, tuple(dropped))

    # --- one that waits

    def _renew_at_once(self, error: Error, ticket: Ticket) -> bool:
        """Whether anything of it has changed."""
        before, group = (ticket.mandate, error.classification), self._is_group_as_proposed(ticket)
        why_not = self.renew(error, ticket)
        if why_not:
            self._end(error, Step.OBSERVE, why_not)
        elif ticket.level not in ticket.levels and not self._climb(ticket):
            why = f"level {ticket.level} is no longer on its ladder, and nothing is above it: the ladder is exhausted"
            self._response.escalate(error, ticket, "exhausted", why)
            self._end(error, Step.EXHAUST, why)
        elif before != (ticket.mandate, error.classification) or not group:
            self._come_up_anew(error, ticket)
        else:
            return False
        return True

    def _is_group_as_proposed(self, ticket: Ticket) -> bool:
        """By the definitions of now."""
        proposal = ticket.proposal
        return proposal is None or proposal.members == members_of(self._board, ticket.target.id, proposal.strategy)

    def _climb(self, ticket: Ticket) -> bool:
        """To the next level that there is. False where nothing is above it, and something was done already."""
        higher = above(ticket.levels, ticket.level)
        if higher is None and ticket.attempts:
            return False
        ticket.level, ticket.attempts_at_level = higher or ticket.levels[-1], 0
        return True

    def _end(self, error: Error, step: Step, reason: str) -> None:
        self._board.end_ticket(error, step, reason)
        self._dispatch.free(error)

    def _come_up_anew(self, error: Error, ticket: Ticket) -> None:
        self._board.mark(error, SlotState.RUNNING if ticket.unfinished else SlotState.OPEN)
        if error.state is State.PROBING:
            self._dispatch.asking.withdraw(error, ticket)  # what was approved before its look is defined otherwise now
            self._look_anew(error, ticket)
            return
        is_queued = error.state is State.QUEUED
        self._dispatch.propose_anew(error)
        if is_queued:
            self._dispatch.waiting.wake(error)

    def _look_anew(self, error: Error, ticket: Ticket) -> None:
        ticket.looking, ticket.round_id, ticket.look_first = None, "", True
        self._board.cancel_timer(error)
        self._board.move(error, Step.PERSIST, "the definitions were replaced: it is looked at anew")
        self._dispatch.running.answered(error)
        self._dispatch.waiting.push(error, error.reason)
        self._dispatch.free(error)

    def _ask_again(self, error: Error, ticket: Ticket, has_new_bulkheads: bool) -> None:
        """It stands as it did; what it waits for may not be asked of it any more."""
        hold = ticket.hold
        if error.state is not State.QUEUED or hold is None:
            return
        is_no_root = hold.by == ROOT and hold.gate not in map(root_gate, self._board.graph.roots(ticket.target.id))
        if is_no_root or (hold.by == bulkhead.NAME and has_new_bulkheads):
            self._dispatch.waiting.wake(error)

    # --- any

    def renew(self, error: Error, ticket: Ticket) -> str:
        """Give it the mandate of now. Why nothing may or can be done for it any more; empty where something may. The
        level stays, be it gone or not, unless the target is another."""
        board = self._board
        if ticket.generation == board.generation:
            return ""
        ticket.generation = board.generation
        classification = board.classify(ticket.fault)
        anew = board.mandates.of(classification.rule, ticket.fault, ticket.only)
        if isinstance(anew, str):
            error.classification = classification
            return f"the definitions were replaced: {anew}"
        if not anew.acts:
            error.classification = classification
            return f"the definitions were replaced: rule {anew.rule.id} only observes"
        self._reclassify(error, classification)
        is_elsewhere = anew.target.id != ticket.target.id
        board.give(error, ticket, anew)
        if is_elsewhere:
            self._begin_there(error, ticket, anew)
        self._response.promise(error, ticket)
        return ""

    def _reclassify(self, error: Error, classification: Classification) -> None:
        """What others have raised its severity to, it keeps."""
        was_raised = error.severity > error.classification.severity
        error.severity = max(error.severity, classification.severity) if was_raised else classification.severity
        error.classification = classification

    def _begin_there(self, error: Error, ticket: Ticket, anew: Mandate) -> None:
        """Nothing is known of that target, and nothing was done to it."""
        ticket.level, ticket.attempts_at_level = entry(anew.levels, anew.rule, error.severity), 0
        ticket.look_first, ticket.unfinished, ticket.is_isolated = True, False, False
        ticket.failing, ticket.readings, ticket.seen_at = None, (), 0.0
        ticket.planned = ticket.planned or self._dispatch.brakes.pause.concerns(anew.target.id)
