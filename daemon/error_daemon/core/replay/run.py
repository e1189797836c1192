"""One way that a history may have gone through definitions, on a virtual clock.

A fresh engine is fed the recorded faults at their times, and what it wants done is done virtually (fates.py). What people did
is done again at its time (people.py).

A fault that came while its ticket was open is left out when the replay has recovered that ticket by then: it would not have
come.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from math import inf

from error_daemon.core import effects as fx
from error_daemon.core.brakes import approval
from error_daemon.core.classify import Classification
from error_daemon.core.decide import case_of
from error_daemon.core.policy import Policy
from error_daemon.core.replay.agenda import HELD, LOOKS, REST, Agenda
from error_daemon.core.replay.estimates import Estimates
from error_daemon.core.replay.fates import Fates, Live, StepNow, readings_of
from error_daemon.core.replay.history import Past
from error_daemon.core.replay.people import People
from error_daemon.core.replay.recalling import RecallingEngine
from error_daemon.core.replay.result import Course, Step
from error_daemon.core.ticket import Error, Ticket
from error_daemon.model import (
    AttemptOrder,
    AttemptRecord,
    Decision,
    Definitions,
    ErrorView,
    Fingerprint,
    Mode,
    Outcome,
    ProbeOrder,
    SlotRef,
    TicketRecord,
    Verdict,
)

_TO_ITS_END_S = 3600.0  # how long tickets that are open at the end of the history are followed
_COMMITS_AFTER_S = 0.1  # the record, as in the daemon: an error has its slot until then


@dataclass(frozen=True, slots=True)
class Setting:
    """What all draws have in common."""

    past: Past
    definitions: Definitions
    policy: Policy
    estimates: Estimates
    classified: dict[int, Classification] = field(
        default_factory=dict
    )  # by the place of the fault, as far as it was needed


class Run:
    """`go` gives what came of it: `lives`, in the order in which they began."""

    def __init__(self, setting: Setting, draw: int, only: Container[str] | None = None) -> None:
        """`only`: the errors to replay; None: all."""
        past, definitions, policy, estimates = setting.past, setting.definitions, setting.policy, setting.estimates
        self._classified = setting.classified
        self.lives: dict[str, Live] = {}
        self.not_opened: dict[str, str] = {}  # by case: why there was no ticket when it was opened then
        self.not_come = 0
        self._agenda = Agenda()
        self._past = past
        self._places = [place for place, (_, one) in enumerate(past.faults) if only is None or one.error_id in only]
        self._targets = definitions.targets
        self._fates = Fates(past, estimates, draw)
        self.engine = RecallingEngine(definitions, policy)
        self.engine.restore_learned(estimates.learned, estimates.timeouts)
        self.engine.recall_with(self._recorded_decision)
        self._by_ticket: dict[str, Live] = {}
        self._by_case: dict[str, Live] = {}
        self._steps: dict[str, tuple[Live, StepNow]] = {}  # by attempt, until its verdict
        self._uncommitted: list[ErrorView] = []
        self._people = People(self.engine, past, self._agenda, self._by_case, self._carry_out)
        self._carry: dict[type, Callable[..., None]] = {
            fx.StartAttempt: lambda effect: self._start(effect.order),
            fx.StartProbes: lambda effect: self._look(effect.order),
            fx.SaveError: lambda effect: self._save(effect.view),
            fx.SaveDecision: lambda effect: self._decided(effect.decision),
            fx.SaveAttempt: lambda effect: self._concluded(effect.record),
            fx.SaveTicket: lambda effect: self._ended(effect.record),
        }

    def go(self) -> Run:
        agenda = self._agenda
        self._people.plan(self._targets)
        faults, places, done = self._past.faults, self._places, 0
        while True:
            fault_at = faults[places[done]][0].received_at if done < len(places) else inf
            due_at = agenda.next_at()
            wake_at = self.engine.next_wake()
            at = min(fault_at, due_at, inf if wake_at is None else wake_at)
            if at > self._past.until and (at > self._past.until + _TO_ITS_END_S or not self.engine.tickets_open()):
                break
            agenda.now = max(agenda.now, at)
            if fault_at <= self.now:
                self._arrive(places[done])
                done += 1
            elif due_at <= self.now:
                agenda.happen()
            else:
                self._feed(fx.TimePassed())
        return self

    def courses(self) -> dict[str, Course]:
        """What came of it, by the keys of `lives`."""
        return {key: _course(live, self.now) for key, live in self.lives.items()}

    @property
    def now(self) -> float:
        return self._agenda.now

    def _feed(self, event: fx.Event) -> None:
        self.engine.feed(event, self.now)
        self._carry_out()

    def _carry_out(self) -> None:
        for effect in self.engine.drain():
            carry = self._carry.get(type(effect))
            if carry:
                carry(effect)

    def _save(self, view: ErrorView) -> None:
        if not self._uncommitted:
            self._agenda.at(self.now + _COMMITS_AFTER_S, REST, self._commit)
        self._uncommitted.append(view)

    def _commit(self) -> None:
        views, self._uncommitted = self._uncommitted, []
        self.engine.feed(fx.ErrorsRecorded(views), self.now)
        self._carry_out()

    # --- faults

    def _arrive(self, place: int) -> None:
        fault, fingerprint = self._past.faults[place]
        error_id = fingerprint.error_id
        case = self._past.folded_into(error_id, fault.received_at)
        live = self._by_case.get(case.key) if case else None
        if live and live.record and live.record.ended_as == "recovered" and live.record.ended_at < self.now:
            self.not_come += 1
            return
        engine = self.engine
        slot, may_open = engine.slot_of(fingerprint), engine.must_be_classified(fingerprint, self.now)
        classification = self._classify(place) if may_open or slot is None else None
        if slot is None:
            assert classification is not None, "what has no slot is classified"
            slot = SlotRef(classification.priority, 0, self._agenda.number())
        self._feed(fx.FaultArrived(fault, fingerprint, slot, classification))
        self._note(fingerprint, fault.received_at)

    def _classify(self, place: int) -> Classification:
        """The same in every draw."""
        known = self._classified.get(place)
        if known is None:
            known = self._classified[place] = self.engine.classify(self._past.faults[place][0])
        return known

    def _note(self, fingerprint: Fingerprint, at: float) -> None:
        """Its target fails; and if it opened no ticket where it did then: why not."""
        error = self.engine.error_of(fingerprint)
        assert error is not None, "it has just been reported"
        self._fates.well.discard(error.target)
        if error.ticket:
            self._live_of(error, error.ticket)
        case = self._past.at(error.error_id, at)
        if case and case.opened_at == at and case.key not in self._by_case:
            self.not_opened[case.key] = f"{error.state.value}: {error.reason}"

    # --- what the engine wants done

    def _start(self, order: AttemptOrder) -> None:
        error, ticket = self._open(order.error_id)
        live = self._live_of(error, ticket)
        fate = live.fate = self._fates.of_attempt(live, ticket, order, case_of(error, ticket), self.now)
        assert ticket.decision is not None, "an attempt follows a decision"
        step = live.steps.setdefault(ticket.decision.decision_id, StepNow(ticket.decision))
        step.certainty, step.rate = fate.certainty, fate.rate
        self._steps[order.attempt_id] = live, step
        self._agenda.at(fate.ends_at, REST, lambda: self._hear_of(fate.outcome))

    def _hear_of(self, outcome: Outcome) -> None:
        self._feed(fx.AttemptEnded(outcome))

    def _look(self, order: ProbeOrder) -> None:
        error, ticket = self._open(order.round_id.partition("-")[0])
        live = self._live_of(error, ticket)
        at, verdict, values = self._fates.of_round(live, ticket, self.now)
        probes = tuple(probe.id for probe in order.probes)
        is_held = live.fate is None and at > self.now + self._past.probes_take_s(order.target.id)
        self._agenda.at(at, HELD if is_held else LOOKS, lambda: self._see(order.round_id, probes, verdict, values))

    def _see(self, round_id: str, probes: tuple[str, ...], verdict: Verdict, values: Mapping[str, object]) -> None:
        self._feed(fx.ProbesEnded(round_id, readings_of(probes, verdict, values, self.now)))  # type: ignore[arg-type]

    def _open(self, error_id: str) -> tuple[Error, Ticket]:
        found = self.engine.ticket_of(error_id)
        assert found is not None, "only what has a ticket is attempted or looked at"
        return found

    # --- what is recorded of it

    def _decided(self, decision: Decision) -> None:
        if not decision.attempt_id:
            live = self._begin(decision.decision_id, decision.error_id, decision.at)
            live.steps[decision.decision_id] = StepNow(decision)
            live.levels, live.rule, live.target, live.mode = (
                decision.levels,
                decision.rule,
                decision.target,
                decision.mode,
            )
            return
        live = self._live_of(*self._open(decision.error_id))
        step = live.steps.setdefault(decision.decision_id, StepNow(decision))
        step.decision = decision
        if not live.levels:
            live.levels = decision.levels
        if decision.mode == Mode.APPROVE.value and not approval.given(decision):
            self._people.answer(live, step)

    def _concluded(self, record: AttemptRecord) -> None:
        """A verdict; or later the stability, of which nothing is shown."""
        live, step = self._steps.pop(record.attempt_id, (None, None))
        if live is None or step is None:
            return
        live.fate, step.verdict = None, record.verdict
        if record.verdict is Verdict.RECOVERED:
            self._fates.well.add(record.target)

    def _ended(self, record: TicketRecord) -> None:
        live = self._begin(record.ticket_id, record.error_id, record.opened_at)
        live.record = record
        live.rule, live.target, live.mode = record.rule, record.target, record.mode

    def _live_of(self, error: Error, ticket: Ticket) -> Live:
        live = self._begin(ticket.ticket_id, error.error_id, ticket.opened_at)
        live.rule, live.target, live.mode = ticket.rule.id, ticket.target.id, ticket.rule.mode.value
        return live

    def _begin(self, ticket_id: str, error_id: str, opened_at: float) -> Live:
        """The ticket of this id, or the observed decision; new when it is first heard of."""
        live = self._by_ticket.get(ticket_id)
        if live is None:
            case = self._past.at(error_id, opened_at)
            if case and case.key in self._by_case:
                case = None  # it has become two tickets; the first is compared with it
            key = case.key if case else f"{error_id}@{opened_at:.3f}"
            attempts = list(case.attempts) if case else []
            live = Live(key, error_id, opened_at, case, case is not None and case.ticket is not None, attempts)
            self._by_ticket[ticket_id] = self.lives[key] = live
            if case:
                self._by_case[case.key] = live
        return live

    def _recorded_decision(self, error: Error, ticket: Ticket) -> Decision | None:
        """The one at this level, the first time, the second time, ..."""
        is_observed = error.ticket is not ticket  # it has no other ticket
        case = self._past.at(error.error_id, ticket.opened_at) if is_observed else self._live_of(error, ticket).case
        at_level = [one for one in case.decisions if one.level == ticket.level] if case else []
        return at_level[min(ticket.attempts_at_level, len(at_level) - 1)] if at_level else None


def _course(live: Live, now: float) -> Course:
    steps = tuple(Step(one.decision, one.verdict, one.certainty, one.rate) for one in live.steps.values())
    record, ended_at, ended_as, reason = live.record, now, "open", "its time was up"
    if record:
        ended_at, ended_as, reason = record.ended_at, record.ended_as, record.reason
    elif steps and not steps[0].decision.attempt_id:
        ended_at, ended_as, reason = live.opened_at, "observed", steps[0].decision.reason
    named = (live.rule, live.target, live.mode)
    return Course(live.error_id, live.opened_at, ended_at, ended_as, reason, *named, live.levels, steps)
