"""What the log says of each recovery, from the fault that opens its ticket to the verdict that ends it.

Every line of a recovery has the same `ticket_id`, and the `error_id` of what keeps coming back: `grep` for the one shows one recovery,
for the other all that ever befell the error. In their order:

    fault → decision → approval (in mode approve) → attempt (outcome and verdict) → ... → ticket_ended
                     ↘ needs_a_person, ERR_LAG_THRESHOLD_EXCEEDED

**Off the fault path.** `note` only remembers; the lines are made by `tell`, when everything that was due has been carried out, and so
after the order has gone to its worker. **In a storm** at most `_MOST_PER_S` lines of a kind are made in a second, and a second later it
is said how many were not: the record has them all. Attempts always have their line, because the throttle limits them. Faults that open
no ticket have one at DEBUG.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from error_daemon.core import effects as fx
from error_daemon.logs.levels import LEVELS, logger
from error_daemon.model import AttemptRecord, Json, Reading, TicketRecord, Usage

_log = logger()
_MOST_PER_S = 200
_MESSAGE_CHARACTERS = 500
_MOST_READINGS = 20


class FaultTrace:
    """`ticket_id(error_id)`: the id of the error's ticket; empty where it has none. `now()`: the time of the lines, not that of what they
    tell: a start reads back faults of many seconds at once."""

    def __init__(self, ticket_id: Callable[[str], str], lag_threshold_s: float, now: Callable[[], float]) -> None:
        self._ticket_id = ticket_id
        self._now = now
        self._second = 0
        self._lag_threshold_s = lag_threshold_s
        self._tells_every_fault = _log.lowest <= LEVELS["DEBUG"]  # the level is set before, once and for all
        self._noted: list[Any] = []
        self._limits = {kind: _Limit(kind) for kind in ("fault", "decision", "approval", "ticket_ended")}
        self._tell: dict[type[Any], Callable[[Any], None]] = {
            fx.SaveFault: self._fault,
            fx.SaveDecision: self._decision,
            fx.SaveApproval: self._approval,
            fx.SaveAttempt: self._attempt,
            fx.SaveTicket: self._ticket_ended,
            fx.Escalate: self._escalated,
        }

    def note(self, effect: fx.Effect) -> None:
        self._noted.append(effect)

    def tell(self) -> bool:
        """Make the lines of what was noted. True: some were left out; call `tell_left_out` in a second, or when nothing more comes."""
        if not self._noted:
            return False
        noted, self._noted = self._noted, []
        second = int(self._now())
        if second != self._second:
            self._second = second
            for limit in self._limits.values():
                limit.begin_anew()
        for effect in noted:
            try:
                self._tell[type(effect)](effect)
            except Exception as error:  # noqa: BLE001  a line that cannot be made must not cost a recovery
                _log.critical("trace_failed", effect=type(effect).__name__, exc_info=error)
        return any(limit.untold for limit in self._limits.values())

    def tell_left_out(self) -> None:
        """How many lines were left out since that was last said."""
        for limit in self._limits.values():
            limit.tell_untold()

    def _fault(self, effect: fx.SaveFault) -> None:
        fault = effect.fault
        ticket_id = self._ticket_id(effect.error_id)
        if not ticket_id and not self._tells_every_fault:
            return
        if not self._limits["fault"].lets_through():
            return
        (_log.recovery if ticket_id else _log.debug)(
            "fault",
            ticket_id=ticket_id,
            error_id=effect.error_id,
            type=fault.type.value,
            severity=fault.severity.name.lower() if fault.severity else "",
            component=fault.component,
            target=fault.target,
            message=(fault.message or fault.exception_message)[:_MESSAGE_CHARACTERS],
            source=fault.source,
            received_at=fault.received_at,
        )

    def _decision(self, effect: fx.SaveDecision) -> None:
        decision = effect.decision
        if not self._limits["decision"].lets_through():
            return
        _log.recovery(
            "decision",
            ticket_id=ticket_of(decision.attempt_id or decision.decision_id),
            error_id=decision.error_id,
            decision_id=decision.decision_id,
            attempt_id=decision.attempt_id,
            strategy=decision.strategy_id,
            ladder_level=decision.level,
            target=decision.target,
            mode=decision.mode,
            rule=decision.rule,
            reason=decision.reason,
            timeout_s=decision.timeout_s,
        )

    def _approval(self, effect: fx.SaveApproval) -> None:
        record = effect.record
        if not self._limits["approval"].lets_through():
            return
        answered = {"by": record.answered_by, "note": record.note} if record.answered_by else {}
        _log.recovery(
            "approval",
            ticket_id=record.ticket_id,
            error_id=record.decision.error_id,
            decision_id=record.decision.decision_id,
            state=record.state.value,
            strategy=record.decision.strategy_id,
            ladder_level=record.decision.level,
            target=record.decision.target,
            does=record.does[:_MESSAGE_CHARACTERS],
            expires_at=record.expires_at,
            **answered,
        )

    def _attempt(self, effect: fx.SaveAttempt) -> None:
        record = effect.record
        if record.stability_score >= 0:
            return  # the second time, when its stability is known
        _log.recovery(
            "attempt",
            ticket_id=ticket_of(record.attempt_id),
            error_id=record.error_id,
            attempt_id=record.attempt_id,
            strategy=record.strategy_id,
            ladder_level=record.level,
            target=record.target,
            outcome=record.outcome.value,
            verdict=record.verdict.value,
            detail=record.detail[:_MESSAGE_CHARACTERS],
            execution_time_s=round(record.execution_time_s, 6),
            lag_s=round(record.lag_s, 6),
            readings=[_reading(reading) for reading in record.readings[:_MOST_READINGS]],
            **_usage(record),
        )

    def _ticket_ended(self, effect: fx.SaveTicket) -> None:
        record = effect.record
        lag_s = record.ended_at - record.opened_at
        if self._limits["ticket_ended"].lets_through():
            _log.recovery(
                "ticket_ended",
                ticket_id=record.ticket_id,
                error_id=record.error_id,
                target=record.target,
                ended_as=record.ended_as,
                reason=record.reason[:_MESSAGE_CHARACTERS],
                attempts=record.attempts,
                recovery_lag_s=round(lag_s, 6),
            )
        if record.ended_as in ("recovered", "failed") and lag_s > self._lag_threshold_s:
            self._too_late(record, lag_s)

    def _too_late(self, record: TicketRecord, lag_s: float) -> None:
        _log.warning(
            "ERR_LAG_THRESHOLD_EXCEEDED",
            lag_s=lag_s,
            threshold_s=self._lag_threshold_s,
            ticket_id=record.ticket_id,
            error_id=record.error_id,
            target=record.target,
            ended_as=record.ended_as,
        )

    def _escalated(self, effect: fx.Escalate) -> None:
        escalation = effect.escalation
        _log.error(
            "needs_a_person",
            ticket_id=escalation.ticket_id,
            error_id=escalation.error_id,
            response_class=escalation.response_class.value,
            cause=escalation.cause,
            reason=escalation.text,
            **_of_fault(escalation.diagnostics),
        )


class _Limit:
    """At most _MOST_PER_S lines of a kind in each second."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._told = 0
        self.untold = 0

    def begin_anew(self) -> None:
        """Another second."""
        self.tell_untold()
        self._told = 0

    def lets_through(self) -> bool:
        if self._told >= _MOST_PER_S:
            self.untold += 1
            return False
        self._told += 1
        return True

    def tell_untold(self) -> None:
        if self.untold:
            _log.recovery("lines_left_out", kind=self._kind, count=self.untold, reason="too many in one second")
        self.untold = 0


def ticket_of(any_id: str) -> str:
    """The ticket of an attempt, of a decision about one, or of a round of probes: what stands before the last dash."""
    return any_id.rpartition("-")[0]


def _of_fault(diagnostics: Mapping[str, Json]) -> dict[str, Json]:
    """What a person wants to read first."""
    return {"target": diagnostics["ticket"]["target"], "fault": diagnostics["fault"]["message"]}


def _reading(reading: Reading) -> str:
    return f"{reading.probe}: {reading.value.value}" + (f" ({reading.detail[:200]})" if reading.detail else "")


def _usage(record: AttemptRecord) -> dict[str, float]:
    """Of the host, before and after; nothing where it was not measured."""
    measured = {"before": record.before, "after": record.after}
    return {
        f"{name}_{when}_percent": round(value, 1)
        for when, usage in measured.items()
        if usage != Usage()
        for name, value in (("cpu", usage.cpu_percent), ("memory", usage.memory_percent))
    }
