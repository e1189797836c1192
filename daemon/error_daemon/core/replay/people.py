"""What people did, done again at its time: pauses, the end of a ticket that was resolved or flushed, and the answer to what was proposed,
where that ticket still waits. What a person cannot do by then is left undone."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping
from functools import partial

from error_daemon.core.brakes import approval
from error_daemon.core.brakes.pause import ALL
from error_daemon.core.engine import Engine
from error_daemon.core.replay.agenda import PEOPLE, Agenda
from error_daemon.core.replay.fates import Live, StepNow
from error_daemon.core.replay.history import Case, Past
from error_daemon.core.replay.result import Certainty
from error_daemon.errors import Refused
from error_daemon.model import AttemptRecord, Mode

_AS_THEN = "a person, as then"


class People:
    """`carry_out()` after each act. `by_case`: what has become of the cases of the past, as far as is known."""

    def __init__(
        self, engine: Engine, past: Past, agenda: Agenda, by_case: Mapping[str, Live], carry_out: Callable[[], None]
    ) -> None:
        self._engine = engine
        self._past = past
        self._agenda = agenda
        self._by_case = by_case
        self._carry_out = carry_out

    def plan(self, targets: Container[str]) -> None:
        """What does not depend on what the replay decides. `targets`: those that are defined."""
        for pause in self._past.pauses:
            if pause.target == ALL or pause.target in targets:
                self._do_at(pause.at, partial(self._engine.pause, pause))
        for case in self._past.cases:
            if case.ticket and case.ticket.ended_as in ("resolved", "flushed"):
                self._agenda.at(case.ended_at, PEOPLE, partial(self._end, case, case.ticket.ended_as))

    def answer(self, live: Live, step: StepNow) -> None:
        """Something was proposed: somebody answered it then, or nobody did; else nobody knows whether anybody would."""
        case, engine, now = live.case, self._engine, self._agenda.now
        ticket = case.ticket if case and live.is_on_record else None
        if case is None or ticket is None or ticket.mode != Mode.APPROVE.value:
            step.certainty = Certainty.UNKNOWN
            return
        attempts = case.attempts[live.started : live.started + 1]
        if attempts and attempts[0].strategy_id == step.decision.strategy_id:
            if _went_on_unanswered(case, attempts[0]):
                return
            self._do_at(
                max(now, attempts[0].started_at), lambda: engine.approve(live.error_id, _AS_THEN, self._agenda.now)
            )
        elif ticket.ended_as == "failed" and not approval.was_unanswered(ticket.reason):
            self._do_at(max(now, ticket.ended_at), lambda: engine.deny(live.error_id, _AS_THEN, self._agenda.now))

    def _end(self, case: Case, ended_as: str) -> None:
        live = self._by_case.get(case.key)
        if live is None or live.record:
            return
        now = self._agenda.now
        if ended_as == "resolved":
            self._act(lambda: self._engine.resolve(live.error_id, "", now))
        else:
            self._act(lambda: self._engine.flush(live.error_id, now))

    def _do_at(self, at: float, act: Callable[[], object]) -> None:
        self._agenda.at(at, PEOPLE, partial(self._act, act))

    def _act(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Refused:
            return
        self._carry_out()


def _went_on_unanswered(case: Case, attempt: AttemptRecord) -> bool:
    """Its rule had it run because nobody had said no."""
    decided = (one for one in case.decisions if one.decision_id == attempt.decision_id)
    return any(approval.was_unanswered(approval.given(one)) for one in decided)
