"""Which ticket goes next, and what is done for it.

Tickets that are ready wait in two lanes (queue.py), the critical ones and all others; the brakes that hold the whole queue are
asked for the front of each (brakes/chain.py). One that is let through comes up, and meets what holds it alone. Where others
wait for the same thing, it waits with them at a gate, and when that has happened the first of them comes up, and then the next
one, until one waits there again: however many wait, one event moves one or two.

A ticket takes its target from its attempt to its verdict: one attempt per target at a time. A group restart takes all its targets, in
the order of their names, so that no two groups wait for each other; what it has taken it gives back whenever anything else holds it.

**Roots.** While a target that it depends on has a ticket, a ticket waits for that, and is looked at before anything is done: it
was a symptom.

**Doubt.** A target is in doubt from the loss of an attempt until probes have seen it well or failing, whichever ticket asks.
What was last known of a target is stale after `STALE_S` without a fault or a look: then it is looked at first, too. A look takes
the place of an attempt until it is answered: else newer tickets, which need no look, would take every place that comes free,
and the older wait for ever.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from math import inf

from error_daemon.core.board import Board, Error, Proposal, Ticket
from error_daemon.core.brakes import approval, bulkhead
from error_daemon.core.brakes.chain import Brakes, is_critical, target_gate
from error_daemon.core.brakes.hold import Hold
from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.decide import decide, order_of
from error_daemon.core.effects import FailurePredicted, SaveDecision, StartAttempt
from error_daemon.core.life import Step
from error_daemon.core.queue import Gate, Lane, Place, rank
from error_daemon.core.response import Response
from error_daemon.model import (
    ISOLATION,
    PRIORITY_OF,
    SlotState,
    State,
    Target,
)

STALE_S = 1.0
TARGET = "target"
GROUP_RESTART = "group_restart"  # the kind of strategy that takes more than its own target


class Dispatch:
    def __init__(self, board: Board, response: Response) -> None:
        self._board = board
        self._response = response
        response.hold_of = self.hold_of
        self.brakes = Brakes(board.definitions, board.policy)
        self.is_draining = False  # nothing more is let through; what is in the works comes to its end
        self._lanes = (Lane(is_critical=True), Lane(is_critical=False))
        self._lane_holds: dict[bool, Hold] = {}  # by is_critical: what held the lane when it was last asked for
        self._wake = 0  # the timer of those
        self._gates: dict[str, Gate] = {}
        self._owner: dict[str, Error] = {}  # target → the error that has it
        self._taken: dict[str, list[str]] = {}  # error → the targets it has
        self.running: dict[str, Error] = {}  # attempt → its error
        self._looks: set[str] = set()  # errors whose first look before an attempt is not answered yet
        self._ordinary: set[str] = set()  # attempts and errors of these two that are not critical
        self.doubtful: set[str] = set()  # targets on which an attempt was lost, not seen since
        self.to_look: list[tuple[Error, Ticket]] = []  # let through, to be looked at first; the verification takes them

    # --- the queue

    def push(self, error: Error, why_now: str) -> None:
        """The error is queued and ready to come up."""
        ticket = _ticket_of(error)
        ticket.due_at = self._board.now
        ticket.why_now = why_now
        self._enqueue(error, ticket, "")

    def _enqueue(self, error: Error, ticket: Ticket, called_by: str) -> None:
        ticket.queued = self._board.number()
        ticket.hold = None
        self._board.cancel_timer(error)
        self._lanes[not is_critical(error)].push(
            Place(rank(PRIORITY_OF[error.severity], ticket.opened_at), ticket.born, ticket.queued, error, called_by)
        )

    def pump(self) -> None:
        """Let through what may go."""
        self._call_symptoms()
        while not self.is_draining and (lane := self._open_lane()) is not None:
            place = lane.pop()
            if place.is_valid():
                self._come_up(place)
            if place.called_by and not self._waits_at(place.error, place.called_by):
                self.call(place.called_by)
            self._call_symptoms()  # of a ticket that was given up

    def _call_symptoms(self) -> None:
        while self._board.let_go:
            self.call(_root_gate(self._board.let_go.pop()))

    def _open_lane(self) -> Lane | None:
        """The lane whose front goes next, of those that nothing holds. Where one is held, the time at which it is not is noted."""
        if self._wake:
            self._board.timers.cancel(self._wake)
            self._wake = 0
        self._lane_holds.clear()
        until = inf
        fronts = [(place[:3], lane) for lane in self._lanes if (place := lane.front()) is not None]
        for _, lane in sorted(fronts):
            running = len(self.running) + len(self._looks)
            hold = self.brakes.outer(lane.is_critical, running, len(self._ordinary), self._board.now)
            if hold is None:
                return lane
            self._lane_holds[lane.is_critical] = hold
            until = min(until, hold.until or inf)
        if until < inf:
            self._wake = self._board.timers.set(until, _nothing)
        return None

    def _come_up(self, place: Place) -> None:
        error, ticket = place.error, _ticket_of(place.error)
        given_up = self.brakes.given_up(error, ticket, self._board.now)
        hold = None if given_up else self._held(error, ticket)
        if given_up:
            self._give_up(error, ticket, given_up)
        elif hold is not None:
            self._wait(error, ticket, hold)
        elif self._is_in_doubt(error, ticket):
            self._look(error, ticket)
        else:
            self._go(error, ticket)

    def _held(self, error: Error, ticket: Ticket) -> Hold | None:
        now = self._board.now
        return (
            self.brakes.before_target(error, ticket, now)
            or self._root_hold(error, ticket)
            or self._owner_hold(error, ticket.target.id)
            or self.brakes.after_target(error, ticket, now)
        )

    def _root_hold(self, error: Error, ticket: Ticket) -> Hold | None:
        board = self._board
        for root in board.graph.roots(ticket.target.id):
            for first in board.with_ticket_on(root).values():
                self._put_first(first, error)
                ticket.look_at_wake = True
                reason = f"waits for {root}, on which {ticket.target.id} depends ({first.error_id} is being recovered)"
                return Hold("root", reason, 0.0, _root_gate(root))
        return None

    def _put_first(self, root: Error, symptom: Error) -> None:
        """The root is worth as much as the worst of its symptoms."""
        symptom.root = root.error_id
        symptom.related = tuple(dict.fromkeys((root.error_id, *symptom.related)))
        if symptom.severity > root.severity:
            root.severity = symptom.severity
            self.rank_anew(root)

    def rank_anew(self, error: Error) -> None:
        """Its severity has changed."""
        if error.state is State.QUEUED:
            self._enqueue(error, _ticket_of(error), "")

    def _owner_hold(self, error: Error, target: str) -> Hold | None:
        owner = self._owner.get(target)
        if owner is None or owner is error:
            return None
        return Hold(TARGET, f"waits for {target}, which {owner.error_id} has", 0.0, target_gate(target))

    # --- waiting

    def _wait(self, error: Error, ticket: Ticket, hold: Hold, keep: bool = False) -> None:
        """`keep`: the targets that it has; else they are given back."""
        if not keep:
            self._give_back(error)
        if hold.by != bulkhead.NAME:
            self.brakes.bulkheads.stop_waiting(error)
        if not hold.gate:
            ticket.look_at_wake = ticket.look_at_wake or hold.look_first
            self.park(error, hold)
            return
        ticket.hold = hold
        gate = self._gates.setdefault(hold.gate, Gate())
        gate.wait(Place(rank(PRIORITY_OF[error.severity], ticket.opened_at), ticket.born, ticket.queued, error, ""))
        if hold.is_own_time:
            self._board.set_timer(error, hold.until)
        elif hold.until and hold.until != gate.until:
            self._board.timers.cancel(gate.timer)
            gate.until = hold.until
            gate.timer = self._board.timers.set(hold.until, partial(self._open_gate, gate, hold.gate))

    def _open_gate(self, gate: Gate, key: str) -> None:
        gate.until = 0.0
        self.call(key)

    def park(self, error: Error, hold: Hold) -> None:
        ticket = _ticket_of(error)
        ticket.hold = hold
        error.parked_until = hold.until
        self._board.move(error, Step.PARK, hold.reason)
        self._board.set_timer(error, hold.until)

    def wake(self, error: Error) -> None:
        """The time of a ticket has come."""
        ticket = _ticket_of(error)
        self._stir(ticket)
        if error.state is State.PARKED:
            why = f"its time has come ({ticket.hold.by if ticket.hold else 'parked'})"
            error.parked_until = 0.0
            self._board.move(error, Step.WAKE, why)
            self.push(error, why)
        else:
            self._enqueue(error, ticket, "")

    def call(self, key: str) -> None:
        """What those at the gate wait for has happened: the first of them comes up."""
        gate = self._gates.get(key)
        if gate is None:
            return
        place = gate.call()
        if place is None:
            self._board.timers.cancel(gate.timer)
            del self._gates[key]
            return
        ticket = _ticket_of(place.error)
        self._stir(ticket)
        self._enqueue(place.error, ticket, key)

    def _stir(self, ticket: Ticket) -> None:
        ticket.look_first = ticket.look_first or ticket.look_at_wake
        ticket.look_at_wake = False

    def _waits_at(self, error: Error, key: str) -> bool:
        return error.ticket is not None and error.ticket.hold is not None and error.ticket.hold.gate == key

    def _give_up(self, error: Error, ticket: Ticket, why: str) -> None:
        unanswered = approval.is_expired(ticket, self._board.now)
        self._response.escalate(error, ticket, "unanswered" if unanswered else "full", why)
        self._board.end_ticket(error, Step.EXHAUST, why)
        self.free(error)

    def hold_of(self, error: Error) -> Hold | None:
        """What its ticket waits for; None: nothing, or it is about to come up."""
        ticket = error.ticket
        if ticket is None or ticket.hold is not None or error.state is not State.QUEUED:
            return ticket.hold if ticket else None
        return self._lane_holds.get(is_critical(error))

    def waiting(self) -> Counter[tuple[str, str]]:
        """How many tickets wait for each brake, by its name and subject."""
        found: Counter[tuple[str, str]] = Counter()
        for lane in self._lanes:
            hold = self._lane_holds.get(lane.is_critical)
            if hold is not None:
                found[hold.by, ""] += sum(1 for _ in lane.places())
        for key, gate in self._gates.items():
            for place in gate.places():
                hold = _ticket_of(place.error).hold
                assert hold is not None, "who waits at a gate waits for something"
                found[hold.by, key.partition(":")[2]] += 1
        return found

    # --- targets

    def targets_taken(self) -> int:
        """How many targets are being attempted, verified or looked at."""
        return sum(error.state is not State.QUEUED for error in self._owner.values())

    def ended(self, attempt_id: str) -> Error | None:
        """The error of an attempt that has ended; None: it is not known."""
        self._ordinary.discard(attempt_id)
        return self.running.pop(attempt_id, None)

    def answered(self, error: Error) -> None:
        """Its look, if there was one, takes no place among the attempts any more."""
        self._looks.discard(error.error_id)
        self._ordinary.discard(error.error_id)

    def lost(self, error: Error) -> None:
        """Its attempt was lost: who knows what has become of the targets that it has."""
        self.doubtful.update(self._taken[error.error_id])

    def propose_anew(self, error: Error) -> None:
        """What was proposed for its ticket, or approved, is to be done no more."""
        ticket = _ticket_of(error)
        waits_for_answer = approval.hold(ticket) is not None
        ticket.proposal, ticket.approved_by = None, ""
        if error.state is State.QUEUED:
            self._give_back(error)
        elif waits_for_answer:
            self.wake(error)

    def free(self, error: Error) -> None:
        """The ticket lets go of everything that it has."""
        gate = self.brakes.bulkheads.leave(error)
        if gate:
            self.call(gate)
        if error.ticket is None:
            self.brakes.bulkheads.stop_waiting(error)
            self.answered(error)
        self._give_back(error)

    def _give_back(self, error: Error) -> None:
        taken = self._taken.pop(error.error_id, ())
        for target in taken:
            del self._owner[target]
            if len(taken) > 1:  # a group restart has touched what others have tickets for
                for other in self._board.with_ticket_on(target).values():
                    if other is not error:
                        _ticket_of(other).look_first = True
            self.call(target_gate(target))

    def _take(self, error: Error, target: str) -> None:
        if self._owner.get(target) is None:
            self._owner[target] = error
            self._taken.setdefault(error.error_id, []).append(target)

    def _take_all(self, error: Error, members: tuple[Target, ...]) -> Hold | None:
        for name in sorted(member.id for member in members):
            hold = self._owner_hold(error, name) or self.brakes.pause.hold(name, target_gate(name))
            if hold is not None:
                return hold
            self._take(error, name)
        return None

    # --- what people and forecasts do to the brakes

    def pause(self, pause: Pause) -> None:
        self.brakes.pause.pause(pause)
        self._mark_planned(pause.target)
        if pause.until:
            self._board.timers.set(pause.until, self._end_pauses)

    def resume(self, target: str) -> Pause | None:
        pause = self.brakes.pause.resume(target)
        if pause is not None:
            self._let_go_of(pause)
        return pause

    def _end_pauses(self) -> None:
        for pause in self.brakes.pause.expire(self._board.now):
            self._let_go_of(pause)

    def _let_go_of(self, pause: Pause) -> None:
        self.brakes.throttle.ease_in(self._board.now)
        self.call(target_gate(pause.target))

    def _mark_planned(self, target: str) -> None:
        for name in self._board.definitions.targets if target == ALL else (target,):
            for error in self._board.with_ticket_on(name).values():
                _ticket_of(error).planned = True

    def reset_breaker(self, target: str) -> bool:
        if target == ALL:
            was_tripped = self.brakes.global_breaker.reset(self._board.now)
            self.brakes.throttle.ease_in(self._board.now)
            return was_tripped
        was_known = self.brakes.targets.reset(target)
        self.call(target_gate(target))
        return was_known

    def foretold(self, event: FailurePredicted) -> None:
        if event.target in self._board.definitions.targets:
            self.brakes.targets.foretold(event, self._board.now)

    # --- looking, deciding and starting

    def _is_in_doubt(self, error: Error, ticket: Ticket) -> bool:
        known_at = max(error.last_at, ticket.seen_at)
        return ticket.look_first or ticket.target.id in self.doubtful or self._board.now - known_at >= STALE_S

    def _look(self, error: Error, ticket: Ticket) -> None:
        self._give_back(error)
        self._take(error, ticket.target.id)
        self.brakes.looks(error, ticket, self._board.now)
        self._looks.add(error.error_id)
        if not is_critical(error):
            self._ordinary.add(error.error_id)
        ticket.look_first = False
        ticket.looked_first = ticket.looked_first or not ticket.attempts
        self._board.move(error, Step.DOUBT, f"looks at {ticket.target.id} before anything is done to it")
        self.to_look.append((error, ticket))

    def _go(self, error: Error, ticket: Ticket) -> None:
        ticket.proposal = proposal = ticket.proposal or self._propose(error, ticket)
        hold = approval.hold(ticket)
        if hold is not None:
            self._board.effects.append(SaveDecision(proposal.decision))
            self._board.notify("decision", error, hold.reason, decision=proposal.decision)
            self._wait(error, ticket, hold)
            return
        hold = self._take_all(error, (ticket.target, *proposal.members))
        if hold is not None:
            self._wait(error, ticket, hold, keep=hold.by == TARGET)
        else:
            self._start(error, ticket, proposal)

    def _propose(self, error: Error, ticket: Ticket) -> Proposal:
        ticket.brakes = self.brakes.say(error, ticket, self._board.now)
        decision, strategy = decide(self._board, error, ticket, f"{ticket.ticket_id}-{ticket.attempts + 1}")
        members: tuple[Target, ...] = ()
        if strategy.kind == GROUP_RESTART:
            members = self._board.graph.group(ticket.target.id, str(strategy.params.get("include", "dependents")))
        return Proposal(decision, strategy, members)

    def _start(self, error: Error, ticket: Ticket, proposal: Proposal) -> None:
        board, strategy, decision = self._board, proposal.strategy, proposal.decision
        if ticket.approved_by:
            decision = replace(decision, brakes=(*decision.brakes, f"approval: by {ticket.approved_by}"))
        ticket.proposal, ticket.approved_by = None, ""
        ticket.attempts += 1
        if decision.level != ISOLATION:
            ticket.attempts_at_level += 1
            ticket.entry_level = ticket.entry_level or decision.level
        error.attempts, error.level = ticket.attempts, ticket.level
        ticket.responded_at = ticket.responded_at or board.now
        ticket.decision, ticket.strategy, ticket.outcome = decision, strategy, None
        self.running[decision.attempt_id] = error
        if not is_critical(error):
            self._ordinary.add(decision.attempt_id)
        self.brakes.started(error, ticket, decision.attempt_id, board.now)
        board.notify("decision", error, f"level {decision.level}: {strategy.id}, {decision.reason}", decision=decision)
        board.move(error, Step.START, f"{strategy.id} at level {decision.level}")
        board.mark(error, SlotState.RUNNING)
        order = order_of(board, error, ticket, replace(proposal, decision=decision))
        board.effects += (StartAttempt(order), SaveDecision(decision))


def _ticket_of(error: Error) -> Ticket:
    assert error.ticket is not None, "only errors with a ticket are queued, parked or woken"
    return error.ticket


def _root_gate(target: str) -> str:
    return f"root:{target}"


def _nothing() -> None:
    """A timer that only makes somebody drain."""
