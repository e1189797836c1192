"""The runs: those that are open, and those that ended lately, in memory; all of them in the record.

What is done is done in memory, and on its way to the record at once. Whoever did it is answered when it is there, or when that takes too
long: then they are told that it would not survive the daemon yet, and it is written when the record is back. So a disk that is full keeps
nobody from working, and what was answered without that remark survives `kill -9`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import structlog

from error_daemon.errors import NotFound, StoreUnavailable, TransientError
from error_daemon.middle import RunFilter
from error_daemon.model import Json, Run, RunState
from error_daemon.ports import Row
from error_daemon.runtime.commits import Commits
from error_daemon.runtime.workflows.rows import event_row, run_of, run_row

_log = structlog.get_logger()
MOST_OPEN = 256
_MOST_ENDED = 64  # in memory: those that have just ended are asked for, and their rows may still be on their way
_KEPT_WITHIN_S = 3.0
_LATER_S = 60.0


class Record(Protocol):
    """What is needed of store/client.py."""

    @property
    def detail(self) -> str: ...

    def append(self, table: str, row: Row) -> int: ...

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]: ...


class RunBook:
    """`committed` is called after every commit of the record, when `commits` knows of it."""

    def __init__(self, record: Record, commits: Commits) -> None:
        self._record = record
        self._commits = commits
        self._runs: dict[str, Run] = {}
        self._rows: dict[str, int] = {}  # by run: the number of its newest row
        self._written: dict[str, int] = {}  # by run: how many of its events have been given to the record
        self._unwritten: set[str] = set()  # there was no room for their rows

    async def restore(self) -> Sequence[Run]:
        """Those that are open, from before this start."""
        try:
            found = await self._read("open_workflow_runs", {"limit": MOST_OPEN})
        except StoreUnavailable as error:
            _log.error("workflow_runs_not_restored", error=str(error))
            return ()
        for run in found:
            self._runs[run.run_id] = run
            self._written[run.run_id] = len(run.events)
        return found

    # --- one run

    def open_for(self, workflow_id: str, error_id: str) -> Run | None:
        """There is one at most."""
        return next((run for run in self.open() if (run.workflow_id, run.error_id) == (workflow_id, error_id)), None)

    def open(self) -> list[Run]:
        return [run for run in self._runs.values() if run.state is RunState.ACTIVE]

    def active(self, run_id: str) -> Run:
        """As it is in memory. Raises NotFound where it is not; those that have ended may not be."""
        run = self._runs.get(run_id)
        if run is None:
            raise NotFound(f"no run {run_id!r} of a workflow is open; `error-cli workflows runs` has them all")
        return run

    async def run(self, run_id: str) -> Run:
        """Any, and be it only in the record. Raises NotFound, StoreUnavailable."""
        known = self._runs.get(run_id)
        if known is not None:
            return known
        for run in await self._read("workflow_run", {"run_id": run_id}):
            return run
        raise NotFound(f"no run {run_id!r} of a workflow is known")

    def make_room(self) -> None:
        """Raises TransientError where as many are open as may be."""
        if len(self.open()) >= MOST_OPEN:
            raise TransientError(f"{MOST_OPEN} runs of workflows are open already", _LATER_S)

    def put(self, run: Run) -> None:
        """As it is from now on."""
        self._runs[run.run_id] = run
        self._write(run)
        self._forget_ended()

    def _write(self, run: Run) -> None:
        try:
            for event in run.events[self._written.get(run.run_id, 0) :]:
                self._record.append("workflow_events", event_row(run, event))
                self._written[run.run_id] = event.number
            self._rows[run.run_id] = self._record.append("workflow_runs", run_row(run))
        except StoreUnavailable:
            self._unwritten.add(run.run_id)
        else:
            self._unwritten.discard(run.run_id)

    def _forget_ended(self) -> None:
        ended = [run_id for run_id, run in self._runs.items() if run.state is not RunState.ACTIVE]
        for run_id in ended[: max(0, len(ended) - _MOST_ENDED)]:
            if self._is_kept(run_id):
                for known in (self._runs, self._rows, self._written):
                    known.pop(run_id, None)

    # --- the record

    def committed(self) -> None:
        """There may be room again. Does not raise."""
        for run_id in tuple(self._unwritten):
            self._write(self._runs[run_id])

    def _is_kept(self, run_id: str) -> bool:
        return run_id not in self._unwritten and self._rows.get(run_id, 0) <= self._commits.number

    def not_kept_because(self, run_id: str) -> str:
        """Empty: it is in the record."""
        return "" if self._is_kept(run_id) else self._record.detail or "it is on its way to the record"

    async def kept(self, run_id: str) -> None:
        """Returns when all of it is in the record, or when that takes too long."""
        if run_id not in self._unwritten and not self._record.detail:
            await self._commits.has(self._rows.get(run_id, 0), _KEPT_WITHIN_S)

    async def runs(self, wanted: RunFilter, limit: int) -> tuple[list[Run], str]:
        """The newest first, and why those that are in the record only are missing."""
        known = {run.run_id: run for run in self._runs.values() if _is_wanted(run, wanted)}
        incomplete = ""
        try:
            params = {"state": wanted.state, "error_id": wanted.error_id, "workflow_id": wanted.workflow_id}
            recorded = await self._read("workflow_runs", {**params, "limit": limit})
        except StoreUnavailable as error:
            recorded, incomplete = [], f"the record cannot be read now: {error}"
        others = [run for run in recorded if run.run_id not in self._runs]  # memory knows better
        return sorted((*known.values(), *others), key=lambda run: -run.started_at)[:limit], incomplete

    async def _read(self, query: str, params: Mapping[str, Json]) -> list[Run]:
        rows = await self._record.query(query, **params)
        events: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for row in await self._record.query("workflow_events_of", run_ids=",".join(_ids(rows))):
            events[str(row["run_id"])].append(row)
        return list(_readable(rows, events))


def _ids(rows: Iterable[Mapping[str, Json]]) -> list[str]:
    return [str(row["id"]) for row in rows]


def _readable(rows: Iterable[Mapping[str, Any]], events: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterable[Run]:
    for row in rows:
        try:
            yield run_of(row, events.get(row["id"], ()))
        except (ValueError, KeyError, TypeError) as error:
            _log.error("row_not_restored", row=repr(row), error=repr(error))


def _is_wanted(run: Run, wanted: RunFilter) -> bool:
    return (
        wanted.state in ("", run.state.value)
        and wanted.error_id in ("", run.error_id)
        and wanted.workflow_id in ("", run.workflow_id)
    )
