"""
The stories of all open tickets, made from what happens as the recovery loop hears of it.

**Off the fault path.** Noting is appending to a list; what was noted is looked at in later turns of the loop, in slices. What there is no
room for is counted, and no recovery knows of it: `_MOST_NOTED` events that were not looked at yet, `_MOST_OPEN` tickets whose story is
told, and the spans of one (story.py).

**What a ticket waits for** nobody announces: it is looked at when something was heard of the ticket, and each second (`look`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from error_daemon.core import effects as fx
from error_daemon.core.decide import first_round
from error_daemon.core.engine import Engine
from error_daemon.core.ticket import Error, Ticket
from error_daemon.ports import Clock
from error_daemon.runtime.exporting.spans import Span, is_kept, own_trace, sent_in
from error_daemon.runtime.exporting.story import Story
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.trace import ticket_of

_log = structlog.get_logger()
_MOST_NOTED = 20_000
_MOST_OPEN = 2_000
_SLICE = 100
_HEARD = (fx.SaveFault, fx.StartAttempt, fx.StartProbes, fx.SaveDecision, fx.SaveAttempt, fx.Escalate, fx.SaveTicket)
_P = "error_recovery."
_Opened = tuple[Error, Ticket]
_OPENS: Mapping[type[Any], Callable[[Any], str]] = {
    fx.SaveFault: lambda effect: effect.error_id,
    fx.StartAttempt: lambda effect: effect.order.error_id,
    fx.StartProbes: lambda effect: _error_of(effect.order.round_id),
}
"""What a ticket may be heard of by first: of which error it is."""


class Stories:
    """`ratio`: the share of traces that is told. `instance`: of this daemon. `on_story(spans)` hears of each that has ended,
    `on_left_out(n)` of spans that there was no room for."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        ratio: float,
        instance: str,
        *,
        on_story: Callable[[Sequence[Span]], None],
        on_left_out: Callable[[int], None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._ratio = ratio
        self._instance = instance
        self._on_story = on_story
        self._on_left_out = on_left_out
        self._noted: deque[tuple[float, Any, _Opened | None]] = deque()
        self._is_due = False
        self._open: dict[str, Story] = {}  # by ticket
        self._take: dict[type[Any], Callable[[Any, float], None]] = {
            fx.SaveFault: lambda effect, at: None,
            fx.StartAttempt: self._attempt_begins,
            fx.StartProbes: self._round_begins,
            fx.SaveDecision: self._decided,
            fx.SaveAttempt: self._attempted,
            fx.Escalate: self._escalated,
            fx.SaveTicket: self._ended,
            fx.AttemptEnded: self._outcome,
            fx.ProbesEnded: self._readings,
        }

    # --- what is heard

    def listen(self, loop: RecoveryLoop) -> None:
        loop.overhear(_HEARD, self._note)

    def _note(self, what: Any) -> None:
        if len(self._noted) >= _MOST_NOTED:
            self._on_left_out(1)
            return
        self._noted.append((self._clock.now(), what, self._opened(what)))
        if not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._tell)

    def _opened(self, what: Any) -> _Opened | None:
        """The ticket that it is about, as long as it is known whose it is: it may have ended when its turn comes."""
        error_of = _OPENS.get(type(what))
        error = self._engine.known(error_of(what)) if error_of else None
        return (error, error.ticket) if error and error.ticket else None

    def _tell(self) -> None:
        for _ in range(min(_SLICE, len(self._noted))):
            at, what, opened = self._noted.popleft()
            try:
                if opened is not None:
                    self._begin(*opened)
                self._take[type(what)](what, at)
            except Exception as error:  # noqa: BLE001  what cannot be told must not keep the rest from being told
                _log.critical("bug", problem=f"a trace, with {type(what).__name__}", exc_info=error)
        self._is_due = bool(self._noted)
        if self._is_due:
            asyncio.get_running_loop().call_soon(self._tell)

    def look(self) -> None:
        """At what open tickets wait for. Of one that is gone, and of whose end there was no room to hear, nothing more will come."""
        for ticket_id, story in list(self._open.items()):
            if not self._noted and self._engine.ticket_id(_error_of(ticket_id)) != ticket_id:
                del self._open[ticket_id]
                self._on_left_out(1 + len(story.spans))
            elif story.waits:
                self._look(ticket_id, story)

    def _look(self, ticket_id: str, story: Story) -> None:
        by, because = self._engine.held(_error_of(ticket_id))
        if by:
            story.held(by, because, self._clock.now())

    # --- what it means

    def _story(self, ticket_id: str) -> Story | None:
        return self._open.get(ticket_id)

    def _begin(self, error: Error, ticket: Ticket) -> None:
        """Where the ticket has no story yet. A fault may open one while the slot of an older fault is still there: then the first that is
        done for it says so."""
        if ticket.ticket_id in self._open:
            return
        sent = sent_in(ticket.fault.attributes)
        parent = sent if sent and sent.is_sampled else None
        trace_id = parent.trace_id if parent else own_trace(self._instance, ticket.ticket_id)
        if not parent and not is_kept(trace_id, self._ratio):
            return
        if len(self._open) >= _MOST_OPEN:
            self._on_left_out(1)
            return
        self._open[ticket.ticket_id] = story = Story(
            ticket.ticket_id,
            trace_id,
            parent,
            None if parent else sent,
            min(ticket.opened_at, ticket.fault.received_at or ticket.opened_at),
            {
                f"{_P}error_id": error.error_id,
                f"{_P}ticket_id": ticket.ticket_id,
                f"{_P}target": ticket.target.id,
                f"{_P}rule": ticket.rule.id,
                f"{_P}severity": error.severity.name.lower(),
                f"{_P}response_class": error.classification.response_class.value,
                f"{_P}component": error.fault.component,
                f"{_P}source": ticket.fault.source,
                "error.type": ticket.error_type.value,
            },
        )
        self._look(ticket.ticket_id, story)

    def _attempt_begins(self, effect: fx.StartAttempt, at: float) -> None:
        story = self._story(ticket_of(effect.order.attempt_id))
        if story is not None:
            story.begins(at)

    def _round_begins(self, effect: fx.StartProbes, at: float) -> None:
        story = self._story(ticket_of(effect.order.round_id))
        if story is not None:
            story.round_begins(effect.order.round_id, at)

    def _decided(self, effect: fx.SaveDecision, _at: float) -> None:
        story = self._story(ticket_of(effect.decision.attempt_id)) if effect.decision.attempt_id else None
        if story is not None:
            story.decided(effect.decision)
            self._look(story.ticket_id, story)

    def _outcome(self, event: fx.AttemptEnded, at: float) -> None:
        outcome = event.outcome
        story = self._story(ticket_of(outcome.attempt_id))
        if story is None:
            return
        story.attempt_ends()
        if outcome.looked_at:
            round_id = first_round(outcome.attempt_id)
            story.round_begins(round_id, outcome.looked_at)
            if outcome.readings is not None:
                story.round_ends(round_id, outcome.readings, at)

    def _readings(self, seen: fx.ProbesEnded, at: float) -> None:
        story = self._story(ticket_of(seen.round_id))
        if story is not None:
            story.round_ends(seen.round_id, seen.readings, at)

    def _attempted(self, effect: fx.SaveAttempt, _at: float) -> None:
        record = effect.record
        story = self._story(ticket_of(record.attempt_id))
        if story is not None and record.stability_score < 0:  # else it is the second time
            story.attempted(record)
            self._look(story.ticket_id, story)

    def _escalated(self, effect: fx.Escalate, _at: float) -> None:
        story = self._story(effect.escalation.ticket_id)
        if story is not None:
            story.escalated(effect.escalation)

    def _ended(self, effect: fx.SaveTicket, _at: float) -> None:
        story = self._open.pop(effect.record.ticket_id, None)
        if story is not None:
            self._on_story(story.ended(effect.record))
            self._on_left_out(story.left_out)


def _error_of(any_id: str) -> str:
    return any_id.partition("-")[0]
