"""middle.Workflows: what people do to runs, and what they are shown. core/workflow.py says what may happen to one.

The probe of a step is asked while others may act: what was seen counts only where the run is at that step still when it comes in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from error_daemon.core import workflow as life
from error_daemon.core import workflow_search
from error_daemon.core.engine import Engine
from error_daemon.core.workflow import Start, Waiting
from error_daemon.errors import InputError, NotFound
from error_daemon.middle import RunFilter, StepDone
from error_daemon.model import (
    AttemptOrder,
    FoundWorkflow,
    Json,
    Notice,
    Run,
    RunEventKind,
    RunState,
    RunView,
    Workflow,
)
from error_daemon.model.audit import DAEMON
from error_daemon.ports import Clock
from error_daemon.runtime.audit import Audit
from error_daemon.runtime.faults import NewestFault
from error_daemon.runtime.workflows.book import RunBook
from error_daemon.runtime.workflows.sight import StepSight

_log = structlog.get_logger()
NOTICE, ASKED = "workflow", "asked"  # the kind of the notices, and what that one is which asks people


@dataclass(frozen=True, slots=True)
class Around:
    """What runs are joined to. `tell` hears what happens to the run of an error; `on_ended` of every run that has ended."""

    engine: Engine
    clock: Clock
    audit: Audit
    faults: NewestFault
    tell: Callable[[Notice], None]


class RunSteering:
    def __init__(self, around: Around, book: RunBook, sight: StepSight) -> None:
        self._around = around
        self._engine = around.engine
        self._clock = around.clock
        self._book = book
        self._sight = sight
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._on_ended: Callable[[Run], None] = lambda run: None
        self._last_number = 0

    def join(self, on_ended: Callable[[Run], None]) -> None:
        """`on_ended` hears of every run that has ended. Before the first."""
        self._on_ended = on_ended

    async def restore(self) -> None:
        """Those that were open go on; what expired meanwhile has."""
        for run in await self._book.restore():
            self._schedule(run)

    def close(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    # --- seeing

    def all(self) -> Sequence[Workflow]:
        return self._engine.definitions.workflows

    async def find(self, error_id: str, text: str) -> Sequence[tuple[FoundWorkflow, str]]:
        if bool(error_id) == bool(text):
            raise InputError("text", "say an error or words, and not both")
        if not error_id:
            return [(one, "") for one in workflow_search.for_words(self.all(), text)]
        view = self._engine.view(error_id)
        fault = await self._around.faults.of(view)
        found = workflow_search.for_fault(self.all(), fault)
        runs = {run.workflow_id: run.run_id for run in self._book.open() if run.error_id == view.error_id}
        return [(one, runs.get(one.workflow.id, "")) for one in found]

    async def run(self, run_id: str) -> RunView:
        return self._view(await self._book.run(run_id))

    async def runs(self, wanted: RunFilter, limit: int) -> tuple[Sequence[RunView], str]:
        runs, incomplete = await self._book.runs(wanted, limit)
        return [self._view(run) for run in runs], incomplete

    def _view(self, run: Run) -> RunView:
        said = tuple(life.said(run, event) for event in run.events)
        return RunView(run, life.progress(run), said, self._book.not_kept_because(run.run_id))

    # --- acting

    async def start(self, workflow_id: str, error_id: str, by: str) -> tuple[RunView, bool]:
        error_id = self._engine.view(error_id).error_id if error_id else ""
        run = self._book.open_for(workflow_id, error_id)
        if run is not None:
            return self._view(run), True
        run = self._open(workflow_id, error_id, by)
        self._acted("workflow_start", None, run, {"error": error_id}, by)
        return await self._kept(run), False

    async def complete(self, run_id: str, done: StepDone) -> RunView:
        run = await self._book.run(run_id)
        life.expect(run, done.step)
        reading = await self._sight.reading(run, self._engine.definitions)
        seen = life.Done(done.step, done.by, self._clock.now(), reading, done.note, done.is_forced)
        before = await self._book.run(run_id)  # others may have acted meanwhile
        after = life.completed(before, seen)
        self._take(after)
        event = after.events[-1]
        saw = {"reading": reading.value.value, "saw": reading.detail} if reading else {}
        self._acted("workflow_step", before, after, {"came_of_it": event.kind.value, **saw}, done.by)
        return await self._kept(after)

    async def back(self, run_id: str, step: int, note: str, by: str) -> RunView:
        before = await self._book.run(run_id)
        after = life.back(before, step, by, note, self._clock.now())
        self._take(after)
        self._acted("workflow_back", before, after, {}, by)
        return await self._kept(after)

    async def abort(self, run_id: str, note: str, by: str) -> RunView:
        before = await self._book.run(run_id)
        after = life.aborted(before, by, note, self._clock.now())
        self._take(after)
        self._acted("workflow_abort", before, after, {}, by)
        return await self._kept(after)

    # --- for recoveries

    def open_for(self, order: AttemptOrder) -> Run:
        """The run that an attempt waits for from now on: the open one, or a new one. Raises NotFound, TransientError."""
        workflow_id = str(order.strategy.params["workflow"])
        run = self._book.open_for(workflow_id, order.error_id) or self._open(workflow_id, order.error_id, DAEMON)
        waiting = Waiting(order.attempt_id, self._clock.now() + order.timeout_s)
        run = life.joined(run, waiting, DAEMON, self._clock.now())
        self._take(run)
        _log.warning(
            "workflow_waits",
            error_id=run.error_id,
            workflow=workflow_id,
            run=run.run_id,
            target=order.target.id,
            until=run.deadline_at,
            mend=f"error-cli workflows guide {run.run_id}",
        )
        return run

    # --- what follows

    def _open(self, workflow_id: str, error_id: str, by: str) -> Run:
        workflow = next((one for one in self.all() if one.id == workflow_id), None)
        if workflow is None:
            names = ", ".join(one.id for one in self.all()) or "none"
            raise NotFound(f"no workflow {workflow_id!r} is defined; there are {names}")
        self._book.make_room()
        target = workflow.target or (self._engine.view(error_id).target if error_id else "")
        run = life.started(workflow, Start(self._made_id(), error_id, target, by, self._clock.now()))
        self._take(run)
        return run

    def _made_id(self) -> str:
        """Short enough to be typed, and never used before: the clock never goes back."""
        self._last_number = max(self._last_number + 1, int(self._clock.now() * 1000))
        return f"w{self._last_number:x}"

    def _take(self, run: Run) -> None:
        """It is so from now on."""
        self._book.put(run)
        self._schedule(run)
        if run.state is not RunState.ACTIVE:
            _log.info(
                "workflow_ended", error_id=run.error_id, workflow=run.workflow_id, run=run.run_id, state=run.state.value
            )
            self._on_ended(run)  # before anybody hears of it: the attempt has ended, whatever the telling costs
        self._tell(run)

    async def _kept(self, run: Run) -> RunView:
        await self._book.kept(run.run_id)
        return self._view(run)

    def _schedule(self, run: Run) -> None:
        timer = self._timers.pop(run.run_id, None)
        if timer is not None:
            timer.cancel()
        if run.state is RunState.ACTIVE:
            delay_s = max(0.0, run.expires_at - self._clock.now())
            self._timers[run.run_id] = asyncio.get_running_loop().call_later(delay_s, self._expire, run.run_id)

    def _expire(self, run_id: str) -> None:
        run, now = self._book.active(run_id), self._clock.now()
        if run.expires_at > now:  # the loop's clock is ahead of ours
            self._schedule(run)
            return
        why = "the attempt that waited for it has reached its deadline" if run.deadline_at else "nobody did anything"
        self._take(life.expired(run, now, why))

    def _tell(self, run: Run) -> None:
        """Whoever watches, where the run is of an error that is known."""
        if not run.error_id:
            return
        try:
            view = self._engine.view(run.error_id)
        except NotFound:
            return
        event = run.events[-1]
        text = f"{run.name or run.workflow_id}: {life.said(run, event)}; error-cli workflows guide {run.run_id}"
        asked = ASKED if event.kind is RunEventKind.JOINED else ""
        self._around.tell(Notice(self._clock.now(), NOTICE, text, view, event=asked))

    def _acted(self, action: str, before: Run | None, after: Run, detail: Mapping[str, Json], by: str) -> None:
        told = {"workflow": after.workflow_id, "step": (before or after).step, **detail}
        was, why = _facts(before) if before else None, after.events[-1].note
        self._around.audit.acted(action, after.run_id, told, by, why=why, before=was, after=_facts(after))


def _facts(run: Run) -> Json:
    return {"state": run.state.value, "step": run.step, "step_id": run.steps[run.step - 1].id}
