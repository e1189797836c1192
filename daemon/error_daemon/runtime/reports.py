"""What is made from much of the record at once: recovery metrics, and history run through other definitions."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.metrics.figures import Span
from error_daemon.core.policy import Policy
from error_daemon.definitions.loader import load_definitions
from error_daemon.errors import ConfigError
from error_daemon.model import Definitions, Json
from error_daemon.rpc.plain import plain
from error_daemon.runtime.analysis import Analysis, MetricsJob, ReplayJob
from error_daemon.store.client import DuckStore

_LONGEST_ATTEMPT_S = 3600.0  # attempts are found by when they began, and counted by when they ended
_LONGEST_PAUSE_S = 7 * 86400.0  # how far back a pause is looked for that holds on into the range
Row = Mapping[str, Any]


class Reports:
    def __init__(self, store: DuckStore, analysis: Analysis, definitions: Definitions, policy: Policy) -> None:
        self._store = store
        self._analysis = analysis
        self._definitions = definitions
        self._policy = policy

    async def metrics(self, since: float, until: float, still_down: Sequence[OpenInterval]) -> Json:
        """See ports.Control."""
        tickets = await self._store.query("tickets", since=since, until=until)
        attempts = await self._store.query("attempts_between", since=since - _LONGEST_ATTEMPT_S, until=until)
        job = MetricsJob(
            tickets=tickets,
            attempts=attempts,
            span=Span(since or _first(tickets, until), until),
            weights={target.id: target.weight for target in self._definitions.targets.values()},
            still_down=still_down,
        )
        [recovery] = [told async for told in self._analysis.run(job)]
        return plain(recovery)

    async def strategies(self) -> list[Mapping[str, Json]]:
        """What was learned of each strategy for each error type."""
        names = ("score", "success_rate", "mean_time_s", "timeout_s", "last_updated")
        return [
            {
                "error_type": row["error_type"],
                "strategy_id": row["strategy_id"],
                "samples": row["attempts"],
                **{name: row[name] or 0.0 for name in names},
            }
            for row in await self._store.query("strategy_metrics")
        ]

    async def replay(
        self, files: Mapping[str, str], since: float, until: float, seed: int
    ) -> AsyncIterator[Mapping[str, Json]]:
        """See ports.Control."""
        definitions = await asyncio.to_thread(_loaded, files)
        yield {"phase": "reading the record", "done_ratio": 0.0}
        span = {"since": since, "until": until}
        acts = await self._store.query(
            "audit_between", since=since - _LONGEST_PAUSE_S, until=until, actions="pause,resume"
        )
        job = ReplayJob(
            faults=await self._store.query("faults_between", **span),
            decisions=await self._store.query("decisions_between", **span),
            attempts=await self._store.query("attempts_between", **span),
            tickets=await self._store.query("tickets", **span),
            pauses=[pause for pause in _pauses(acts) if not pause.until or pause.until > since],
            learned=await self._store.query("learned_scores"),
            timeouts=await self._store.query("learned_timeouts"),
            definitions=definitions,
            policy=replace(self._policy, seed=seed),
        )
        yield {"phase": f"replaying {len(job.faults)} faults", "done_ratio": 0.3}
        async for replayed in self._analysis.run(job):
            yield {"phase": "done", "done_ratio": 1.0, "result": await asyncio.to_thread(plain, replayed)}


def _loaded(files: Mapping[str, str]) -> Definitions:
    """Raises ConfigError; its problems name the files as they were given."""
    with tempfile.TemporaryDirectory(prefix="error-recovery-replay-") as directory:
        for name, text in files.items():
            (Path(directory) / name).write_text(text, encoding="utf-8")
        try:
            return load_definitions(Path(directory))
        except ConfigError as wrong:
            raise ConfigError([replace(one, file=Path(one.file).name) for one in wrong.problems]) from None


def _first(tickets: Sequence[Row], now: float) -> float:
    """When the record begins."""
    return min((row["opened_at"] for row in tickets), default=now)


def _pauses(acts: Iterable[Row]) -> list[Pause]:
    """What was paused, with the time at which it was resumed where that came first. `acts`: oldest first."""
    found: list[Pause] = []
    in_force: dict[str, int] = {}
    for act in acts:
        target = ALL if act["subject"] == "all" else act["subject"]
        if target in in_force:
            before = found[in_force.pop(target)]
            found[found.index(before)] = replace(before, until=min(before.until or act["at"], act["at"]))
        if act["action"] == "pause":
            detail = act["detail"]
            in_force[target] = len(found)
            found.append(Pause(target, act["at"], detail["until"], detail["reason"], act["actor"]))
    return found
