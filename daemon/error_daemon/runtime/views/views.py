"""middle.Views: what pages are made from, of what the engine, the sensors and the record know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from error_daemon.core.metrics.classes import LAYERS
from error_daemon.errors import NotFound, TransientError
from error_daemon.model import Diagnostic, ErrorType, Json
from error_daemon.model.views import DayFigures, HostFigure, HostState, Layers, Now, Scores, ScoreWish, TargetStates
from error_daemon.ports import Clock
from error_daemon.runtime.views.day import DAY_S, EVERY_S, Day
from error_daemon.runtime.views.now import Newest

_WEEK_S = 7 * 86400.0
_TYPES: Mapping[str, Sequence[ErrorType]] = {
    layer.name: sorted(layer.types, key=lambda kind: kind.value) for layer in LAYERS
}


@dataclass(frozen=True, slots=True)
class ViewSources:
    """`metrics(since, until)`: core/metrics' RecoveryMetrics of a range, made plain. `scores(wish)`: core/metrics'
    ScoreSeries of what is wished, made plain. `sensors()`, `figures(prefix, last_s, points)`: of the host, sampled every `interval_s`."""

    metrics: Callable[[float, float], Awaitable[Json]]
    scores: Callable[[ScoreWish], Awaitable[Sequence[Mapping[str, Json]]]]
    sensors: Callable[[], Sequence[Diagnostic]]
    figures: Callable[[str, float, int], Sequence[HostFigure]]
    interval_s: float


class DaemonViews:
    def __init__(self, newest: Newest, clock: Clock, sources: ViewSources) -> None:
        self._newest = newest
        self._clock = clock
        self._sources = sources
        self._day = Day(clock, sources.metrics)

    async def now(self) -> Now:
        return await self._newest.now()

    async def targets(self, name: str) -> TargetStates:
        states = await self._newest.targets()
        wanted = [target for target in states if name in ("", target.name)]
        if name and not wanted:
            raise NotFound(f"no target {name!r} is defined")
        day, stale = await self._day.figures()
        return TargetStates(wanted, self._clock.now(), day, stale)

    async def layers(self, since: float, until: float) -> Layers:
        if not since and not until:
            return Layers(await self._whole_day(), _TYPES)
        now = self._clock.now()
        until = until or now
        since = since or until - DAY_S
        return Layers(DayFigures(await self._sources.metrics(since, until), since, until, now), _TYPES)

    async def _whole_day(self) -> DayFigures:
        day, stale = await self._day.figures(EVERY_S)
        if not day.at:
            raise TransientError(stale[0].why, EVERY_S)
        return day

    async def scores(self, wish: ScoreWish) -> Scores:
        until = wish.until or self._clock.now()
        since = wish.since or until - _WEEK_S
        series = await self._sources.scores(replace(wish, since=since, until=until))
        return Scores(series, since, until, max(0.0, until - since) / wish.points)

    def host(self, prefix: str, last_s: float, points: int) -> HostState:
        sources = self._sources
        figures = sources.figures(prefix, last_s, points)
        return HostState(sources.sensors(), figures, self._clock.now(), sources.interval_s)
