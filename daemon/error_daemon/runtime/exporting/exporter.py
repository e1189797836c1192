"""
Sends what is to be told to the collector, from a bounded queue, on the loop.

    stories ── spans ──► queue ──► batches ──► sender ──► collector
    catalogue ── every metrics_interval ───────►

**A collector that is away costs nothing but the queue.** What cannot be sent now is tried again, after a delay that doubles up to half a
minute; meanwhile spans gather until the queue is full, and those that come then are dropped and counted. Metrics are not tried again: the
next export has newer ones. Nothing here is waited for by a recovery, and the daemon's stop waits no longer than a second.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice

import structlog
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from error_daemon.errors import PermanentError, TransientError
from error_daemon.model import Diagnostic
from error_daemon.ports import Clock
from error_daemon.runtime.diagnosis.area import Area, some
from error_daemon.runtime.exporting.message import Metrics, traces
from error_daemon.runtime.exporting.sender import Sender
from error_daemon.runtime.exporting.spans import Span
from error_daemon.runtime.monitoring.catalogue import CATALOGUE
from error_daemon.runtime.monitoring.scene import Monitored, Turns, scene_of
from error_daemon.telemetry import CountsBy

_log = structlog.get_logger()
_AREA = Area("telemetry")
_MOST_WAITING = 8192
_BATCH = 128  # spans: some 2 ms to put together
_EVERY_S = 1.0
_LONGEST_AGAIN_S = 30.0
_LAST_S = 1.0


class Exporter:
    """`metrics_every_s` 0: no metrics. `counts`: of signals, and what became of them."""

    def __init__(
        self,
        sender: Sender,
        resource: Resource,
        clock: Clock,
        counts: CountsBy,
        *,
        metrics_every_s: float,
        every_s: float = _EVERY_S,
    ) -> None:
        self._sender = sender
        self._resource = resource
        self._clock = clock
        self._counts = counts
        self._metrics_every_s = metrics_every_s
        self._every_s = every_s
        self._started_at = clock.now()
        self._waiting: deque[Span] = deque()
        self._tasks: list[asyncio.Task[None]] = []
        self._problems: dict[str, str] = {}  # by signal: why the last export was not taken

    def put(self, spans: Sequence[Span]) -> None:
        room = max(0, _MOST_WAITING - len(self._waiting))
        self._waiting.extend(islice(spans, room))
        self.left_out(len(spans) - min(room, len(spans)))

    def left_out(self, spans: int) -> None:
        """There was no room for so many."""
        if spans > 0:
            self._counts.add("traces", "dropped", times=spans)

    def start(self, monitored: Monitored, look: Callable[[], None]) -> None:
        """`look()` is called each second."""
        self._tasks.append(asyncio.ensure_future(self._send_traces(look)))
        if self._metrics_every_s:
            self._tasks.append(asyncio.ensure_future(self._send_metrics(monitored)))

    async def stop(self) -> None:
        """What waits may still be sent, if that is quick."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
            with suppress(asyncio.TimeoutError, TransientError):
                await asyncio.wait_for(self._send_waiting(), _LAST_S)
            await self._sender.close()

    # --- traces

    async def _send_traces(self, look: Callable[[], None]) -> None:
        again_s = self._every_s
        while True:
            await asyncio.sleep(again_s)
            try:
                look()
                await self._send_waiting()
                again_s = self._every_s
            except TransientError:
                again_s = min(2 * again_s, _LONGEST_AGAIN_S)
            except Exception as error:  # noqa: BLE001  or nothing would ever be sent again
                _log.critical("bug", problem="traces were not exported", exc_info=error)
                self._drop_first()

    async def _send_waiting(self) -> None:
        """Raises TransientError: what is left waits on."""
        while self._waiting:
            batch = list(islice(self._waiting, _BATCH))
            taken = await self._send("traces", traces(self._resource, batch))
            for _ in batch:
                self._waiting.popleft()
            self._counts.add("traces", "sent" if taken else "refused", times=len(batch))

    def _drop_first(self) -> None:
        """One batch, which is what cannot be sent."""
        for _ in range(min(_BATCH, len(self._waiting))):
            self._waiting.popleft()
            self.left_out(1)

    # --- metrics

    async def _send_metrics(self, monitored: Monitored) -> None:
        while True:
            await asyncio.sleep(self._metrics_every_s)
            try:
                taken = await self._send("metrics", await self._metrics(monitored))
                self._counts.add("metrics", "sent" if taken else "refused")
            except TransientError:
                self._counts.add("metrics", "dropped")
            except Exception as error:  # noqa: BLE001  as above
                _log.critical("bug", problem="metrics were not exported", exc_info=error)

    async def _metrics(self, monitored: Monitored) -> bytes:
        scene, turns = await scene_of(monitored), Turns(self._clock)
        metrics = Metrics(self._resource, self._started_at, self._clock.now())
        for metric in CATALOGUE:
            metrics.add(metric, metric.read(scene))
            await turns.share()
        return metrics.serialised()

    # --- both

    def diagnostics(self) -> Sequence[Diagnostic]:
        """See middle.Diagnosing."""
        counts = self._counts.counts
        sent, dropped = (counts.get(("traces", word), 0) for word in ("sent", "dropped"))
        says = f"{some(sent, 'span')} sent, {len(self._waiting):,} wait, {dropped:,} were dropped"
        if not self._problems:
            return [_AREA.good("collector", says, sent=sent, waiting=len(self._waiting), dropped=dropped)]
        problem = "; ".join(f"{signal}: {why}" for signal, why in self._problems.items())
        mend = "look at the collector, and at [telemetry] in recovery.conf; it is tried again by itself, and recoveries go on"
        return [_AREA.notice("collector", f"{problem}; {says}", mend, waiting=len(self._waiting), dropped=dropped)]

    async def _send(self, signal: str, export: bytes) -> bool:
        """False: the collector will never take it. Raises TransientError. The log is told once of a problem, and when it is over."""
        try:
            await self._sender.send(signal, export)
        except (TransientError, PermanentError) as error:
            if signal not in self._problems:
                _log.warning("telemetry_not_sent", signal=signal, problem=str(error))
            self._problems[signal] = str(error)
            if isinstance(error, TransientError):
                raise
            return False
        if self._problems.pop(signal, ""):
            _log.info("telemetry_sent_again", signal=signal)
        return True
