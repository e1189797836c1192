"""The simulated workers: they run attempts and probes, die, hang, and take their time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from error_daemon.core import effects as fx
from error_daemon.model import AttemptOrder, Outcome, OutcomeKind, ProbeOrder, Reading, ReadingValue, Usage
from tests.simulation.agenda import Agenda
from tests.simulation.dice import Dice
from tests.simulation.house import House
from tests.simulation.targets import Targets

_REFUSED_S = 0.001
_LOSS_IS_SEEN_S = 0.2
_CURED_BEFORE_IT_WAS_CUT_RATE = 0.3
_ALONG_RATE = 0.7  # attempts of which the worker looks by itself; the rest are like those of an application
_AT_ONCE_RATE = 0.6

Answer = Callable[[fx.Event], None]


@dataclass(slots=True)
class Running:
    order: AttemptOrder
    worker: int
    began_at: float
    number: int  # of the attempts of its target
    is_lost: bool = False


class Workers:
    """`answer(event)` takes what they answer; `now()` is the daemon's clock. A new daemon has new workers."""

    def __init__(
        self, house: House, dice: Dice, agenda: Agenda, targets: Targets, answer: Answer, now: Callable[[], float]
    ) -> None:
        self._house, self._dice, self._agenda, self._targets = house, dice, agenda, targets
        self._answer, self._now = answer, now
        self.running: dict[str, Running] = {}
        self.rounds: dict[str, ProbeOrder] = {}

    # --- attempts

    def start(self, order: AttemptOrder) -> None:
        target = self._targets.by_id[order.target.id]
        target.attempts += 1
        number = target.attempts
        worker = int(self._dice.uniform("worker", order.target.id, number) * self._house.workers)
        run = Running(order, worker, self._now(), number)
        self.running[order.attempt_id] = run
        kind, takes_s = self._luck(order, number)
        self._agenda.after(takes_s, self._end, run, kind, takes_s)

    def _luck(self, order: AttemptOrder, number: int) -> tuple[OutcomeKind, float]:
        house, dice, name = self._house, self._dice, (order.target.id, number)
        if dice.happens(house.refused_rate, "refused", *name):
            return OutcomeKind.REFUSED, _REFUSED_S
        takes_s = self._targets.takes_s(order.target.id, order.strategy.id) * dice.between(0.6, 1.5, "takes", *name)
        if takes_s > order.timeout_s or dice.happens(house.hangs_rate, "hangs", *name):
            return OutcomeKind.TIMED_OUT, order.timeout_s
        failed = dice.happens(house.fails_rate, "fails", *name)
        return OutcomeKind.FAILED if failed else OutcomeKind.COMPLETED, takes_s

    def _end(self, run: Running, kind: OutcomeKind, took_s: float) -> None:
        order = run.order
        if self.running.get(order.attempt_id) is not run or run.is_lost:
            return
        if kind is OutcomeKind.COMPLETED:
            self._work(run)
        elif kind is not OutcomeKind.REFUSED:
            self._worsen(run)
        self._say(run, kind, took_s)

    def _work(self, run: Running) -> None:
        """It did what it does; that may have helped."""
        order, helped = run.order, False
        for target in order.group or (order.target,):  # each after those that it needs
            rate = self._targets.rate(target.id, order.strategy.id)
            if self._dice.happens(rate, "cures", target.id, order.target.id, run.number):
                self._targets.heal(target.id)
                helped = True
        if not helped:
            self._worsen(run)

    def _worsen(self, run: Running) -> None:
        if self._dice.happens(self._house.worsens_rate, "worse", run.order.target.id, run.number):
            self._targets.by_id[run.order.target.id].is_worse = True

    def _say(self, run: Running, kind: OutcomeKind, took_s: float) -> None:
        del self.running[run.order.attempt_id]
        began_at = run.began_at if kind in (OutcomeKind.COMPLETED, OutcomeKind.FAILED, OutcomeKind.TIMED_OUT) else 0.0
        load = 10.0 * self._dice.uniform("load", run.order.target.id, run.number)
        outcome = Outcome(run.order.attempt_id, kind, "", began_at, took_s, after=Usage(load, load))
        look = run.order.look
        if look is not None and began_at and self._dice.happens(_ALONG_RATE, "along", look.target.id, run.number):
            outcome = self._look_along(outcome, look, run.number)
        self._answer(fx.AttemptEnded(outcome))

    def _look_along(self, outcome: Outcome, look: ProbeOrder, number: int) -> Outcome:
        """The worker looks when the attempt has ended; what it sees at once goes with that."""
        outcome = replace(outcome, looked_at=self._now())
        if self._dice.happens(_AT_ONCE_RATE, "at once", look.target.id, number):
            target = self._targets.by_id[look.target.id]
            target.rounds += 1
            return replace(outcome, readings=self._targets.readings(look, target.rounds, self._now()))
        self.look(look)
        return outcome

    # --- ends before the time

    def kill(self, worker: int) -> None:
        """One dies, with what it runs; that is seen a moment later."""
        for run in list(self.running.values()):
            if run.worker == worker and not run.is_lost:
                run.is_lost = True
                self._cut(run)
                self._agenda.after(_LOSS_IS_SEEN_S, self._lose, run)

    def _lose(self, run: Running) -> None:
        if self.running.get(run.order.attempt_id) is run:
            self._say(run, OutcomeKind.LOST, 0.0)

    def _cut(self, run: Running) -> None:
        """Nobody knows what it did before."""
        if self._dice.happens(_CURED_BEFORE_IT_WAS_CUT_RATE, "cut", run.order.target.id, run.number):
            self._work(run)

    def end(self) -> None:
        """The daemon is gone, and so they go."""
        for run in self.running.values():
            if not run.is_lost:
                self._cut(run)
        self.running, self.rounds = {}, {}

    # --- probes

    def look(self, order: ProbeOrder) -> None:
        target = self._targets.by_id[order.target.id]
        target.rounds += 1
        self.rounds[order.round_id] = order
        takes_s = target.quality.takes_s * self._dice.between(0.5, 2.0, "round", order.target.id, target.rounds)
        longest_s = max(probe.timeout_s for probe in order.probes)
        self._agenda.after(min(takes_s, longest_s), self._seen, order, target.rounds, takes_s <= longest_s)

    def _seen(self, order: ProbeOrder, number: int, in_time: bool) -> None:
        if self.rounds.get(order.round_id) is not order:
            return  # asked by a daemon that is gone
        del self.rounds[order.round_id]
        if in_time:
            readings = self._targets.readings(order, number, self._now())
        else:
            readings = tuple(Reading(probe.id, ReadingValue.UNKNOWN, at=self._now()) for probe in order.probes)
        self._answer(fx.ProbesEnded(order.round_id, readings))
