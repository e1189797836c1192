"""What the daemon does by itself, from the effects of the engine, as acts of the audit.

    attempt          an attempt was begun: why, what the last look had seen, what it is to end
    verdict          what came of it: outcome and readings
    escalation       a person was told
    breaker_opened, breaker_closed     of a target, or the global one
    pause_ended      the time of a pause was up

`note` only remembers: what is told is made later, with the next batch of acts. An attempt has two acts, because one that was begun is a
fact of its own: a daemon that is killed meanwhile has done it, whatever becomes of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from error_daemon.core import effects as fx
from error_daemon.core.brakes.circuit import CircuitState
from error_daemon.core.brakes.global_breaker import NAME as GLOBAL_BREAKER
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.brakes.target_breaker import NAME as TARGET_BREAKER
from error_daemon.core.engine import Engine
from error_daemon.model import AttemptOrder, AttemptRecord, Decision, Json, Reading
from error_daemon.ports import Clock
from error_daemon.runtime.audit.audit import Audit
from error_daemon.runtime.audit.facts import ALL_TARGETS, GLOBAL
from error_daemon.runtime.recovery_loop import OwnAct

_MOST_READINGS = 20
_MOST_CHARACTERS = 500
_BREAKERS = (GLOBAL_BREAKER, TARGET_BREAKER)
_LOOK_EVERY_S = 1.0  # at breakers and pauses, while any is in force


class OwnActs:
    """`engine`: asked what it knows, never told anything."""

    def __init__(self, audit: Audit, engine: Engine, clock: Clock) -> None:
        self._audit, self._engine, self._clock = audit, engine, clock
        self._begun: dict[
            str, tuple[Reading, ...]
        ] = {}  # attempts whose decision is still to come, and what was seen before them
        self._open: set[tuple[str, str]] = set()  # breakers: the brake, and of which target
        self._pauses: Mapping[str, Pause] = {}
        self._looking: asyncio.TimerHandle | None = None
        self._tell: dict[type[Any], Callable[[Any], None]] = {
            fx.StartAttempt: lambda effect: self._attempted(effect.order),
            fx.SaveDecision: lambda effect: self._decided(effect.decision),
            fx.SaveAttempt: lambda effect: self._judged(effect.record),
            fx.Escalate: self._escalated,
        }

    def note(self, effect: OwnAct) -> None:
        self._tell[type(effect)](effect)

    # --- attempts

    def _attempted(self, order: AttemptOrder) -> None:
        """Its decision follows."""
        self._begun[order.attempt_id] = self._engine.last_readings(order.error_id)

    def _decided(self, decision: Decision) -> None:
        seen = self._begun.pop(decision.attempt_id, None)
        if seen is None:
            return  # it proposes only, or observes
        self._audit.did(
            "attempt",
            decision.target,
            why=f"{decision.why_now}: {decision.reason}" if decision.why_now else decision.reason,
            before={"readings": _told(seen)},
            detail={
                "attempt_id": decision.attempt_id,
                "error_id": decision.error_id,
                "decision_id": decision.decision_id,
                "rule": decision.rule,
                "mode": decision.mode,
                "strategy": decision.strategy_id,
                "level": decision.level,
                "timeout_s": decision.timeout_s,
            },
        )

    def _judged(self, record: AttemptRecord) -> None:
        if record.stability_score >= 0:
            return  # the second time, when its stability is known
        self._audit.did(
            "verdict",
            record.target,
            why=record.detail[:_MOST_CHARACTERS],
            after={"verdict": record.verdict.value, "readings": _told(record.readings)},
            detail={
                "attempt_id": record.attempt_id,
                "error_id": record.error_id,
                "strategy": record.strategy_id,
                "level": record.level,
                "outcome": record.outcome.value,
                "execution_time_s": round(record.execution_time_s, 6),
            },
        )
        self.watch()

    def _escalated(self, effect: fx.Escalate) -> None:
        escalation = effect.escalation
        detail = {"error_id": escalation.error_id, "ticket_id": escalation.ticket_id, "cause": escalation.cause}
        target = str(escalation.diagnostics["ticket"]["target"])
        self._audit.did("escalation", target, why=escalation.text[:_MOST_CHARACTERS], detail=detail)

    # --- what ends by itself

    def watch(self) -> None:
        """Look at pauses now, lest one that a person ends look as if its time were up; at breakers soon; and on while any is in force."""
        self._look_at_pauses()
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look)

    def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()

    def _look(self) -> None:
        self._looking = None
        self._look_at_breakers(self._clock.now())
        self._look_at_pauses()
        if self._open or any(pause.until for pause in self._pauses.values()):
            self.watch()

    def _look_at_breakers(self, now: float) -> None:
        states = self._engine.brake_states(now)
        is_open = {
            (brake, of) for brake, of, state in states if brake in _BREAKERS and state != CircuitState.CLOSED.value
        }
        if opened := is_open - self._open:
            for view in self._engine.brakes(now):
                if (view.brake, view.subject) in opened:
                    self._audit.did(
                        "breaker_opened", view.subject or GLOBAL, why=view.reason, after={"state": view.state}
                    )
        for _, target in self._open - is_open:
            self._audit.did("breaker_closed", target or GLOBAL)
        self._open = is_open

    def _look_at_pauses(self) -> None:
        now, pauses = self._clock.now(), {pause.target: pause for pause in self._engine.pauses()}
        for target, pause in self._pauses.items():
            if target not in pauses and 0.0 < pause.until <= now:
                self._audit.did("pause_ended", target or ALL_TARGETS, why="its time was up", before=asdict(pause))
        self._pauses = pauses


def _told(readings: Sequence[Reading]) -> Json:
    return [
        f"{reading.probe}: {reading.value.value}" + (f" ({reading.detail[:200]})" if reading.detail else "")
        for reading in readings[:_MOST_READINGS]
    ]
