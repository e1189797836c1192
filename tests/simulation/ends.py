"""What must hold of tickets at their end, and of what people are told.

a ticket ends once; its times are in order
one that ends without a recovery, and not by a person, was told to people
one of a permanent error that took longer than 30 s was told of by then
for each cause people are told of a ticket once
"""

from __future__ import annotations

from math import inf

from error_daemon.model import Escalation, ResponseClass, TicketRecord
from tests.simulation.scene import Broken, Scene

PERMANENT_WITHIN_S = 30.0
_LATE_S = 0.5  # the latest wake of a busy daemon, and a little


class EndPromises:
    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._ended: set[str] = set()
        self._told: dict[str, dict[str, float]] = {}  # ticket → cause → when
        self._life_began_at = self._reloaded_at = 0.0

    def told(self, escalation: Escalation) -> None:
        causes = self._told.setdefault(escalation.ticket_id, {})
        if escalation.cause in causes:
            raise Broken("people are told once for each cause", f"{escalation.ticket_id}: {escalation.cause}")
        causes[escalation.cause] = escalation.at

    def ended(self, record: TicketRecord) -> None:
        if record.ticket_id in self._ended:
            raise Broken("a ticket ends once", record.ticket_id)
        self._ended.add(record.ticket_id)
        if not record.opened_at <= record.ended_at or (record.responded_at and record.responded_at > record.ended_at):
            raise Broken("the times of a ticket are in order", repr(record))
        told = self._told.pop(record.ticket_id, {})
        if bool(told) != bool(record.escalated_at):
            raise Broken("a ticket knows that people were told", f"{record.ticket_id}: {told}, {record.escalated_at}")
        if record.ended_as == "failed" and not told and "denied" not in record.reason:
            raise Broken("who fails is told of", f"{record.ticket_id}: {record.reason}")
        self._check_deadlines(record, told)

    def _check_deadlines(self, record: TicketRecord, told: dict[str, float]) -> None:
        began_at = max(record.opened_at, self._life_began_at)  # a daemon that starts begins to count anew
        took_s = record.ended_at - began_at
        is_due = record.response_class is ResponseClass.PERMANENT and took_s > PERMANENT_WITHIN_S + _LATE_S
        if (
            is_due
            and record.opened_at > self._reloaded_at
            and min(told.values(), default=inf) > began_at + PERMANENT_WITHIN_S + _LATE_S
        ):
            raise Broken("a permanent error is told of within 30 s", f"{record.ticket_id}: {took_s} s, {told}")

    def died(self) -> None:
        self._told = {}

    def reloaded(self, now: float) -> None:
        """What the new class of an open ticket promises counts from then, or from the end of its attempt."""
        self._reloaded_at = now

    def restored(self, now: float) -> None:
        self._life_began_at = now
