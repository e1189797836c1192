"""Feeds the engine and carries out what it decides. Everything here runs on the loop's thread and returns at once.

The order of a fault: it is in the ring (intake.py) → the engine decides → MarkSlot puts "running" into the ring → the order goes to a
worker → rows, notices and lines of the log are made, while the worker is at it. So after a crash at any moment the ring says whether
something may have been run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from math import inf
from typing import Any

import structlog

from error_daemon.core import effects as fx
from error_daemon.core.engine import Engine
from error_daemon.model import (
    AttemptOrder,
    ErrorView,
    Notice,
    Outcome,
    OutcomeKind,
    Reading,
    ReadingValue,
    State,
    TicketRecord,
)
from error_daemon.ports import Clock, Executor, Ring, Store
from error_daemon.runtime.keeping import Keeping
from error_daemon.runtime.trace import FaultTrace
from error_daemon.telemetry import Counters

_log = structlog.get_logger()
# What does not wait for rows and lines to be made. The ring's marks are among them, so they stay before the orders that they are for.
_FIRST = frozenset((fx.MarkSlot, fx.StartAttempt, fx.StartProbes))
OwnAct = fx.StartAttempt | fx.SaveDecision | fx.SaveAttempt | fx.Escalate
_LEFT_OUT_FOR_S = 1.0  # lines of the trace, before it is said how many


class RecoveryLoop:
    """`on_recovered(target)` hears when a target was verified well; `on_act(effect)` of what the daemon does by itself, and of what comes
    of it: at once, so it only notes."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        ring: Ring,
        *,
        counters: Counters,
        lag_threshold_s: float,
        on_notice: Callable[[Notice], None],
        on_recovered: Callable[[str], None],
        on_act: Callable[[OwnAct], None] = lambda effect: None,
    ) -> None:
        self.engine = engine
        self._clock = clock
        self._counters = counters
        self._trace = FaultTrace(engine.ticket_id, lag_threshold_s, clock.now)
        self._on_recovered = on_recovered
        self._on_act = on_act
        self._on_ticket: Callable[[TicketRecord], None] = lambda record: None
        self._overhears: Callable[[Any], None] | None = None
        self.keeping = Keeping(ring)
        self._is_closed = False
        self._is_carrying = False
        self._is_due = False
        self._fed_at = inf  # of the event whose effects are being carried out
        self._finished: asyncio.Event | None = None
        self._executor: Executor | None = None
        self._outside: Mapping[str, Callable[[AttemptOrder], None]] = {}
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = 0.0
        self._untold: asyncio.TimerHandle | None = None  # lines of the trace were left out
        self._stood_s: Callable[[], float] = lambda: 0.0
        self._stood_before_s = 0.0
        self._carry = self._carried_out_by(ring, on_notice)

    def join(self, executor: Executor, outside: Mapping[str, Callable[[AttemptOrder], None]], store: Store) -> None:
        """The edges, which call back here and so are made after this. `outside`: what starts attempts of these kinds, which no worker
        runs. Before the first event."""
        self._executor, self._outside = executor, outside
        self.keeping.join(store)

    def excuse(self, stood_s: Callable[[], float]) -> None:
        """`stood_s()`: how long the daemon could not act, of all time so far. The engine hears of it before anything else that is due."""
        self._stood_s = stood_s

    def tell(self, on_ticket: Callable[[TicketRecord], None]) -> None:
        """`on_ticket(record)` hears of each ticket that has ended."""
        self._on_ticket = on_ticket

    def overhear(self, kinds: Iterable[type[Any]], hear: Callable[[Any], None]) -> None:
        """`hear(effect)` of each effect of these kinds, when it was carried out, and `hear(event)` of what the edges tell. It must cost
        next to nothing, and not raise. For one listener."""
        for kind in kinds:
            self._carry[kind] = _both(self._carry[kind], hear)
        self._overhears = hear

    @property
    def is_finishing(self) -> bool:
        return self._finished is not None

    async def finish(self, within_s: float) -> None:
        """Begin nothing more; returns when what is in the works has come to its end, or `within_s` later."""
        self.engine.finish()
        self._finished = asyncio.Event()
        self.carry_out()
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._finished.wait(), within_s)

    def close(self) -> None:
        """Let nothing more happen. What was in the works is unknown, and looked at when the daemon starts again."""
        self._is_closed = True
        if self._wake is not None:
            self._wake.cancel()
        if self._untold is not None:
            self._untold.cancel()
            self._tell_left_out()

    # --- events

    def feed(self, event: fx.Event, now: float | None = None) -> None:
        """`now`: what the clock said, where it has just been asked."""
        if self._is_closed:
            return
        if now is None:
            now = self._clock.now()
        if not self._is_carrying:
            self._fed_at = now
        try:
            stood_s = self._stood_s()
            if stood_s != self._stood_before_s:
                self._tell_stood(stood_s, now)
        finally:  # whatever a bug has cost: the event is taken, what was decided is carried out, and the engine is woken again
            try:
                self.engine.feed(event, now)
            finally:
                self.carry_out()

    def _tell_stood(self, stood_s: float, now: float) -> None:
        grown_s, self._stood_before_s = stood_s - self._stood_before_s, stood_s
        self.engine.feed(fx.StoodStill(grown_s), now)

    def outcome(self, outcome: Outcome) -> None:
        """Does not raise: who tells of an end cannot mend a bug, and a worker must not be lost for it. So for the next."""
        self._feed_from_edge(fx.AttemptEnded(outcome))

    def readings(self, round_id: str, readings: Sequence[Reading]) -> None:
        self._feed_from_edge(fx.ProbesEnded(round_id, tuple(readings)))

    def _feed_from_edge(self, event: fx.Event) -> None:
        if self._overhears is not None:
            self._overhears(event)
        try:
            self.feed(event)
        except Exception as error:  # noqa: BLE001
            _log.critical("bug", problem=f"of the engine, with {type(event).__name__}", exc_info=error)

    def committed(self, number: int) -> None:
        """Rows up to `number` are in the file. Does not raise: a bug of the engine must not end the writing of the record."""
        now = self._clock.now()
        self._fed_at = min(self._fed_at, now)  # what falls due meanwhile ends now, too
        recorded = self.keeping.committed(number)
        if recorded and not self._is_closed:
            try:
                self.engine.feed(fx.ErrorsRecorded(recorded), now)
            except Exception as error:  # noqa: BLE001  who writes the record cannot mend it
                _log.critical("bug", problem="the engine did not take what was recorded", exc_info=error)
        self.carry_out()

    # --- effects

    def _carried_out_by(
        self, ring: Ring, on_notice: Callable[[Notice], None]
    ) -> dict[type[Any], Callable[[Any], None]]:
        return {
            fx.MarkSlot: lambda effect: ring.mark(effect.slot, effect.progress),
            fx.ReleaseSlot: lambda effect: ring.release(effect.slot),
            fx.StartAttempt: self._start_attempt,
            fx.StartProbes: self._start_probes,
            fx.Notify: lambda effect: on_notice(effect.notice),
            fx.SaveError: self._save_error,
            fx.SaveAttempt: self._save_attempt,
            fx.SaveFault: self._save_fault,
            fx.SaveDecision: self._save_decision,
            fx.SaveApproval: self._save_approval,
            fx.SaveScore: self.keeping.score,
            fx.SaveTimeout: self.keeping.timeout,
            fx.SaveLadder: self.keeping.ladder,
            fx.SaveTicket: self._save_ticket,
            fx.Escalate: self._escalate,
        }

    def carry_out(self) -> None:
        """Carry out what the engine wants done, and be back when it wants to be woken: first what is done to the ring and given to the
        workers, then all else, each in the engine's order.

        What cannot be done is logged and does not keep the rest from being done. An event that an effect brings about, on the
        spot, has its effects after those that were due before it."""
        if self._is_closed:
            return
        self._is_due = True
        if self._is_carrying:
            return
        self._is_carrying = True
        try:
            while self._is_due:
                self._is_due = False
                if effects := self.engine.drain():
                    self._carry_all([effect for effect in effects if type(effect) in _FIRST])
                    self._carry_all([effect for effect in effects if type(effect) not in _FIRST])
        finally:
            self._is_carrying = False
            self._fed_at = inf
        if self._trace.tell() and self._untold is None:
            self._untold = asyncio.get_running_loop().call_later(_LEFT_OUT_FOR_S, self._tell_left_out)
        if self._finished is not None and not self.engine.in_the_works():
            self._finished.set()
        self._schedule()

    def _carry_all(self, effects: Sequence[fx.Effect]) -> None:
        carry, done = self._carry, 0
        while done < len(effects):
            try:
                for effect in effects[done:]:
                    done += 1
                    carry[type(effect)](effect)
            except Exception as error:  # noqa: BLE001  one order that cannot be given must not cost the others
                self._failed(effects[done - 1], error)

    def _tell_left_out(self) -> None:
        self._untold = None
        self._trace.tell_left_out()

    def _failed(self, effect: fx.Effect, error: Exception) -> None:
        _log.critical("effect_failed", effect=repr(effect), exc_info=error)
        self._answer(effect, f"the daemon could not give the order: {error!r}")

    def _answer(self, effect: fx.Effect, detail: str) -> None:
        """An order that was not given is answered all the same: its ticket waits for that."""
        if isinstance(effect, fx.StartAttempt):
            self.outcome(Outcome(effect.order.attempt_id, OutcomeKind.LOST, detail))
        elif isinstance(effect, fx.StartProbes):
            at = self._clock.now()
            unseen = [Reading(probe.id, ReadingValue.UNKNOWN, detail, at) for probe in effect.order.probes]
            self.readings(effect.order.round_id, unseen)

    def _schedule(self) -> None:
        at = self.engine.next_wake()
        if at is None or (self._wake is not None and self._wake_at <= at):
            return  # an earlier wake will look again
        if self._wake is not None:
            self._wake.cancel()
        self._wake_at = at
        delay_s = max(0.0, at - self._clock.now())
        self._wake = asyncio.get_running_loop().call_later(delay_s, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self.feed(fx.TimePassed())

    def _start_attempt(self, effect: fx.StartAttempt) -> None:
        assert self._executor is not None, "joined before the first event"
        start = self._outside.get(effect.order.strategy.kind, self._executor.start_attempt)
        start(effect.order)
        self._on_act(effect)

    def _start_probes(self, effect: fx.StartProbes) -> None:
        assert self._executor is not None, "joined before the first event"
        self._executor.start_probes(effect.order)

    def _save_fault(self, effect: fx.SaveFault) -> None:
        self._trace.note(effect)
        self.keeping.fault(effect)

    def _save_decision(self, effect: fx.SaveDecision) -> None:
        self._trace.note(effect)
        self._counters.decided(effect.decision)
        self._on_act(effect)
        self.keeping.decision(effect.decision)

    def _save_approval(self, effect: fx.SaveApproval) -> None:
        self._trace.note(effect)
        self.keeping.approval(effect.record)

    def _save_error(self, effect: fx.SaveError) -> None:
        view = effect.view
        self.keeping.error(view)
        if view.ended_at >= self._fed_at:  # not when it is saved for its count
            self._ended(view)

    def _ended(self, view: ErrorView) -> None:
        if view.state is State.WATCHING:
            self._on_recovered(view.target)

    def _save_ticket(self, effect: fx.SaveTicket) -> None:
        self._trace.note(effect)
        self._counters.ticket_ended(effect.record)
        self._on_ticket(effect.record)
        self.keeping.ticket(effect.record)

    def _escalate(self, effect: fx.Escalate) -> None:
        self._trace.note(effect)
        self._counters.escalated(effect.escalation)
        self._on_act(effect)
        self.keeping.escalation(effect)

    def _save_attempt(self, effect: fx.SaveAttempt) -> None:
        record = effect.record
        self._trace.note(effect)
        self._on_act(effect)
        self.keeping.attempt(record)
        if record.stability_score < 0:  # else it is the second time, when its stability is known
            self._counters.attempt_ended(record)


def _both(first: Callable[[Any], None], then: Callable[[Any], None]) -> Callable[[Any], None]:
    def both(effect: Any) -> None:
        first(effect)
        then(effect)

    return both
