"""Runs of workflows as rows of the record, and back: a row for the run, which the newest replaces, and one for each event, which stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from error_daemon.model import Json, Run, RunEvent

Row = dict[str, Json]
_IN_DOCUMENT = ("name", "target", "step", "expires_s", "deadline_at", "attempt_id")


def run_row(run: Run) -> Row:
    document = {name: getattr(run, name) for name in _IN_DOCUMENT}
    return {
        "id": run.run_id,
        "workflow_id": run.workflow_id,
        "error_id": run.error_id,
        "state": run.state.value,
        "started_at": run.started_at,
        "last_at": run.last_at,
        "document": {**document, "steps": [asdict(step) for step in run.steps]},
    }


def event_row(run: Run, event: RunEvent) -> Row:
    return {
        "id": f"{run.run_id}-{event.number}",
        "run_id": run.run_id,
        "number": event.number,
        "at": event.at,
        "kind": event.kind.value,
        "step": event.step,
        "actor": event.by,
        "note": event.note,
        "reading": {**asdict(event.reading), "value": event.reading.value.value} if event.reading else None,
    }


def run_of(row: Mapping[str, Any], events: Sequence[Mapping[str, Any]]) -> Run:
    """Raises ValueError, KeyError where it is none that this version has written."""
    if not events:
        raise ValueError(f"the run {row['id']} has no events")
    happened = [{**event, "by": event["actor"]} for event in events]
    return _reader().validate_python({**row, **row["document"], "run_id": row["id"], "events": happened})


@cache
def _reader() -> TypeAdapter[Run]:
    """Made when it is needed: most daemons start without runs."""
    return TypeAdapter(Run)
