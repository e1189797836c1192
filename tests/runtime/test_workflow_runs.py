"""Runs of workflows in the daemon: kept, expired, refused, and joined by recoveries; with edges that the test holds in its hands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from error_daemon.errors import InputError, NotFound, Refused, StoreUnavailable, TransientError
from error_daemon.middle import RunFilter, StepDone
from error_daemon.model import (
    GUIDED,
    AttemptOrder,
    Condition,
    Json,
    Notice,
    Observation,
    ObserveOrder,
    Outcome,
    OutcomeKind,
    Probe,
    RunEventKind,
    RunState,
    RunView,
    Strategy,
    Target,
    Workflow,
    WorkflowStep,
)
from error_daemon.runtime.commits import Commits
from error_daemon.runtime.faults import NewestFault
from error_daemon.runtime.workflows.book import MOST_OPEN, RunBook
from error_daemon.runtime.workflows.guided import GuidedAttempts
from error_daemon.runtime.workflows.rows import event_row, run_of, run_row
from error_daemon.runtime.workflows.sight import StepSight
from error_daemon.runtime.workflows.steering import Around, RunSteering
from tests.rpc.serving import soon
from tests.runtime.joined import HOUSE, HandClock, HandExecutor, Joined, web_fault

STEPS = (WorkflowStep("look", "Look.", probe="port"), WorkflowStep("tell", "Tell."))
CABLE = Workflow("cable", Condition(), STEPS, name="A cable is loose", expires_s=1000.0)
DEFINED = replace(HOUSE, workflows=(CABLE,))
BY_HAND = Strategy("by-hand", GUIDED, params={"workflow": "cable"})


class HandRecord:
    """Commits at once, unless it is full."""

    def __init__(self, commits: Commits) -> None:
        self.detail = ""
        self.is_slow = False
        self.rows: dict[str, dict[str, Mapping[str, Json]]] = {"workflow_runs": {}, "workflow_events": {}}
        self.asked: list[str] = []
        self._commits = commits
        self._number = 0

    def append(self, table: str, row: object) -> int:
        if self.detail:
            raise StoreUnavailable(self.detail)
        assert isinstance(row, Mapping)
        self.rows[table][str(row["id"])] = row
        self._number += 1
        if not self.is_slow:
            self._commits.committed(self._number)
        return self._number

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]:
        self.asked.append(name)
        if self.detail:
            raise StoreUnavailable(self.detail)
        runs, events = (list(map(dict, self.rows[table].values())) for table in ("workflow_runs", "workflow_events"))
        if name == "workflow_events_of":
            return [row for row in events if row["run_id"] in str(params["run_ids"]).split(",")]
        if name == "open_workflow_runs":
            return [row for row in runs if row["state"] == "active"]
        return [row for row in runs if params.get("run_id") in (None, row["id"])]


class Quiet:
    """Takes acts down."""

    def __init__(self) -> None:
        self.acts: list[tuple[str, str]] = []

    def acted(self, action: str, subject: str, *_others: object, **_more: object) -> None:
        self.acts.append((action, subject))


class Desk:
    """A daemon's part for workflows. `sees`: what the probe of the first step sees."""

    def __init__(self, record: HandRecord, commits: Commits, clock: HandClock, joined: Joined) -> None:
        self.record, self.clock = record, clock
        self.sees: Observation | None = Observation("probe port", {"reading": "ok"}, {"detail": "open"})
        self.looks: list[ObserveOrder] = []
        self.notices: list[Notice] = []
        self.outcomes: list[Outcome] = []
        self.audit = Quiet()
        executor = HandExecutor([])
        executor.on_observe = self._look
        self.engine = joined.engine
        faults = NewestFault(joined.engine, joined.ring, joined.store)
        around = Around(joined.engine, clock, self.audit, faults, self.notices.append)  # type: ignore[arg-type]
        self.book = RunBook(record, commits)
        self.runs = RunSteering(around, self.book, StepSight(executor, clock))
        self.guided = GuidedAttempts(self.runs, clock, self.outcomes.append)
        self.runs.join(self.guided.ended)

    def _look(self, order: ObserveOrder) -> Sequence[Observation]:
        self.looks.append(order)
        return [self.sees] if self.sees else []

    async def begun(self, error_id: str = "") -> RunView:
        return (await self.runs.start("cable", error_id, "ann"))[0]

    async def done(self, view: RunView, step: int, **more: object) -> RunView:
        given: dict[str, object] = {"note": "", "is_forced": False, "by": "ann"}
        return await self.runs.complete(view.run.run_id, StepDone(step, **(given | more)))  # type: ignore[arg-type]

    def order(self, attempt_id: str = "a1", error_id: str = "", timeout_s: float = 60.0) -> AttemptOrder:
        target = Target("web", "service")
        return AttemptOrder(attempt_id, error_id, BY_HAND, target, 3, timeout_s, {})


@asynccontextmanager
async def desk_of(directory: Path, record: HandRecord | None = None) -> AsyncIterator[Desk]:
    joined = Joined(directory)
    joined.engine.redefine(DEFINED, joined.clock.now())
    commits = Commits()
    desk = Desk(record or HandRecord(commits), commits, joined.clock, joined)
    try:
        await desk.runs.restore()
        yield desk
    finally:
        desk.runs.close()
        joined.close()


def test_a_run_goes_through_its_steps_and_each_act_is_told_and_kept(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            view = await desk.begun()
            view = await desk.done(view, 1)
            assert (view.run.step, view.run.events[-1].kind) == (2, RunEventKind.DONE)
            assert desk.looks[0].probes == (Probe("port", "tcp"),)
            view = await desk.runs.back(view.run.run_id, 2, "again", "bob")
            view = await desk.done(await desk.done(view, 1), 2)
            assert view.run.state is RunState.COMPLETED
            assert view.not_kept_because == ""
            assert [action for action, _ in desk.audit.acts] == [
                "workflow_start",
                "workflow_step",
                "workflow_back",
                "workflow_step",
                "workflow_step",
            ]
            assert desk.notices == [], "it is of no error"
            kept = desk.record.rows["workflow_events"].values()
            assert [row["kind"] for row in kept] == ["started", "done", "back", "done", "done"]
            assert run_of(run_row(view.run), [event_row(view.run, event) for event in view.run.events]) == view.run

    asyncio.run(soon(body()))


@pytest.mark.parametrize(
    ("sees", "kind", "says"),
    [
        (Observation("probe port", {"reading": "not_ok"}, {"detail": "refused"}), RunEventKind.NOT_OK, "refused"),
        (Observation("probe port", problem="the worker was lost"), RunEventKind.UNKNOWN, "the worker was lost"),
        (None, RunEventKind.UNKNOWN, "nobody has looked"),
    ],
)
def test_what_a_probe_did_not_see_done_stays(
    tmp_path: Path, sees: Observation | None, kind: RunEventKind, says: str
) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            desk.sees = sees
            view = await desk.done(await desk.begun(), 1)
            event = view.run.events[-1]
            assert event.reading is not None
            assert (view.run.step, event.kind, event.reading.detail) == (1, kind, says)

    asyncio.run(soon(body()))


def test_a_probe_that_a_reload_took_away_can_see_nothing(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            view = await desk.begun()
            desk.engine.redefine(replace(DEFINED, probes={}, targets={}, rules=(), workflows=()), desk.clock.now())
            view = await desk.done(view, 1)
            assert view.run.events[-1].kind is RunEventKind.UNKNOWN
            assert (await desk.runs.abort(view.run.run_id, "", "ann")).run.state is RunState.ABORTED
            with pytest.raises(NotFound, match="no workflow 'cable' is defined; there are none"):
                await desk.runs.start("cable", "", "ann")

    asyncio.run(soon(body()))


def test_what_was_seen_counts_only_where_the_run_is_at_that_step_still(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            view = await desk.begun()
            both = await asyncio.gather(desk.done(view, 1), desk.done(view, 1, by="bob"), return_exceptions=True)
            assert isinstance(both[0], RunView)
            assert isinstance(both[1], Refused)
            assert str(both[1]) == (
                "the run is not at step 1 but at step 2 of 2 (tell): ann did step 1 (look); port: open"
            )

    asyncio.run(soon(body()))


def test_a_full_disk_keeps_nobody_from_working_and_it_is_written_later(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            view = await desk.begun()
            desk.record.detail = "the disk is full"
            view = await desk.done(view, 1)
            assert (view.run.step, view.not_kept_because) == (2, "the disk is full")
            runs, incomplete = await desk.runs.runs(RunFilter(state="active"), 10)
            assert [one.run.run_id for one in runs] == [view.run.run_id]
            assert "the disk is full" in incomplete
            desk.record.detail = ""
            desk.book.committed()
            assert len(desk.record.rows["workflow_events"]) == 2
            assert (await desk.runs.run(view.run.run_id)).not_kept_because == ""
            desk.record.is_slow = True
            slow = asyncio.ensure_future(desk.done(view, 2))
            assert (await slow).not_kept_because == "it is on its way to the record"

    asyncio.run(soon(body()))


def test_after_a_restart_runs_go_on_and_those_that_expired_meanwhile_have(tmp_path: Path) -> None:
    async def body() -> None:
        record = HandRecord(Commits())
        (tmp_path / "first").mkdir()
        async with desk_of(tmp_path / "first", record) as desk:
            view = await desk.done(await desk.begun(), 1)
        record.rows["workflow_runs"]["wrong"] = {"id": "wrong", "state": "active", "document": {}}
        (tmp_path / "second").mkdir()
        async with desk_of(tmp_path / "second", record) as desk:
            again, was_open = await desk.runs.start("cable", "", "bob")
            assert (again.run, was_open) == (view.run, True)
            desk.clock.at += 1001.0
            desk.runs._expire(view.run.run_id)
            ended = await desk.runs.run(view.run.run_id)
            assert (ended.run.state, ended.run.events[-1].note) == (RunState.EXPIRED, "nobody did anything")
            with pytest.raises(Refused, match="the run is expired"):
                await desk.done(view, 2)
        record.detail = "it does not open"
        (tmp_path / "third").mkdir()
        async with desk_of(tmp_path / "third", record) as desk:
            with pytest.raises(StoreUnavailable):
                await desk.runs.run(view.run.run_id)

    asyncio.run(soon(body()))


def test_an_attempt_ends_as_its_run_does(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            for number, kind in enumerate((OutcomeKind.COMPLETED, OutcomeKind.FAILED, OutcomeKind.TIMED_OUT)):
                desk.guided.start_attempt(desk.order(f"a{number}"))
                [run] = desk.book.open()
                desk.clock.at += 10.0
                if kind is OutcomeKind.COMPLETED:
                    view = await desk.done(await desk.runs.run(run.run_id), 1)
                    await desk.done(view, 2)
                elif kind is OutcomeKind.FAILED:
                    await desk.runs.abort(run.run_id, "no cable", "ann")
                else:
                    desk.runs._expire(run.run_id)
                    assert len(desk.outcomes) == number, "its deadline has not come"
                    desk.clock.at += 51.0
                    desk.runs._expire(run.run_id)
                outcome = desk.outcomes[-1]
                assert (outcome.attempt_id, outcome.kind) == (f"a{number}", kind)
                assert outcome.execution_time_s >= 10.0
                assert run.run_id in outcome.detail

    asyncio.run(soon(body()))


def test_an_attempt_joins_the_run_that_people_are_at(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            view = await desk.begun()
            desk.guided.start_attempt(desk.order())
            [run] = desk.book.open()
            assert (run.run_id, run.attempt_id, run.expires_at) == (view.run.run_id, "a1", desk.clock.at + 60.0)

    asyncio.run(soon(body()))


def test_where_no_run_can_be_opened_the_attempt_is_refused(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            desk.guided.start_attempt(replace(desk.order("gone"), strategy=replace(BY_HAND, params={"workflow": "x"})))
            await asyncio.sleep(0)
            [refused] = desk.outcomes
            assert (refused.kind, "no workflow 'x' is defined" in refused.detail) == (OutcomeKind.REFUSED, True)
            for number in range(MOST_OPEN):
                run = (await desk.begun()).run
                desk.book.put(replace(run, run_id=f"w{number}", error_id=f"e{number}"))
                desk.book.put(replace(run, state=RunState.ABORTED))
            with pytest.raises(TransientError, match=f"{MOST_OPEN} runs of workflows are open already"):
                await desk.begun()

    asyncio.run(soon(body()))


def test_a_question_is_about_an_error_or_words(tmp_path: Path) -> None:
    async def body() -> None:
        async with desk_of(tmp_path) as desk:
            for error_id, text in (("", ""), ("3f", "cable")):
                with pytest.raises(InputError):
                    await desk.runs.find(error_id, text)
            [(found, run_id)] = await desk.runs.find("", "loose cable")
            assert (found.workflow, run_id) == (CABLE, "")
            with pytest.raises(NotFound):
                await desk.runs.find("3f", "")
            with pytest.raises(NotFound):
                await desk.runs.run("w1")

    asyncio.run(soon(body()))


def test_whoever_watches_an_error_hears_of_its_run_and_that_it_is_asked_for(tmp_path: Path) -> None:
    async def body() -> None:
        joined = Joined(tmp_path)
        joined.engine.redefine(DEFINED, joined.clock.now())
        commits = Commits()
        desk = Desk(HandRecord(commits), commits, joined.clock, joined)
        try:
            error_id, _ = joined.intake.take(web_fault())
            desk.guided.start_attempt(desk.order(error_id=error_id))
            assert [(one.kind, one.event) for one in desk.notices] == [("workflow", ""), ("workflow", "asked")]
            [(found, run_id)] = await desk.runs.find(error_id, "")
            assert run_id == desk.book.open()[0].run_id
            assert f"error-cli workflows guide {run_id}" in desk.notices[-1].text
            assert found.because == "it is for all errors"
        finally:
            desk.runs.close()
            joined.close()

    asyncio.run(soon(body()))


def test_an_attempt_ends_with_its_run_whatever_telling_of_it_costs(tmp_path: Path) -> None:
    def bug(_: Notice) -> None:
        raise KeyError("of a hook")

    async def body() -> None:
        joined = Joined(tmp_path)
        joined.engine.redefine(DEFINED, joined.clock.now())
        commits = Commits()
        desk = Desk(HandRecord(commits), commits, joined.clock, joined)
        try:
            error_id, _ = joined.intake.take(web_fault())
            desk.guided.start_attempt(desk.order(error_id=error_id))
            desk.runs._around = replace(desk.runs._around, tell=bug)
            with pytest.raises(KeyError):
                await desk.runs.abort(desk.book.open()[0].run_id, "", "ann")
            assert [one.attempt_id for one in desk.outcomes] == ["a1"]
        finally:
            desk.runs.close()
            joined.close()

    asyncio.run(soon(body()))
