"""The recovery metrics of the last 24 hours, worked out when somebody looks, and at most every EVERY_S: it takes a process of its own for
some tenths of a second. While they are worked out anew the ones before are shown; they say when they were worked out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from error_daemon.errors import ErrorRecoveryError
from error_daemon.model import Json
from error_daemon.model.views import DayFigures, Stale
from error_daemon.ports import Clock

_log = structlog.get_logger()
DAY_S = 86400.0
EVERY_S = 30.0
_PATIENCE_S = 3.0  # for the first ones: who looks would rather see the rest


_NONE_YET = DayFigures(None, 0.0, 0.0, 0.0)


class Day:
    """`metrics(since, until)` works them out."""

    def __init__(self, clock: Clock, metrics: Callable[[float, float], Awaitable[Json]]) -> None:
        self._clock = clock
        self._metrics = metrics
        self._newest = _NONE_YET
        self._why = ""
        self._asked_at = 0.0
        self._working: asyncio.Task[None] | None = None

    async def figures(self, patience_s: float = _PATIENCE_S) -> tuple[DayFigures, list[Stale]]:
        """What there is, after waiting for the first ones for a while; and why they are not newer."""
        now = self._clock.now()
        if self._working is None and now >= self._asked_at + EVERY_S:
            self._asked_at = now
            self._working = asyncio.ensure_future(self._work(now))
        if self._working is not None and not self._newest.at:
            await asyncio.wait({self._working}, timeout=patience_s)
        return self._newest, self._stale()

    def _stale(self) -> list[Stale]:
        if self._why:
            return [
                Stale("day", f"the figures of the last 24 hours could not be worked out: {self._why}", self._newest.at)
            ]
        return [] if self._newest.at else [Stale("day", "the figures of the last 24 hours are being worked out")]

    async def _work(self, now: float) -> None:
        since = now - DAY_S
        try:
            self._newest = DayFigures(await self._metrics(since, now), since, now, now)
            self._why = ""
        except ErrorRecoveryError as error:
            self._why = str(error)
        except Exception as error:  # noqa: BLE001  who looks is told, and the next one has it tried again
            _log.critical("bug", problem="the figures of the day were not worked out", exc_info=error)
            self._why = repr(error)
        finally:
            self._working = None
