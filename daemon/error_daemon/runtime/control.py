"""middle.Control: what people see and steer, from the engine's memory and from the record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, nullcontext
from dataclasses import asdict, replace
from functools import partial

import structlog

from error_daemon.core import explain
from error_daemon.core.brakes.pause import NAME as PAUSE
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.life import PENDING
from error_daemon.core.ticket import Error
from error_daemon.errors import NotFound, Refused
from error_daemon.ingest.decode import decode
from error_daemon.ingest.marks import is_test
from error_daemon.middle import After, ErrorFilter
from error_daemon.model import (
    STATUS_OF,
    Answer,
    Answered,
    Approval,
    AttemptRecord,
    BrakeView,
    Decision,
    Diagnostic,
    ErrorView,
    Json,
    Notice,
    Reloaded,
    RepeatStep,
    RepeatWish,
    State,
    Summary,
)
from error_daemon.ports import Clock
from error_daemon.runtime import records
from error_daemon.runtime.audit import Audit, facts
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.standing import Parts, status
from error_daemon.runtime.turns import in_turns
from error_recovery.v1 import fault_pb2

_log = structlog.get_logger()
_KEPT_WITHIN_S = 2.0  # a person's answer; the record takes a tenth of a second as a rule


class DaemonControl:
    def __init__(self, loop: RecoveryLoop, clock: Clock, parts: Parts) -> None:
        self._loop = loop
        self._engine = loop.engine
        self._clock = clock
        self._parts = parts
        self._store = parts.store
        self._reports = parts.reports
        self._started_at = clock.now()
        self._listing = asyncio.Lock()

    # --- seeing

    def status(self) -> Mapping[str, Json]:
        return status(self._loop, self._parts, self._started_at, self._clock.now())

    async def errors(
        self, wanted: ErrorFilter, limit: int, after: After | None = None
    ) -> tuple[Sequence[ErrorView], int]:
        """Of all errors one list at a time: however many ask, the loop has its turn after each part."""
        is_wanted, of_few = partial(_is_wanted, wanted, self._engine.held_by), bool(wanted.held_by)
        async with nullcontext() if of_few else self._listing:
            listing = self._engine.listing(limit, is_wanted, with_ticket=of_few, after=after)
            await in_turns(listing.errors(), listing.add)
            return self._engine.views(listing.newest()), listing.total

    def attempting(self, target: str) -> int:
        return self._engine.attempting(target)

    def error(self, error_id: str) -> ErrorView:
        return self._engine.view(error_id)

    def approvals(self, limit: int) -> tuple[Sequence[Approval], int]:
        return self._engine.approvals(limit)

    def approval(self, error_id: str) -> Approval | None:
        return self._engine.approval(error_id)

    async def fault(self, error_id: str) -> bytes | None:
        return await self._parts.faults.payload(error_id)

    async def attempts(self, error_id: str) -> Sequence[AttemptRecord]:
        return [records.attempt_of(row) for row in await self._store.query("attempts_of", error_id=error_id)]

    async def decisions(self, error_id: str) -> Sequence[Decision]:
        return [records.decision_of(row) for row in await self._store.query("decisions_of", error_id=error_id)]

    async def decision(self, any_id: str) -> tuple[Decision, AttemptRecord | None]:
        rows = await self._store.query("decision", id=any_id)
        if rows:
            decision = records.decision_of(rows[0])
        else:
            decisions = await self._decisions_of_error(any_id)
            decision = decisions[-1]
        attempts = await self.attempts(decision.error_id) if decision.attempt_id else ()
        return decision, next((record for record in attempts if record.attempt_id == decision.attempt_id), None)

    async def sentences(self, decision: Decision, attempt: AttemptRecord | None) -> Sequence[str]:
        payload = await self.fault(decision.error_id)
        source = fault_pb2.Fault.FromString(payload).source if payload else ""
        return explain.sentences(decision, attempt, source, self._engine.does(decision))

    async def _decisions_of_error(self, prefix: str) -> Sequence[Decision]:
        view = self._engine.view(prefix)
        decisions = await self.decisions(view.error_id)
        if not decisions:
            why = f"{view.state.value}, {view.reason}"
            raise NotFound(f"nothing was decided about {view.error_id}: {why}; `error-cli errors show` has it whole")
        return decisions

    async def history(self, limit: int, after: After | None = None, **wanted: Json) -> Sequence[AttemptRecord]:
        if after is not None:
            wanted = {**wanted, "before_at": after.at, "before_id": after.id}
        return [records.attempt_of(row) for row in await self._store.query("history", limit=limit, **wanted)]

    async def metrics(self, since: float, until: float) -> Mapping[str, Json]:
        return {
            "recovery": await self.recovery_metrics(since, until or self._clock.now()),
            "strategies": await self._reports.strategies(),
            "lag": self._parts.counters.lag.figures(),
        }

    async def recovery_metrics(self, since: float, until: float) -> Json:
        """See core/metrics."""
        return await self._reports.metrics(since, until, self._engine.still_down())

    def replay(
        self, files: Mapping[str, str], since: float, until: float, seed: int
    ) -> AsyncGenerator[Mapping[str, Json], None]:
        return self._reports.replay(files, since, until or self._clock.now(), seed)

    async def diagnose(self) -> Sequence[Diagnostic]:
        return await self._parts.diagnosis.diagnose(self._parts.areas(self))

    def brakes(self) -> Sequence[BrakeView]:
        return self._engine.brakes(self._clock.now())

    def watch(self, error_id: str | None, most_per_s: int = 0) -> AsyncGenerator[Notice | Summary, None]:
        return self._parts.watchers.watch(error_id, most_per_s)

    async def test(self, wish: RepeatWish) -> AsyncGenerator[RepeatStep, None]:
        async with aclosing(self._parts.tests.run(wish)) as steps:
            async for step in steps:
                if step.plan is not None:
                    plan = step.plan
                    detail = {"rule": plan.rule, "strategy": wish.strategy, "repeat": wish.repeat, "mode": plan.mode}
                    self._carried_out().acted("test", plan.target, detail, wish.by)
                    await self._parts.audit.kept()
                yield step

    def continue_test(self, test_id: str, number: int) -> None:
        self._parts.tests.go_on(test_id, number)

    # --- steering; each act of a person is in the audit

    def resolve(self, error_id: str, note: str, by: str) -> ErrorView:
        before = self._engine.view(error_id)
        view = self._engine.resolve(error_id, note, self._clock.now())
        self._acted_on(before, "resolve", {"note": note}, by, why=note)
        return view

    def flush(self, error_id: str | None, by: str) -> tuple[int, int]:
        one = self._engine.view(error_id).error_id if error_id else ""
        pending, total = self._engine.newest(
            facts.MOST, lambda error: error.state in PENDING and one in ("", error.error_id), with_ticket=True
        )
        purged, running = self._engine.flush(error_id, self._clock.now())
        before = {"errors": [view.error_id for view in pending], "total": total}
        self._carried_out().acted("flush", one or "all", {"purged": purged, "running": running}, by, before=before)
        return purged, running

    async def reset_ladder(self, error_id: str, by: str) -> ErrorView:
        """See middle.Control. To be tried again a failed error needs a slot of the ring: its newest fault is taken once more."""
        before = self._engine.view(error_id)
        view = self._engine.reset_ladder(error_id, self._clock.now())
        self._acted_on(before, "reset", {}, by)
        if view.state is State.FAILED:
            payload = await self.fault(view.error_id)
            if payload is None:
                raise Refused(
                    f"{view.error_id} is reset, but no fault of it was kept: report it to have it tried again"
                )
            attributes = decode(payload, self._clock.now()).attributes
            self._parts.intake.take(payload, is_test=is_test(attributes))
        return self._engine.view(view.error_id)

    async def forget(self, strategy_id: str | None, by: str) -> int:
        """The record first: if it cannot forget, nothing is forgotten."""
        scores = [row for row in await self._store.query("learned_scores") if strategy_id in (None, row["strategy_id"])]
        await self._store.forget(None, strategy_id)
        forgotten = self._engine.forget(strategy_id)
        self._carried_out().acted(
            "forget", strategy_id or "all", {"scores": forgotten}, by, before=facts.of_scores(scores)
        )
        return forgotten

    def pause(self, target: str, for_s: float, reason: str, by: str) -> Sequence[BrakeView]:
        """The file first: what a person has paused stays paused, whatever becomes of the daemon. A full disk keeps nobody from it."""
        now = self._clock.now()
        pause = Pause(target, now, now + for_s if for_s else 0.0, reason, by)
        self._engine.defined(target)
        before = facts.of_pause(self._engine.pauses(), target)
        problem = self._save_pauses([*(each for each in self._engine.pauses() if each.target != target), pause])
        if problem:
            pause = replace(pause, reason=f"{reason} (it ends with the daemon: {problem})".lstrip())
        self._engine.pause(pause)
        detail = {"until": pause.until, "reason": reason}
        self._carried_out().acted(
            "pause", target or facts.ALL_TARGETS, detail, by, why=reason, before=before, after=asdict(pause)
        )
        return [view for view in self.brakes() if view.brake == PAUSE]

    def resume(self, target: str, by: str) -> bool:
        before = facts.of_pause(self._engine.pauses(), target)
        self._save_pauses([each for each in self._engine.pauses() if each.target != target])
        was_paused = self._engine.resume(target, self._clock.now(), by) is not None
        self._carried_out().acted("resume", target or facts.ALL_TARGETS, {"was_paused": was_paused}, by, before=before)
        return was_paused

    def _save_pauses(self, pauses: Sequence[Pause]) -> str:
        """Why they are not on the disk; empty where they are."""
        try:
            self._parts.pauses.save(pauses)
        except OSError as error:
            _log.error(
                "pauses_not_saved", error=str(error), note="they are in force all the same, until the daemon ends"
            )
            return f"the disk did not take it, {error.strerror}"
        return ""

    async def answer(self, error_id: str, answer: Answer) -> tuple[Answered, bool]:
        """It is done at once, be the record there or not: what is approved may be what makes room on a full disk."""
        before = self._engine.view(error_id)
        take = self._engine.approve if answer.is_yes else self._engine.deny
        given = {"note": answer.note, "decision_id": answer.decision_id}
        answered = take(error_id, answer.by, self._clock.now(), **given)
        if not answered.is_repeated:
            action = "approve" if answer.is_yes else "deny"
            self._acted_on(before, action, facts.of_approval(answered.approval), answer.by, why=answer.note)
        return answered, await self._parts.commits.has(self._loop.keeping.approval_row, _KEPT_WITHIN_S)

    def reset_breaker(self, target: str, by: str) -> bool:
        before = facts.of_breaker(self.brakes(), target)
        was_tripped = self._engine.reset_breaker(target, self._clock.now())
        after = facts.of_breaker(self.brakes(), target)
        self._carried_out().acted(
            "reset_breaker", target or facts.GLOBAL, {"was_tripped": was_tripped}, by, before=before, after=after
        )
        return was_tripped

    async def reload(self, by: str, *, dry_run: bool) -> Reloaded:
        return await self._parts.reloader.reload(by, dry_run=dry_run)

    def _carried_out(self) -> Audit:
        """The engine has acted: what follows is carried out, and then it can be told."""
        self._loop.carry_out()
        return self._parts.audit

    def _acted_on(self, before: ErrorView, action: str, detail: Mapping[str, Json], by: str, *, why: str = "") -> None:
        """On an error: as it was, and as it is when what follows has been carried out."""
        audit = self._carried_out()
        after = facts.of_error(self._engine.view(before.error_id))
        audit.acted(action, before.error_id, detail, by, why=why, before=facts.of_error(before), after=after)


def _is_wanted(wanted: ErrorFilter, held_by: Callable[[Error], str], error: Error) -> bool:
    return (
        wanted.status in ("", STATUS_OF[error.state])
        and wanted.type in ("", error.fault.type.value)
        and wanted.component in ("", error.fault.component)
        and wanted.target in ("", error.target)
        and wanted.state in ("", error.state.value)
        and error.severity >= wanted.min_severity
        and (not wanted.held_by or wanted.held_by == held_by(error))
    )
