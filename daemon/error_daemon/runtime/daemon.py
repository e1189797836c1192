"""The composition root: makes every part, joins them, starts and stops them in order.

start   ring → record → engine (what was learned, errors) → workers → the ring's faults → gRPC → sensors → ready
stop    no new calls → running attempts end → workers → record → ring
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from error_daemon import __version__
from error_daemon.core.board import Policy
from error_daemon.core.classify import Classification
from error_daemon.core.effects import ErrorRestored, FaultRestored
from error_daemon.core.engine import Engine
from error_daemon.errors import ConfigError, Problem, StoreUnavailable
from error_daemon.execute.pool import WorkerPool
from error_daemon.ingest.decode import decode
from error_daemon.ingest.process_watch import ProcessWatch
from error_daemon.model import Definitions, ErrorView, Fault, Fingerprint, Priority, Rule
from error_daemon.ports import Service
from error_daemon.ring.mapped import Geometry, open_ring
from error_daemon.rpc.aio_server import AioServer
from error_daemon.rpc.fault_service import FaultService
from error_daemon.rpc.handler_service import HandlerService
from error_daemon.rpc.recovery_service import RecoveryService
from error_daemon.runtime import records
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.control import DaemonControl, Parts
from error_daemon.runtime.intake import RingIntake
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.systemd import Notifier
from error_daemon.runtime.watchers import Watchers
from error_daemon.settings import RingSettings, Settings
from error_daemon.store.client import DuckStore
from error_daemon.telemetry import Counters

_log = structlog.get_logger()


class Daemon:
    """One daemon. `await run()` returns after SIGTERM or SIGINT; `address` is then known to have been served."""

    def __init__(self, settings: Settings, definitions: Definitions) -> None:
        self._settings = settings
        self._definitions = definitions
        self._clock = SteadyClock()
        self._counters = Counters()
        self._notifier = Notifier()
        self._views: dict[str, ErrorView] = {}  # by fingerprint, while the daemon starts
        workers = settings.worker_threads or (os.cpu_count() or 1) + 2
        state = _state_dir(settings.state_dir)
        self._ring = open_ring(state / "faults.ring", _geometry(settings.ring))
        self._counters.torn_slots = self._ring.torn
        self._engine = Engine(definitions, _policy(settings, workers))
        self._watchers = Watchers(self._engine.listen)
        self._loop = RecoveryLoop(
            self._engine,
            self._clock,
            self._ring,
            counters=self._counters,
            lag_threshold_s=settings.lag_threshold,
            on_notice=self._watchers.tell,
            on_recovered=self._recovered,
        )
        self._store = DuckStore(
            str(state / "recovery.duckdb"), settings.store, self._loop.committed, partial(_log.error, "record")
        )
        self._pool = WorkerPool(
            workers,
            settings.attempts_per_worker,
            self._clock,
            on_outcome=self._loop.outcome,
            on_readings=self._loop.readings,
            on_worker_lost=self._worker_lost,
        )
        self._handlers = HandlerService(self._clock, self._loop.outcome, self._fault_of)
        self._loop.join(self._pool, self._handlers.start_attempt, self._store)
        self._intake = RingIntake(
            self._loop,
            self._ring,
            self._clock,
            targets=definitions.targets,
            counters=self._counters,
            rows_waiting=self._store.rows_waiting,
            most_rows_waiting=settings.store.waiting_rows,
        )
        self._sensor = ProcessWatch(
            definitions.targets, self._clock, self._intake.take, partial(_log.error, "sensor_fault_refused")
        )

    # --- run

    async def run(self) -> None:
        """Start, serve until told to stop, drain."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            server = await self._start()
            try:
                await stop.wait()
            finally:
                await self._drain(server)
        finally:
            await self._stop_edges()
        _log.info("stopped")

    async def _start(self) -> AioServer:
        await self._store.start()
        await self._restore_record()
        await self._pool.start()
        self._restore_ring()
        server = AioServer(self._settings.max_message_bytes, _bug)
        for service in self._services():
            server.add(service)
        address = await server.start(self._settings.listen)
        self._sensor.start()
        self._notifier.ready(f"serving on {address}")
        _log.info(
            "serving",
            version=__version__,
            address=address,
            pid=os.getpid(),
            rules=len(self._definitions.rules),
            workers=self._pool.alive,
            errors=self._engine.errors_known(),
            tickets=self._engine.tickets_open(),
            torn_slots=self._counters.torn_slots,
        )
        return server

    def _services(self) -> Sequence[Service]:
        control = DaemonControl(
            self._loop,
            self._clock,
            Parts(
                definitions=self._definitions,
                ring=self._ring,
                store=self._store,
                applications=self._handlers,
                watchers=self._watchers,
                counters=self._counters,
                workers=lambda: self._pool.alive,
            ),
        )
        durable = self._settings.ring.durability == "power"
        return (
            FaultService(self._intake, durable).service(),
            RecoveryService(control).service(),
            self._handlers.service(),
        )

    async def _drain(self, server: AioServer) -> None:
        """Take no more faults, and let what is running come to its end."""
        self._notifier.stopping()
        _log.info("draining", attempts=self._engine.attempts_running())
        self._sensor.stop()
        drain_timeout_s = self._settings.drain_timeout
        await asyncio.gather(server.stop(min(1.0, drain_timeout_s)), self._loop.finish(drain_timeout_s))

    async def _stop_edges(self) -> None:
        self._loop.close()
        await self._pool.stop()
        await self._store.stop()
        self._ring.close()

    # --- read back at start

    async def _restore_record(self) -> None:
        """What was learned, and the errors known. Without a record the daemon starts all the same, knowing less."""
        try:
            scores = [records.score_of(row) for row in await self._store.query("learned_scores")]
            timeouts = [records.timeout_of(row) for row in await self._store.query("learned_timeouts")]
            rows = await self._store.query("recent_errors", limit=self._settings.known_errors)
        except StoreUnavailable as error:
            _log.error("record_not_restored", error=str(error))
            return
        self._engine.restore_learned(scores, timeouts)
        for row in reversed(rows):
            view = records.view_of(row)
            self._views[view.fingerprint] = view
            fingerprint = Fingerprint(bytes.fromhex(view.fingerprint), view.because)
            classification = Classification(self._rule(view.rule), view.severity, view.response_class)
            self._loop.feed(ErrorRestored(view, fingerprint, _fault_of_view(view), classification))

    def _rule(self, rule_id: str) -> Rule | None:
        return next((rule for rule in self._definitions.rules if rule.id == rule_id), None)

    def _restore_ring(self) -> None:
        """The faults that the ring has kept. Their fingerprints are worked out anew: the way they are made may have changed."""
        for kept in self._ring.kept():
            fault = replace(decode(kept.payload, kept.received_at), received_at=kept.received_at)
            fingerprint = self._engine.fingerprint(fault)
            classification = self._engine.classify(fault)
            view = self._views.get(fingerprint.digest.hex())
            event = FaultRestored(fault, fingerprint, kept.slot, classification, kept.count, kept.progress, view)
            self._loop.feed(event)
        self._views.clear()

    # --- callbacks

    def _recovered(self, target: str) -> None:
        self._sensor.look(target)

    def _worker_lost(self, detail: str) -> None:
        self._counters.workers_lost += 1
        _log.warning("worker_lost", detail=detail)

    def _fault_of(self, error_id: str) -> bytes | None:
        slot = self._engine.slot(error_id)
        return self._ring.read(slot) if slot else None


def _bug(method: str, error: BaseException) -> None:
    _log.critical("bug", method=method, exc_info=error)


def _state_dir(path: str) -> Path:
    directory = Path(path)
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        mend = "state_dir in recovery.conf says where; the daemon's user must be able to write there"
        raise ConfigError(
            [Problem(path, 0, 0, f"the state directory cannot be made: {error.strerror}", mend)]
        ) from error
    return directory


def _geometry(ring: RingSettings) -> Geometry:
    slots = (ring.critical_slots, ring.high_slots, ring.normal_slots, ring.low_slots)
    return Geometry(ring.slot_bytes, dict(zip(Priority, slots, strict=True)))


def _policy(settings: Settings, workers: int) -> Policy:
    return Policy(
        capacity=workers * settings.attempts_per_worker,
        flap_threshold_s=settings.flap_threshold,
        retry_failed_after_s=settings.retry_failed_after,
        half_life_s=settings.learning.half_life,
        known_errors=settings.known_errors,
        seed=settings.learning.seed,
    )


def _fault_of_view(view: ErrorView) -> Fault:
    """As much of its newest fault as the record of an error has."""
    return Fault(
        type=view.type,
        message=view.message,
        severity=view.severity,
        component=view.component,
        node=view.node,
        hardware_id=view.hardware_id,
        target=view.target,
        received_at=view.last_at,
    )
