"""What is made from much of the record at once: recovery metrics, and history run through other definitions."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, cast

from error_daemon.core.brakes.pause import ALL, Pause
from error_daemon.core.metrics.downtime import OpenInterval
from error_daemon.core.metrics.figures import Span
from error_daemon.core.policy import Policy
from error_daemon.errors import ConfigError, Refused
from error_daemon.model import Definitions, Json
from error_daemon.model.views import ScoreWish
from error_daemon.runtime.analysis import Analysis
from error_daemon.runtime.jobs import MetricsJob, ReplayJob
from error_daemon.runtime.views.score_job import ScoreJob
from error_daemon.store.client import DuckStore

_LONGEST_ATTEMPT_S = 3600.0  # attempts are found by when they began, and counted by when they ended
_MOST_ROWS = 100_000  # of one kind: some 200 MB of memory while they are handed over
_HALF_LIVES = 2.0  # what was learned earlier counts for less than a quarter
_LONGEST_PAUSE_S = 7 * 86400.0  # how far back a pause is looked for that holds on into the range
Row = Mapping[str, Any]


class Reports:
    def __init__(
        self, store: DuckStore, analysis: Analysis, definitions: Callable[[], Definitions], policy: Policy
    ) -> None:
        """`definitions()`: those in force."""
        self._store = store
        self._analysis = analysis
        self._definitions = definitions
        self._policy = policy

    async def metrics(self, since: float, until: float, still_down: Sequence[OpenInterval]) -> Json:
        """See middle.Control."""
        begin = since or await self._begin(until)
        weights = {target.id: target.weight for target in self._definitions().targets.values()}
        async with self._analysis.begin(MetricsJob(Span(begin, until), weights, still_down)) as session:
            await session.give(
                {
                    "tickets": await self._rows("tickets", since, until),
                    "attempts": await self._rows("attempts_between", since - _LONGEST_ATTEMPT_S, until),
                }
            )
            return await session.hear()

    async def _begin(self, now: float) -> float:
        """When the record of tickets begins."""
        first = await self._store.query("tickets", limit=1)
        return float(first[0]["opened_at"]) if first else now

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

    async def scores(self, wish: ScoreWish) -> Sequence[Mapping[str, Json]]:
        """See middle.Views. What was learned in the half-lives before the range is learned too; of more attempts than can be handed over
        the oldest are left out."""
        since = wish.since - _HALF_LIVES * self._policy.half_life_s
        async with self._analysis.begin(ScoreJob(wish, self._policy.half_life_s)) as session:
            await session.give({"attempts": await self._store.query("history", since=since, limit=_MOST_ROWS)})
            return cast(Sequence[Mapping[str, Json]], await session.hear())

    async def replay(
        self, files: Mapping[str, str], since: float, until: float, seed: int
    ) -> AsyncGenerator[Mapping[str, Json], None]:
        """See middle.Control."""
        async with self._analysis.begin(ReplayJob(files, replace(self._policy, seed=seed))) as session:
            problems = await session.hear()
            if problems:
                raise ConfigError(problems)
            yield {"phase": "reading the record", "done_ratio": 0.0}
            acts = await self._store.query(
                "audit_between", since=since - _LONGEST_PAUSE_S, until=until, actions="pause,resume"
            )
            in_range = (pause for pause in _pauses(acts) if not pause.until or pause.until > since)
            rows = {
                "faults": await self._rows("faults_between", since, until),
                "decisions": await self._rows("decisions_between", since, until),
                "attempts": await self._rows("attempts_between", since, until),
                "tickets": await self._rows("tickets", since, until),
                "pauses": [asdict(pause) for pause in in_range],
                "learned": await self._store.query("learned_scores"),
                "timeouts": await self._store.query("learned_timeouts"),
            }
            yield {"phase": f"replaying {len(rows['faults'])} faults", "done_ratio": 0.3}
            await session.give(rows)
            yield {"phase": "done", "done_ratio": 1.0, "result": await session.hear()}

    async def _rows(self, query: str, since: float, until: float) -> list[dict[str, Json]]:
        rows = await self._store.query(query, since=since, until=until, limit=_MOST_ROWS + 1)
        if len(rows) > _MOST_ROWS:
            raise Refused(
                f"there are more than {_MOST_ROWS:,} {query.split('_', maxsplit=1)[0]} in this range: take a shorter one"
            )
        return rows


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
