"""The simulated host on a virtual clock: it carries out what the engine asks for, and keeps account of each incident.

A target is down from the moment at which an incident breaks it until the strategy that helps has ended and the target has started, or a
person has mended it: that is its **downtime**, whatever the engine believes. A recovery that does not hold breaks again within the
stability window, and the incident goes on. When the ladder is exhausted a person comes; the time that this takes is downtime, too.

Probes take some milliseconds and say what is so. A strategy that does not help says so in half of the cases; in the others it looks done,
and the probes are asked for `within_s` until it counts as failed. An attempt that takes longer than the engine allows is cut off, and
does not help.

Incidents on one target never overlap: what would begin before the last one has held for its whole stability window comes later. So the
brakes, which are all on with their defaults, have next to nothing to hold; how long they did is accounted for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush

from bench.policy.world import STABILITY_WINDOW_S, TYPES, Fate, Incident, Truth
from error_daemon.core import effects as fx
from error_daemon.core.engine import Engine
from error_daemon.model import (
    AttemptOrder,
    Fault,
    Outcome,
    OutcomeKind,
    Priority,
    Reading,
    ReadingValue,
    SlotRef,
    Usage,
)

_CALM_S = STABILITY_WINDOW_S + 60.0
_LATER_S = 600.0
_HAND_OUT_S = 0.001
_PROBE_S = 0.01
_LONGEST_LOOK_S = 0.3  # between two looks at a target; what is longer, a brake has held
_BEFORE = Usage(20.0, 40.0)


@dataclass(slots=True)
class Account:
    """What an incident came to."""

    incident: Incident
    downtime_s: float = 0.0
    person_s: float = 0.0  # of the downtime: from the end of the ladder until a person had mended it
    held_s: float = 0.0  # of the downtime: by brakes
    attempts: int = 0
    impact: float = 0.0
    persons: int = 0  # how often the ladder was exhausted
    told: int = 0  # escalations, for whatever cause
    bouts: int = 0
    expected_s: float = 0.0  # expected.py: of the downtime, when it began; 0: nobody asked
    oracle_s: float = 0.0  # and what an oracle would have expected


@dataclass(slots=True)
class _Target:
    account: Account | None = None
    is_down: bool = False
    down_at: float = 0.0
    calm_at: float = 0.0
    idle_since: float = 0.0  # nothing runs and nobody looks, since; 0: somebody does
    wells: int = 0  # counts what makes it well, so that what is late does not


class Host:
    """An oracle looks through `incident_on` at what it chooses for; nobody else does."""

    def __init__(self, truth: Truth, incidents: list[Incident]) -> None:
        self.accounts: list[Account] = []
        self._truth = truth
        self._targets = {target_name(number): _Target() for number in range(truth.scenario.components)}
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0
        self.now = 0.0
        self.foresee: Callable[[Incident, float], tuple[float, float]] | None = None
        for incident in incidents:
            self._at(1e6 + incident.at, partial(self._begin, incident))

    def incident_on(self, target: str) -> Incident:
        account = self._targets[target].account
        assert account is not None, "who asks chooses for an incident"
        return account.incident

    def run(self, engine: Engine) -> list[Account]:
        """All incidents, to their end. In the order in which they began."""
        self._engine = engine
        while self._agenda:
            wake, at = engine.next_wake(), self._agenda[0][0]
            if wake is not None and wake < at:
                self.now = max(self.now, wake)
                self._feed(fx.TimePassed())
            else:
                self.now = max(self.now, at)
                heappop(self._agenda)[2]()
        return self.accounts

    # --- incidents

    def _begin(self, incident: Incident) -> None:
        target = self._targets[target_name(incident.component)]
        if target.is_down or self.now < target.calm_at:
            self._at(self.now + _LATER_S, partial(self._begin, incident))
            return
        target.account = Account(incident)
        self.accounts.append(target.account)
        if self.foresee:
            target.account.expected_s, target.account.oracle_s = self.foresee(incident, self.now)
        self._break(target)

    def _break(self, target: _Target) -> None:
        account = target.account
        assert account is not None
        target.is_down, target.down_at, target.idle_since = True, self.now, 0.0
        account.bouts += 1
        incident = account.incident
        name = target_name(incident.component)
        fault = Fault(
            TYPES[incident.kind],
            "it does not answer",
            component=name,
            target=name,
            explicit_fingerprint=f"{name} {incident.kind}",
            affected_tasks=incident.tasks,
        )
        fingerprint = self._engine.fingerprint(fault)
        needed = self._engine.must_be_classified(fingerprint, self.now)
        slot = self._engine.slot_of(fingerprint)
        if slot is None:
            self._number += 1
            slot = SlotRef(Priority.NORMAL, self._number % 4096, self._number)
        self._feed(fx.FaultArrived(fault, fingerprint, slot, self._engine.classify(fault) if needed else None))

    def _get_well(self, target: _Target, well: int, relapses_after_s: float | None) -> None:
        if target.wells != well or not target.is_down:
            return
        assert target.account is not None
        target.is_down = False
        target.account.downtime_s += self.now - target.down_at
        target.calm_at = self.now + _CALM_S
        if relapses_after_s is not None:
            target.calm_at += relapses_after_s
            self._at(self.now + relapses_after_s, partial(self._break, target))

    # --- what the engine asks for

    def _feed(self, event: fx.Event) -> None:
        self._engine.feed(event, self.now)
        self._carry_out()

    def _carry_out(self) -> None:
        while todo := self._engine.drain():
            for effect in todo:
                if isinstance(effect, fx.StartAttempt):
                    self._attempt(effect.order)
                elif isinstance(effect, fx.StartProbes):
                    self._busy(self._targets[effect.order.target.id])
                    self._at(self.now + _PROBE_S, partial(self._look, effect.order.round_id, effect.order.target.id))
                elif isinstance(effect, fx.SaveError):
                    self._engine.feed(fx.ErrorsRecorded([effect.view]), self.now)
                else:
                    self._account_for(effect)

    def _account_for(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.SaveAttempt):
            if effect.record.stability_score < 0.0:  # else it is the same once more, when its window has closed
                account = self._account_on(effect.record.target)
                account.attempts += 1
                account.impact += effect.record.impact_score
        elif isinstance(effect, fx.SaveTicket) and effect.record.ended_as == "failed":
            self._call_person(effect.record.target, effect.record.error_id)
        elif isinstance(effect, fx.Escalate):
            view = self._engine.view(effect.escalation.error_id)
            self._account_on(view.target).told += 1

    def _attempt(self, order: AttemptOrder) -> None:
        target, account = self._targets[order.target.id], self._account_on(order.target.id)
        self._busy(target)
        incident, nature = account.incident, self._truth.natures[order.strategy.id]
        fate = self._truth.fate(incident, account.bouts, nature)
        is_cut_off = fate.takes_s > order.timeout_s
        helps = fate.helps and not is_cut_off
        kind = OutcomeKind.COMPLETED if helps or not fate.says_so else OutcomeKind.FAILED
        took_s = min(fate.takes_s, order.timeout_s)
        outcome = Outcome(
            order.attempt_id,
            OutcomeKind.TIMED_OUT if is_cut_off else kind,
            started_at=self.now + _HAND_OUT_S,
            execution_time_s=took_s,
            before=_BEFORE,
            after=Usage(_BEFORE.cpu_percent + nature.cpu, _BEFORE.memory_percent + nature.memory),
            affected_tasks=incident.tasks,
            recovered_tasks=round(incident.tasks * nature.tasks) if helps else 0,
        )
        self._at(self.now + _HAND_OUT_S + took_s, partial(self._end, target, outcome, fate if helps else None))

    def _end(self, target: _Target, outcome: Outcome, helped: Fate | None) -> None:
        if helped:
            target.wells += 1
            relapse = None if helped.holds else helped.relapses_after_s
            self._at(self.now + helped.starts_in_s, partial(self._get_well, target, target.wells, relapse))
        self._feed(fx.AttemptEnded(outcome))

    def _look(self, round_id: str, name: str) -> None:
        target = self._targets[name]
        value = ReadingValue.NOT_OK if target.is_down else ReadingValue.OK
        target.idle_since = self.now
        self._feed(fx.ProbesEnded(round_id, (Reading("answers", value, at=self.now, duration_s=_PROBE_S),)))

    def _busy(self, target: _Target) -> None:
        idle_s = self.now - target.idle_since if target.idle_since else 0.0
        if target.account is not None and target.is_down and idle_s > _LONGEST_LOOK_S:
            target.account.held_s += idle_s
        target.idle_since = 0.0

    # --- a person

    def _call_person(self, name: str, error_id: str) -> None:
        account = self._account_on(name)
        account.persons += 1
        takes_s = self._truth.person_s(account.incident)
        self._at(self.now + takes_s, partial(self._mend, name, error_id, self.now))

    def _mend(self, name: str, error_id: str, called_at: float) -> None:
        target = self._targets[name]
        if target.is_down:
            self._account_on(name).person_s += self.now - max(called_at, target.down_at)
            target.wells += 1
            self._get_well(target, target.wells, None)
        self._engine.resolve(error_id, "", self.now)
        self._carry_out()

    def _account_on(self, name: str) -> Account:
        account = self._targets[name].account
        assert account is not None, "nothing is done for a target before its first incident"
        return account

    def _at(self, at: float, call: Callable[[], None]) -> None:
        self._number += 1
        heappush(self._agenda, (at, self._number, call))


def target_name(number: int) -> str:
    return f"service-{number:03d}"
