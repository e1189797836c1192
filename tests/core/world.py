"""A small simulated world around the engine: targets that are well or not, a ring, a record, workers, and a virtual clock.

It carries out every effect as the daemon would, and checks after every event what must hold at all times:

    at most one attempt per target, at most `capacity` in all, never more begun in a second than the throttle allows, no attempt id twice
    none for a rule that may not act, none on what is paused, none that a person must approve and has not
    the ring says RUNNING before an attempt is handed out
    after an attempt was lost its target is probed before the next one
    an error with a ticket always has a way on
    an error that holds a slot is not among those that may be dropped
    a slot is released only when the committed record accounts for all of its faults
    after a restart no kept fault is lost, and none is counted twice
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from re import compile as pattern

from error_daemon.core import effects as fx
from error_daemon.core.brakes import approval
from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.dispatch import _goes_on_beside
from error_daemon.core.engine import Engine
from error_daemon.core.life import WITH_TICKET
from error_daemon.core.policy import Policy
from error_daemon.core.renewal import Redefined
from error_daemon.model import (
    Answered,
    ApprovalRecord,
    ApprovalState,
    AttemptOrder,
    AttemptRecord,
    Bulkhead,
    Condition,
    Decision,
    Definitions,
    ErrorType,
    ErrorView,
    Escalation,
    Fault,
    Fingerprint,
    Mode,
    Outcome,
    OutcomeKind,
    Probe,
    ProbeOrder,
    Progress,
    Reading,
    ReadingValue,
    ResponseClass,
    Rule,
    Severity,
    SlotRef,
    SlotState,
    State,
    Strategy,
    Target,
    TicketRecord,
)

PROBE_S = 0.002


class PowerCut(Exception):
    """The daemon ends here, between any two effects."""


@dataclass
class Plan:
    """What an attempt will do."""

    kind: OutcomeKind = OutcomeKind.COMPLETED
    takes_s: float = 0.1
    cures: bool = True
    withheld_s: float = 0.0  # of what it takes


@dataclass
class Kept:
    """A ring slot."""

    fingerprint: Fingerprint
    fault: Fault
    count: int
    progress: Progress = field(default_factory=Progress)
    is_test: bool = False
    only: str = ""


def fault(
    component: str = "web",
    message: str = "down",
    error_type: ErrorType = ErrorType.NETWORK,
    severity: Severity | None = None,
    **more: object,
) -> Fault:
    return Fault(error_type, message, severity, component, **more)  # type: ignore[arg-type]


def rule(component: str = "web", levels: tuple[int, ...] = (1, 2, 3), **more: object) -> Rule:
    """A rule for a component with a target of its name, and one strategy `fix<level>` a level."""
    given: dict[str, object] = {
        "id": component,
        "when": Condition(component=pattern(component)),
        "ladder": {level: (f"fix{level}",) for level in levels},
        "target": component,
        "mode": Mode.AUTO,
        "response_class": ResponseClass.PERMANENT,
    }
    return Rule(**(given | more))  # type: ignore[arg-type]


def needs(name: str, *roots: str, **more: object) -> Target:
    """A target with two probes that depends on these."""
    given: dict[str, object] = {"kind": "service", "probes": ("port", "health"), "depends_on": roots}
    return Target(name, **(given | more))  # type: ignore[arg-type]


def house(
    *rules: Rule,
    strategies: tuple[Strategy, ...] = (),
    targets: tuple[Target, ...] = (),
    bulkheads: tuple[Bulkhead, ...] = (),
) -> Definitions:
    """Definitions with these rules, a target with two probes for each of their components, and `fix1` to `fix5`."""
    fixes = [Strategy(f"fix{level}", "exec") for level in range(1, 6)]
    own = [Target(one.target, "service", probes=("port", "health")) for one in rules if one.target]
    return Definitions(
        rules=rules,
        targets={target.id: target for target in (*own, *targets)},
        strategies={strategy.id: strategy for strategy in (*fixes, *strategies)},
        probes={name: Probe(name, "tcp") for name in ("port", "health")},
        bulkheads=bulkheads,
    )


class World:
    def __init__(self, definitions: Definitions, policy: Policy | None = None) -> None:
        self.definitions = definitions
        self.policy = policy or Policy(capacity=4)
        self.engine = Engine(definitions, self.policy)
        self.now = 1000.0
        self.plan: Callable[[AttemptOrder], Plan] = lambda order: Plan()
        self.failing: dict[str, frozenset[str] | None] = {}  # target → probes that fail; None: nothing can be seen
        self.commit_s: float | None = 0.1  # None: nothing is committed until `commit`
        self.along_s: float | None = (
            None  # None: nobody looks along with an attempt; else how long after it that is seen
        )
        self.fuse: int | None = None  # how many more steps until the power is cut
        self.ring: dict[SlotRef, Kept] = {}
        self.committed: dict[str, ErrorView] = {}
        self.kept: Counter[str] = Counter()  # faults that the ring has taken, by error
        self.started: list[AttemptOrder] = []
        self.started_at: list[float] = []
        self.rounds: list[ProbeOrder] = []
        self.records: dict[str, AttemptRecord] = {}
        self.decisions: list[Decision] = []
        self.tickets: list[TicketRecord] = []  # those that have ended
        self.escalations: list[Escalation] = []
        self.log: list[fx.Effect] = []
        self.running: dict[str, AttemptOrder] = {}
        self._open_rounds: set[str] = set()
        self._approved: set[str] = set()  # attempts that a person has said yes to
        self.approvals: dict[str, ApprovalRecord] = {}  # by decision, what was said of last at the end
        self._yes_before: set[str] = set()  # errors: a person had said yes before a restart
        self._lost: set[str] = set()  # targets that must be probed before anything is run
        self._purged: set[str] = set()  # a person has purged a ticket of it: the ring keeps its doubt no longer
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._known: dict[str, tuple[Fingerprint, Fault]] = {}
        self._saving: list[ErrorView] = []
        self._numbers = 0

    # --- what happens

    def report(self, one: Fault, breaks: bool = True) -> str:
        """Take a fault as the daemon does: into the ring, then to the engine. Its error id."""
        return self._take(one, breaks)

    def claim(self, one: Fault, breaks: bool = False) -> str:
        """As report, by somebody who is not believed without a look."""
        return self._take(one, breaks, is_a_claim=True)

    def test(self, one: Fault, only: str = "") -> str:
        """As report, for a test of the recovery."""
        return self._take(one, True, is_test=True, only=only)

    def _take(
        self, one: Fault, breaks: bool, *, is_test: bool = False, only: str = "", is_a_claim: bool = False
    ) -> str:
        fingerprint = self.engine.fingerprint(one)
        slot = self.engine.slot_of(fingerprint)
        needed = slot is None or self.engine.must_be_classified(fingerprint, self.now)
        classified = self.engine.classify(one)
        target = (classified.rule.target if classified.rule else None) or one.target
        if breaks:
            self.failing[target] = frozenset({"port", "health"})
        if slot is None:
            slot = SlotRef(classified.priority, self._number() % 64, self._number())
            self.ring[slot] = Kept(fingerprint, one, 0, is_test=is_test, only=only)
        self.ring[slot].count += one.count
        self.kept[fingerprint.error_id] += one.count
        self._burn()
        self.feed(fx.FaultArrived(one, fingerprint, slot, classified if needed else None, is_test, only, is_a_claim))
        return fingerprint.error_id

    def run(self, for_s: float) -> None:
        """Let time pass; everything that falls due in it happens."""
        end = self.now + for_s
        for _ in range(200_000):
            wake = self.engine.next_wake()
            at = min(self._agenda[0][0] if self._agenda else end, end if wake is None else wake)
            if at >= end:
                break
            self.now = max(self.now, at)
            if self._agenda and self._agenda[0][0] <= self.now:
                heappop(self._agenda)[2]()
            else:
                self.feed(fx.TimePassed())
        else:
            raise AssertionError("the world does not come to rest")
        self.now = end
        self.feed(fx.TimePassed())

    def quiet(self) -> None:
        """Everything gets well and stays so; then nothing may be left."""
        self.fuse = None
        for pause in self.engine.pauses():
            self.resume(pause.target)
        self.failing.clear()
        self.commit_s = 0.1
        self.commit()
        self.run(3000.0)
        assert self.engine.tickets_open() == 0, self.states()
        assert self.engine.attempts_running() == 0
        assert not self.ring, self.ring

    def crash(self, after_s: float = 1.0) -> None:
        """`kill -9`, and a new start. The ring and what was committed are left."""
        running = {
            order.target.id for order in self.running.values() if self._leads_to(order.error_id) == order.target.id
        }
        self._lost = (self._lost - self._purged) | running
        self.running, self._open_rounds, self._agenda, self._saving = {}, set(), [], []
        self.now += after_s
        self.engine = Engine(self.definitions, self.policy)
        for error_id, view in self.committed.items():
            fingerprint, newest = self._known[error_id]
            self.feed(fx.ErrorRestored(view, fingerprint, newest, self.engine.classify(newest)))
        for slot, kept in list(self.ring.items()):
            view_or_none = self.committed.get(kept.fingerprint.error_id)
            classified = self.engine.classify(kept.fault)
            self.feed(
                fx.FaultRestored(
                    kept.fault,
                    kept.fingerprint,
                    slot,
                    classified,
                    kept.count,
                    kept.progress,
                    view_or_none,
                    kept.is_test,
                    kept.only,
                    self._asked_before(kept.fingerprint.error_id),
                )
            )
        for error_id, count in self.kept.items():
            assert self.engine.view(error_id).count == count, "a kept fault was lost or counted twice"

    def _asked_before(self, error_id: str) -> ApprovalRecord | None:
        """As the record has it; what it had a yes to may be begun."""
        of_error = [record for record in self.approvals.values() if record.decision.error_id == error_id]
        record = of_error[-1] if of_error else None
        if record is None or record.state not in (ApprovalState.WAITS, ApprovalState.APPROVED):
            return None
        if record.state is ApprovalState.APPROVED:
            self._yes_before.add(error_id)
        return record

    def commit(self) -> None:
        saving, self._saving = self._saving, []
        self.committed |= {view.error_id: view for view in saving}
        if saving:
            self.feed(fx.ErrorsRecorded(saving))

    def feed(self, event: fx.Event) -> None:
        self.engine.feed(event, self.now)
        self._carry_out()

    def resolve(self, error_id: str) -> None:
        self._purged.add(self.engine.view(error_id).target)
        self.engine.resolve(error_id, "", self.now)
        self._carry_out()

    def flush(self, error_id: str | None = None) -> tuple[int, int]:
        self._purged |= {
            view.target
            for view in self.engine.newest(10_000, lambda _error: True)[0]
            if error_id in (None, view.error_id)
        }
        counts = self.engine.flush(error_id, self.now)
        self._carry_out()
        return counts

    def reset_ladder(self, error_id: str) -> None:
        self.engine.reset_ladder(error_id, self.now)
        self._carry_out()

    def pause(self, target: str = ALL, for_s: float = 0.0) -> None:
        """0: until it is resumed."""
        self.engine.pause(Pause(target, self.now, self.now + for_s if for_s else 0.0, "maintenance", "ann"))
        self._carry_out()

    def resume(self, target: str = ALL) -> Pause | None:
        pause = self.engine.resume(target, self.now)
        self._carry_out()
        return pause

    def approve(self, error_id: str, by: str = "ann", **more: str) -> Answered:
        answered = self.engine.approve(error_id, by, self.now, **more)
        proposed = [decision.attempt_id for decision in self.decisions if decision.error_id == error_id]
        self._approved.add(proposed[-1])
        self._carry_out()
        return answered

    def deny(self, error_id: str, by: str = "ann", **more: str) -> Answered:
        answered = self.engine.deny(error_id, by, self.now, **more)
        self._carry_out()
        return answered

    def reset_breaker(self, target: str = ALL) -> bool:
        was_tripped = self.engine.reset_breaker(target, self.now)
        self._carry_out()
        return was_tripped

    def redefine(self, definitions: Definitions) -> Redefined:
        """What was lost on a target is known to the ring by the error alone: where that leads elsewhere, a restart forgets it."""
        self.definitions = definitions
        done = self.engine.redefine(definitions, self.now)
        self._carry_out()
        return done

    def foresee(self, target: str, for_s: float) -> None:
        self.feed(fx.FailurePredicted(target, 0.9, "smart", self.now + for_s))

    def lose_worker(self) -> None:
        """Every running attempt is lost; its effect stays unknown."""
        for attempt_id, order in list(self.running.items()):
            self._end(order, Outcome(attempt_id, OutcomeKind.LOST))

    def view(self, error_id: str) -> ErrorView:
        return self.engine.view(error_id)

    def state(self, error_id: str) -> State:
        return self.engine.view(error_id).state

    def states(self) -> list[tuple[str, str, str]]:
        return [
            (view.component, view.state.value, view.reason)
            for view in self.engine.newest(10_000, lambda _error: True)[0]
        ]

    def causes(self) -> list[str]:
        return [escalation.cause for escalation in self.escalations]

    def on(self) -> list[str]:
        """The targets of the attempts so far."""
        return [order.target.id for order in self.started]

    def levels(self) -> list[int]:
        return [order.level for order in self.started]

    # --- carrying out

    def _carry_out(self) -> None:
        for effect in self.engine.drain():
            self.log.append(effect)
            self._do(effect)
            self._burn()
        self.check()

    def _do(self, effect: fx.Effect) -> None:
        self._keep(effect)
        if isinstance(effect, fx.StartAttempt):
            self._start(effect.order)
        elif isinstance(effect, fx.StartProbes):
            self.rounds.append(effect.order)
            self._open_rounds.add(effect.order.round_id)
            self._at(self.now + PROBE_S, lambda: self._answer(effect.order))
        elif isinstance(effect, fx.MarkSlot):
            self.ring[effect.slot].progress = effect.progress
        elif isinstance(effect, fx.ReleaseSlot):
            self._release(effect.slot)
        elif isinstance(effect, fx.SaveFault):
            self._known[effect.error_id] = self.ring[effect.slot].fingerprint, effect.fault
        elif isinstance(effect, fx.SaveError):
            if not self._saving and self.commit_s is not None:
                self._at(self.now + self.commit_s, self.commit)
            self._saving.append(effect.view)

    def _keep(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.SaveAttempt):
            self.records[effect.record.attempt_id] = effect.record
        elif isinstance(effect, fx.SaveDecision):
            self.decisions.append(effect.decision)
        elif isinstance(effect, fx.SaveApproval):
            self._keep_approval(effect.record)
        elif isinstance(effect, fx.SaveTicket):
            self.tickets.append(effect.record)
        elif isinstance(effect, fx.Escalate):
            self.escalations.append(effect.escalation)

    def _keep_approval(self, record: ApprovalRecord) -> None:
        self.approvals.pop(record.decision.decision_id, None)
        self.approvals[record.decision.decision_id] = record
        if record.state is ApprovalState.EXPIRED and record.answered_by:  # its rule says to go on then
            self._approved.add(record.decision.attempt_id)

    def _start(self, order: AttemptOrder) -> None:
        view, slot = self.engine.view(order.error_id), self.engine.slot(order.error_id)
        assert slot is not None
        assert self.ring[slot].progress.state is SlotState.RUNNING, "the ring must know before anybody runs"
        assert view.mode != Mode.OBSERVE.value, "nothing acts where it may only observe"
        approved = view.mode == Mode.AUTO.value or order.attempt_id in self._approved
        approved = approved or order.error_id in self._yes_before
        self._yes_before.discard(order.error_id)
        assert approved, "nothing acts that a person has not approved"
        assert order.attempt_id not in {before.attempt_id for before in self.started}, "an attempt id is used once"
        busy = {target for other in self.running.values() for target in _taken(other)}
        assert not busy & _taken(order), "one attempt per target"
        assert order.target.id not in self._lost, "what was lost is looked at first"
        pause = self.engine._dispatch.brakes.pause
        assert not any(map(pause.concerns, _touched(order))), "nothing is begun on what is paused"
        self.started.append(order)
        if not order.strategy.is_by_hand:
            self.started_at.append(self.now)
        within = self.started_at[-self.policy.throttle_per_s - 1 :]
        assert len(within) <= self.policy.throttle_per_s or within[0] + 1.0 <= self.now, "never more in a second"
        self.running[order.attempt_id] = order
        in_places = [other for other in self.running.values() if not other.strategy.is_by_hand]
        assert len(in_places) <= self.policy.capacity
        plan = self.plan(order)
        outcome = Outcome(order.attempt_id, plan.kind, "", self.now, plan.takes_s, plan.withheld_s)
        self._at(self.now + plan.takes_s, lambda: self._finish(order, outcome, plan.cures))

    def _finish(self, order: AttemptOrder, outcome: Outcome, cures: bool) -> None:
        if order.attempt_id in self.running:
            if cures:
                self.failing |= {target: frozenset() for target in _touched(order)}
            self._end(order, outcome)

    def _end(self, order: AttemptOrder, outcome: Outcome) -> None:
        del self.running[order.attempt_id]
        if outcome.kind is OutcomeKind.LOST:
            self._lost.add(order.target.id)
        elif outcome.kind is not OutcomeKind.REFUSED and self.along_s is not None and order.look is not None:
            outcome = self._looks_along(outcome, order.look, self.along_s)
        self.feed(fx.AttemptEnded(outcome))

    def _looks_along(self, outcome: Outcome, look: ProbeOrder, takes_s: float) -> Outcome:
        self.rounds.append(look)
        if not takes_s:
            self._lost.discard(look.target.id)
            return replace(outcome, looked_at=self.now, readings=self.readings(look))
        self._open_rounds.add(look.round_id)
        self._at(self.now + takes_s, lambda: self._answer(look))
        return replace(outcome, looked_at=self.now)

    def _answer(self, order: ProbeOrder) -> None:
        self._open_rounds.discard(order.round_id)
        self._lost.discard(order.target.id)
        self._purged.discard(order.target.id)
        self.feed(fx.ProbesEnded(order.round_id, self.readings(order)))

    def readings(self, order: ProbeOrder) -> tuple[Reading, ...]:
        failing = self.failing.get(order.target.id, frozenset())
        return tuple(Reading(probe.id, _value(probe.id, failing), at=self.now) for probe in order.probes)

    def _release(self, slot: SlotRef) -> None:
        kept = self.ring.pop(slot)
        error_id = kept.fingerprint.error_id
        view = self.committed[error_id]
        others = [(ref, other) for ref, other in self.ring.items() if other.fingerprint.error_id == error_id]
        unrecorded = sum(o.count - (view.slot_count if ref.sequence == view.slot_sequence else 0) for ref, o in others)
        assert view.count + unrecorded == self.kept[error_id], "a slot goes only when the record accounts for it"

    # --- what must hold

    def check(self) -> None:
        board, waiting_room = self.engine._board, self.engine._dispatch.waiting
        self._count_all()
        ready = {place.error.error_id for lane in waiting_room.lanes for place in lane.places()}
        waiting = {p.error.error_id: key for key, gate in waiting_room.gates.items() for p in gate.places()}
        for error in board.errors.values():
            assert (error.state in WITH_TICKET) == (error.ticket is not None), error.state
            assert error.slot is None or error.fingerprint.digest not in board._ended, "a slot is not dropped"
            if error.ticket is None:
                continue
            if error.state is State.ATTEMPTING:
                assert any(order.error_id == error.error_id for order in self.running.values())
            elif error.state is State.PARKED:
                assert error.timer, "a parked ticket has its time"
            elif error.state is State.QUEUED:
                waits = error.error_id in waiting and self._opens(waiting[error.error_id])
                assert waits or error.error_id in ready, "a queued ticket comes up"
            else:
                assert error.timer or error.ticket.round_id in self._open_rounds, "a look goes on"

    def _count_all(self) -> None:
        """What is kept as an account is what a walk through all errors finds."""
        with_ticket = [error for error in self.engine._board.errors.values() if error.ticket]
        asked = {error.error_id for error in with_ticket if error.ticket and approval.waits(error.ticket)}
        assert set(self.engine._dispatch.asking._waiting) == asked
        engine, errors = self.engine, list(self.engine._board.errors.values())
        assert engine.errors_by_state() == Counter(error.state.value for error in errors)
        down = [error for error in errors if error.target and (error.ticket or error.state is State.FAILED)]
        found = Counter((error.target, error.fault.component, error.opened_at) for error in down)
        assert Counter((one.target, one.component, one.opened_at) for one in engine.still_down()) == found
        open_ones = [error for error in errors if error.ticket]
        assert Counter(error.error_id for error in engine.with_ticket()) == Counter(one.error_id for one in open_ones)
        assert engine.tickets_by_target() == Counter(error.target for error in open_ones)
        for error in open_ones:
            assert engine.known(error.error_id) is error
            hold = engine._dispatch.waiting.hold_of(error)
            assert engine.held(error.error_id) == ((hold.by, hold.reason) if hold else ("", ""))
        views = [view for view in engine.brakes(self.now) if (view.brake, view.state) != ("target breaker", "closed")]
        assert engine.brake_states(self.now) == [(view.brake, view.subject, view.state) for view in views]

    def _opens(self, key: str) -> bool:
        """Whether the gate will: by itself, or because somebody has what is waited for."""
        dispatch, (kind, _, name) = self.engine._dispatch, key.partition(":")
        called = {place.called_by for lane in dispatch.waiting.lanes for place in lane.heap}
        if key in called or dispatch.waiting.gates[key].timer in self.engine._board.timers._calls:
            return True
        if kind == "target":
            return dispatch.possession.owner(name) is not None or dispatch.brakes.pause.on(name) is not None
        if kind == "root":
            return not all(map(_goes_on_beside, self.engine._board.with_ticket_on(name).values()))
        return name in dispatch.brakes.bulkheads._inside

    def _leads_to(self, error_id: str) -> str:
        """The target of an error, by the definitions of now."""
        _, newest = self._known[error_id]
        found = self.engine.classify(newest).rule
        return (found.target if found else None) or newest.target

    def _at(self, at: float, what: Callable[[], None]) -> None:
        heappush(self._agenda, (at, self._number(), what))

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _burn(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse <= 0:
                self.fuse = None
                raise PowerCut


def _touched(order: AttemptOrder) -> set[str]:
    return {order.target.id, *(member.id for member in order.group)}


def _taken(order: AttemptOrder) -> set[str]:
    """Those that nobody else may have meanwhile."""
    return set() if order.strategy.is_by_hand and not order.strategy.params.get("exclusive") else _touched(order)


def _value(probe: str, failing: frozenset[str] | None) -> ReadingValue:
    if failing is None:
        return ReadingValue.UNKNOWN
    return ReadingValue.NOT_OK if probe in failing else ReadingValue.OK
