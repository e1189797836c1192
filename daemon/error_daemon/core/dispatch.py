"""A ticket comes up: it is held, or its target is looked at, or an attempt is started.

Tickets wait in lanes and at gates (waiting.py). One that is let through meets what holds it alone, from the outermost brake in
(brakes/chain.py). It takes its target from its attempt to its verdict, and a group restart all its targets (possession.py); what
has begun takes a place until it ends (running.py).

**Roots.** While a target that it depends on has a ticket, a ticket waits for that, and is looked at before anything is done: it
was a symptom. The root is worth as much as the worst of its symptoms.

**Looks.** A target is looked at before an attempt where its ticket says so, where it is in doubt, and where what was last known of it is
stale: `STALE_S` without a fault or a look.

**By hand.** What a workflow leads a person through (a strategy of kind `guided`) takes hours, and the host has no part in it: it takes no
place, no brake counts it, and its target stays free for the recoveries of other errors, unless the strategy is `exclusive`. Symptoms of it
do not wait for it either.

**Decisions.** What is decided is a proposal until it is carried out: a person may have to approve it, or a group may have to wait for its
targets. It is the same proposal when the ticket comes up again, unless somebody reset the ladder meanwhile.
"""

from __future__ import annotations

from dataclasses import replace

from error_daemon.core import possession
from error_daemon.core.asking import Asking
from error_daemon.core.board import Board
from error_daemon.core.brakes import approval, bulkhead
from error_daemon.core.brakes.chain import Brakes, target_gate
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.decide import decide, members_of, order_of
from error_daemon.core.effects import SaveDecision, StartAttempt
from error_daemon.core.life import Step
from error_daemon.core.possession import Possession
from error_daemon.core.queue import ticket_of
from error_daemon.core.response import Response
from error_daemon.core.running import Running
from error_daemon.core.ticket import Error, Proposal, Ticket
from error_daemon.core.waiting import Waiting
from error_daemon.model import ISOLATION, ErrorView, Severity, SlotState, State, Strategy, Target

STALE_S = 1.0
ROOT = "root"  # the brake


class Dispatch:
    def __init__(self, board: Board, response: Response) -> None:
        self._board = board
        self._response = response
        self.brakes = Brakes(board.definitions, board.policy)
        self.waiting = Waiting(board, self._hold_of_all)
        self.possession = Possession()
        self.running = Running()
        self.asking = Asking(board, response)
        self.is_draining = False  # nothing more is let through; what is in the works comes to its end
        self.to_look: list[tuple[Error, Ticket]] = []  # let through, to be looked at first; the verification takes them
        response.hold_of = self.waiting.hold_of

    def pump(self) -> None:
        """Let through what may go."""
        if self._board.let_go:
            self._call_symptoms()
        while not self.is_draining and (place := self.waiting.next()) is not None:
            if place.is_valid():
                self._come_up(place.error)
            self.waiting.pass_on(place)
            self._call_symptoms()  # of a ticket that was given up

    def _come_up(self, error: Error) -> None:
        ticket = ticket_of(error)
        if approval.is_expired(ticket, self._board.now) and not self.brakes.pause.on(ticket.target.id):
            self.asking.time_is_up(error, ticket)
        given_up = self.brakes.given_up(error, ticket, self._board.now)
        hold = None if given_up else self._hold(error, ticket)
        if given_up:
            self._give_up(error, ticket, given_up)
        elif hold is not None:
            self._wait(error, hold)
        elif self._must_look(error, ticket):
            self._look(error, ticket)
        else:
            self._go(error, ticket)

    # --- held

    def _hold_of_all(self, is_critical: bool) -> Hold | None:
        """What holds the whole queue."""
        running = self.running
        return self.brakes.outer(is_critical, running.places(), running.ordinary_places(), self._board.now)

    def _hold(self, error: Error, ticket: Ticket) -> Hold | None:
        """What holds one ticket."""
        now = self._board.now
        return (
            self.brakes.before_target(error, ticket, now)
            or self._root_hold(error, ticket)
            or self.possession.hold(error, ticket.target.id)
            or self.brakes.after_target(error, ticket, now)
        )

    def _wait(self, error: Error, hold: Hold, keep: bool = False) -> None:
        """`keep`: the targets that it has; else they are given back."""
        if not keep:
            self._give_back(error)
        if hold.by != bulkhead.NAME:
            self.brakes.bulkheads.stop_waiting(error)
        self.waiting.wait(error, hold)

    def _give_up(self, error: Error, ticket: Ticket, why: str) -> None:
        unanswered = approval.is_expired(ticket, self._board.now)
        if unanswered:
            self.asking.expire(error, ticket)
        self._response.escalate(error, ticket, "unanswered" if unanswered else "full", why)
        self._board.end_ticket(error, Step.EXHAUST, why)
        self.free(error)

    # --- what it waits for

    def view(self, error: Error) -> ErrorView:
        """With what it waits for as that is now, and be it the whole queue."""
        view, hold = error.view(), self.hold_now(error)
        if hold is None:
            return view
        return replace(view, held_by=hold.by, reason=hold.reason, parked_until=hold.until)

    def hold_now(self, error: Error) -> Hold | None:
        """What its ticket waits for, in words that are true at this moment. What it was told when it came to a gate may be over: the
        gate lets go one at a time, and nobody tells the others."""
        hold = self.waiting.hold_of(error)
        if hold is None or not hold.gate:
            return hold
        roots = self._board.with_ticket_on(hold.gate.removeprefix(root_gate(""))) if hold.by == ROOT else {}
        for root in roots.values():
            first = self.waiting.hold_of(root)
            does = f"waits for {first.by}" if first else "is being recovered"
            return replace(hold, reason=f"{hold.reason} ({root.error_id} {does})")
        if hold.by != ROOT and not 0.0 < hold.until <= self._board.now:
            return hold
        ahead = self.possession.hold(error, ticket_of(error).target.id)
        why = ahead.reason if ahead else "others have waited longer"
        return replace(hold, reason=f"lets go, one at a time: {why}", until=0.0)

    # --- roots

    def _root_hold(self, error: Error, ticket: Ticket) -> Hold | None:
        board = self._board
        for root in board.graph.roots(ticket.target.id):
            for first in board.with_ticket_on(root).values():
                if _goes_on_beside(first):
                    continue
                self._put_first(first, error)
                ticket.look_at_wake = True
                reason = f"waits for {root}, on which {ticket.target.id} depends"
                return Hold(ROOT, reason, 0.0, root_gate(root))
        return None

    def _put_first(self, root: Error, symptom: Error) -> None:
        symptom.root = root.error_id
        symptom.related = tuple(dict.fromkeys((root.error_id, *symptom.related)))
        self.raise_severity(root, symptom.severity)

    def raise_severity(self, error: Error, severity: Severity) -> None:
        """It is as bad as that, or already worse: it goes ahead of what is less so, and what becomes critical is promised a start."""
        if severity > error.severity:
            error.severity = severity
            self.waiting.rank_anew(error)
            if severity is Severity.CRITICAL:
                self._response.promise_start(error, ticket_of(error))

    def _call_symptoms(self) -> None:
        """Of the targets that a ticket has left: each goes back to wait where another is still in its way."""
        while self._board.let_go:
            self.waiting.call(root_gate(self._board.let_go.pop()))

    # --- looked at

    def _must_look(self, error: Error, ticket: Ticket) -> bool:
        known_at = max(error.last_at, ticket.seen_at)
        is_stale = self._board.now - known_at >= STALE_S
        return ticket.look_first or is_stale or self.possession.is_in_doubt(ticket.target.id)

    def _look(self, error: Error, ticket: Ticket) -> None:
        self._give_back(error)
        self.possession.take(error, ticket.target.id)
        self.brakes.looks(error, ticket, self._board.now)
        self.running.look(error)
        ticket.look_first = False
        ticket.looked_first = ticket.looked_first or not ticket.attempts
        self._board.move(error, Step.DOUBT, f"looks at {ticket.target.id} before anything is done to it")
        self.to_look.append((error, ticket))

    # --- decided and started

    def _go(self, error: Error, ticket: Ticket) -> None:
        ticket.proposal = proposal = ticket.proposal or self._propose(error, ticket)
        hold = approval.hold(ticket)
        if hold is not None:
            self._wait(error, hold)  # first: whatever the words of the question cost, its ticket has a way on
            self.asking.ask(error, ticket, proposal, hold)
            return
        members = () if is_beside(proposal.strategy) else (ticket.target, *proposal.members)
        hold = self._take_all(error, members)
        if hold is None:
            self._start(error, ticket, proposal)
        else:
            self._wait(error, hold, keep=hold.by == possession.NAME)

    def _propose(self, error: Error, ticket: Ticket) -> Proposal:
        ticket.brakes = self.brakes.say(error, ticket, self._board.now)
        before = self.asking.as_before(error, ticket)
        if before is not None:
            return before
        decision, strategy = decide(self._board, error, ticket, f"{ticket.ticket_id}-{ticket.attempts + 1}")
        return self.asking.proposal_of(
            error, ticket, decision, strategy, members_of(self._board, ticket.target.id, strategy)
        )

    def _take_all(self, error: Error, members: tuple[Target, ...]) -> Hold | None:
        names = (member.id for member in members)
        return self.possession.take_all(error, names, lambda name: self.brakes.pause.hold(name, target_gate(name)))

    def _start(self, error: Error, ticket: Ticket, proposal: Proposal) -> None:
        board, strategy, decision = self._board, proposal.strategy, proposal.decision
        if proposal.answer is not None:
            decision = replace(decision, brakes=(*decision.brakes, approval.says(proposal.answer)))
            proposal = replace(proposal, decision=decision)
            self.asking.begun(error, ticket, proposal)
        ticket.proposal = None
        ticket.attempts += 1
        if decision.level != ISOLATION:
            ticket.attempts_at_level += 1
            ticket.entry_level = ticket.entry_level or decision.level
        error.attempts, error.level = ticket.attempts, ticket.level
        ticket.begun_at = board.now
        ticket.responded_at = ticket.responded_at or board.now
        ticket.decision, ticket.strategy, ticket.outcome = decision, strategy, None
        self.running.begin(decision.attempt_id, error, is_by_hand=strategy.is_by_hand)
        if strategy.is_by_hand:
            self.brakes.bulkheads.stop_waiting(error)
        else:
            self.brakes.started(error, ticket, decision.attempt_id, board.now)
        if is_beside(strategy):
            self.waiting.call(root_gate(ticket.target.id))
        board.notify("decision", error, f"level {decision.level}: {strategy.id}, {decision.reason}", decision=decision)
        board.move(error, Step.START, f"{strategy.id} at level {decision.level}")
        board.mark(error, SlotState.RUNNING)
        order = order_of(board, error, ticket, proposal)
        board.effects += (StartAttempt(order), SaveDecision(decision))

    # --- let go

    def take_to_look(self, error: Error, ticket: Ticket) -> None:
        """What went on beside its target has ended. While that is looked at it is the error's own, where nobody else has it."""
        if self.possession.hold(error, ticket.target.id) is None:
            self.possession.take(error, ticket.target.id)

    def propose_anew(self, error: Error) -> None:
        """What was proposed for its ticket, or approved, is to be done no more."""
        ticket = ticket_of(error)
        waits_for_answer = ticket.hold is not None and ticket.hold.by == approval.NAME
        self.asking.withdraw(error, ticket)
        if error.state is State.QUEUED:
            self._give_back(error)
        elif waits_for_answer:
            self.waiting.wake(error)

    def free(self, error: Error) -> None:
        """The ticket lets go of everything that it has."""
        gate = self.brakes.bulkheads.leave(error)
        if gate:
            self.waiting.call(gate)
        if error.ticket is None:
            self.brakes.bulkheads.stop_waiting(error)
            self.running.answered(error)
        self._give_back(error)

    def _give_back(self, error: Error) -> None:
        targets = self.possession.give_back(error)
        for target in targets:
            if len(targets) > 1:  # a group restart has touched what others have tickets for
                self._look_first(target, error)
            self.waiting.call(target_gate(target))

    def _look_first(self, target: str, touched_by: Error) -> None:
        for other in self._board.with_ticket_on(target).values():
            if other is not touched_by:
                ticket_of(other).look_first = True


def is_beside(strategy: Strategy) -> bool:
    """Whether an attempt of it leaves its target free for the recoveries of other errors."""
    return strategy.is_by_hand and not strategy.params.get("exclusive")


def _goes_on_beside(error: Error) -> bool:
    strategy = error.ticket.strategy if error.ticket and error.state is State.ATTEMPTING else None
    return strategy is not None and is_beside(strategy)


def root_gate(target: str) -> str:
    return f"{ROOT}:{target}"
