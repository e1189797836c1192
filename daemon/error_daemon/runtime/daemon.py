"""The composition root: makes every part, joins them, starts and stops them in order.

start   ring → record → engine (what was learned, errors) → workers → the ring's faults → gRPC → sensors → ready
reload  read and examine in another process → engine, intake and sensors in one turn of the loop
stop    no new calls → running attempts end → workers → record → ring
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog

from error_daemon import __version__
from error_daemon.core.brakes.pause import Pause
from error_daemon.core.engine import Engine
from error_daemon.errors import NotFound
from error_daemon.execute.host import HostCounters
from error_daemon.execute.pool import WorkerPool
from error_daemon.ingest.process_watch import ProcessWatch
from error_daemon.ingest.sensors.assembly import Sensors
from error_daemon.ingest.sensors.kernel_log import KernelLog
from error_daemon.ingest.system_state import system_state
from error_daemon.ingest.unit_watch import UnitWatch
from error_daemon.model import Definitions, Json
from error_daemon.ports import Server, Service
from error_daemon.ring.opening import open_ring
from error_daemon.rpc.aio_server import AioServer
from error_daemon.rpc.fault_service import FaultService
from error_daemon.rpc.handler_service import HandlerService
from error_daemon.rpc.recovery_service import RecoveryService
from error_daemon.rpc.wire.server import WireServer
from error_daemon.runtime.admission import Admission
from error_daemon.runtime.analysis import Analysis
from error_daemon.runtime.audit import Audit
from error_daemon.runtime.bugs import log_bug, log_bugs
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.control import DaemonControl, Parts
from error_daemon.runtime.diagnosis.diagnosis import Shared
from error_daemon.runtime.diagnosis.sources import Seen, Sources
from error_daemon.runtime.from_settings import geometry_of, made_state_dir, policy_of, wire_limits_of, workers_of
from error_daemon.runtime.heartbeat import Heartbeat
from error_daemon.runtime.intake import RingIntake
from error_daemon.runtime.limits import raise_limits
from error_daemon.runtime.pauses import PauseFile
from error_daemon.runtime.peers import PeersSentAway
from error_daemon.runtime.problems import record_problem, sensor_news, sensor_problem
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.reload import Reloader, Takers
from error_daemon.runtime.repeat import RepeatTests
from error_daemon.runtime.reports import Reports
from error_daemon.runtime.restore import restore_record, restore_ring
from error_daemon.runtime.standstill import Standstill
from error_daemon.runtime.system_states import SystemStates
from error_daemon.runtime.systemd import Notifier, given_fd, status_line
from error_daemon.runtime.watchers import Watchers
from error_daemon.settings import DSCP, Settings
from error_daemon.store.client import DuckStore
from error_daemon.store.schema import RECORD_FILE
from error_daemon.telemetry import Counters

_log = structlog.get_logger()


class Daemon:
    """One daemon. `await run()` returns after SIGTERM or SIGINT; `address` is then known to have been served. `log()`: how the log is."""

    def __init__(
        self,
        settings: Settings,
        definitions: Definitions,
        log: Callable[[], Mapping[str, Json]],
        config: Path | None = None,
    ) -> None:
        """`config`: where the settings are from, so that a reload can say which are others there now."""
        self._settings, self._config = settings, config
        self._clock = SteadyClock()
        self._counters = Counters()
        self._admission = Admission(settings, self._clock, self._counters)
        self._notifier = Notifier()
        self._log_state = log
        self._heartbeat: Heartbeat | None = None
        self._diagnosis = Shared()
        state = made_state_dir(settings.state_dir)
        self._ring = open_ring(state / "faults.ring", geometry_of(settings.ring))
        self._counters.torn_slots = self._ring.torn
        self._policy = policy_of(settings)
        self._engine = Engine(definitions, self._policy)
        self._pauses = PauseFile(state / "pauses.json")
        self._watchers = Watchers(self._engine.listen)
        self._loop = self._made_loop()
        self._standstill = Standstill(HostCounters())
        self._loop.excuse(self._standstill.stood_s)
        self._store = DuckStore(str(state / RECORD_FILE), settings.store, self._loop.committed, record_problem)
        self._audit = Audit(self._store, self._clock)
        self._system_states = SystemStates(self._store, self._clock, system_state)
        self._pool = self._made_pool()
        self._handlers = HandlerService(self._clock, self._loop.outcome, self._fault_of)
        self._loop.join(self._pool, self._handlers.start_attempt, self._store)
        self._intake = self._made_intake()
        self._sensor = ProcessWatch(definitions.targets, self._clock, self._intake.take, sensor_problem)
        self._units = UnitWatch(definitions.targets, self._clock, self._intake.take, sensor_problem)
        self.sensors = self._made_sensors()
        self._reloader = self._made_reloader(config)
        self._tests = self._made_tests()

    # --- the parts

    def _made_loop(self) -> RecoveryLoop:
        return RecoveryLoop(
            self._engine,
            self._clock,
            self._ring,
            counters=self._counters,
            lag_threshold_s=self._settings.lag_threshold,
            on_notice=self._watchers.tell,
            on_recovered=self._recovered,
            on_attempt=self._attempted,
        )

    def _made_pool(self) -> WorkerPool:
        return WorkerPool(
            workers_of(self._settings),
            self._settings.attempts_per_worker,
            self._clock,
            on_outcome=self._loop.outcome,
            on_readings=self._loop.readings,
            on_worker_lost=self._worker_lost,
            dscp=DSCP[self._settings.dscp],
        )

    def _made_intake(self) -> RingIntake:
        return RingIntake(
            self._loop,
            self._ring,
            self._clock,
            targets=self._engine.definitions.targets,
            counters=self._counters,
            rows_waiting=self._store.rows_waiting,
            most_rows_waiting=self._settings.store.waiting_rows,
            believes_reporters=self._settings.access.believe_reporters,
        )

    def _made_sensors(self) -> Sensors:
        return Sensors(
            self._settings.sensors,
            self._engine.definitions.targets,
            self._clock,
            self._intake.take,
            on_problem=sensor_problem,
            on_news=sensor_news,
            kernel_log=KernelLog(given_fd=given_fd("kernel-log")),
        )

    def _made_reloader(self, config: Path | None) -> Reloader:
        redefined = (self._intake.redefine, self._sensor.redefine, self._units.redefine, self.sensors.redefine)
        takers = Takers(self._loop, self._audit, self._pauses, self._notifier, redefined)
        return Reloader(self._settings, config, self._clock, takers)

    def _made_tests(self) -> RepeatTests:
        edges = (self._clock, self._pool, self._watchers)
        return RepeatTests(self._loop, *edges, intake=self._intake, hush=self._hush)

    def _made_control(self) -> DaemonControl:
        reports = Reports(self._store, Analysis(), lambda: self._engine.definitions, self._policy)
        return DaemonControl(
            self._loop,
            self._clock,
            Parts(
                audit=self._audit,
                reloader=self._reloader,
                ring=self._ring,
                store=self._store,
                applications=self._handlers,
                watchers=self._watchers,
                counters=self._counters,
                pauses=self._pauses,
                tests=self._tests,
                reports=reports,
                workers=lambda: self._pool.alive,
                intake=self._intake,
                log=self._log_state,
                diagnosis=self._diagnosis,
                areas=Sources(self._seen(reports)).of,
            ),
        )

    def _seen(self, reports: Reports) -> Seen:
        return Seen(
            settings=self._settings,
            config=self._config,
            loop=self._loop,
            counters=self._counters,
            store=self._store,
            pool=self._pool,
            reloader=self._reloader,
            reports=reports,
            more={"sensors": self.sensors.diagnostics},
        )

    def _made_server(self) -> Server:
        admission = self._admission
        if self._settings.rpc.server == "grpcio":
            return AioServer(self._settings.max_message_bytes, log_bug, admission.gate, admission.transport())
        limits, away, now = wire_limits_of(self._settings), PeersSentAway(self._counters, self._clock), self._clock.now
        return WireServer(limits, log_bug, away, admission.gate, admission.transport(), now=now)

    def _services(self, control: DaemonControl) -> Sequence[Service]:
        durable = self._settings.ring.durability == "power"
        return (
            FaultService(self._intake, durable, self._admission.gate).service(),
            RecoveryService(control).service(),
            self._handlers.service(),
        )

    # --- run

    async def run(self) -> None:
        """Start, serve until told to stop, drain."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        log_bugs(loop)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._hung_up)
        told = asyncio.ensure_future(stop.wait())
        starting = asyncio.ensure_future(self._start())
        try:
            await asyncio.wait({told, starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                server = starting.result()
                await told
                await self._drain(server)
        finally:
            told.cancel()
            starting.cancel()
            await asyncio.wait({told, starting})
            await self._stop_edges()
        _log.info("stopped")

    async def _start(self) -> Server:
        for problem in raise_limits():
            _log.warning("limit", problem=problem)
        await self._store.start()
        views = await restore_record(
            self._store, self._loop, self._engine.definitions, self._settings.known_errors, self._clock.now()
        )
        for pause in self._pauses.load(self._clock.now()):
            self._pause(pause)
        self._standstill.start()
        await self._pool.start()
        restore_ring(self._ring.kept(), self._loop, views)
        server = self._made_server()
        control = self._made_control()
        for service in self._services(control):
            server.add(service)
        address = await server.start(self._settings.listen)
        self._sensor.start()
        self._units.start()
        self.sensors.start()
        self._admission.start()
        self._reloader.open()
        self._heartbeat = Heartbeat(control.status, self._settings.log.heartbeat)
        self._heartbeat.start()
        self._notifier.ready(partial(status_line, self._engine, address))
        _log.info(
            "serving",
            version=__version__,
            address=address,
            pid=os.getpid(),
            rules=len(self._engine.definitions.rules),
            definitions=self._reloader.digest,
            workers=self._pool.alive,
            errors=self._engine.errors_known(),
            tickets=self._engine.tickets_open(),
            torn_slots=self._counters.torn_slots,
        )
        return server

    def _pause(self, pause: Pause) -> None:
        try:
            self._engine.pause(pause)
        except NotFound:
            _log.warning("pause_of_nothing", says=pause.says(), reason="its target is no longer defined")
        else:
            _log.warning("paused", says=pause.says())

    async def _drain(self, server: Server) -> None:
        """Take no more faults, and let what is running come to its end."""
        self._notifier.stopping(self._settings.drain_timeout)
        _log.info("draining", attempts=self._engine.attempts_running())
        await self._reloader.close()
        await self._admission.stop()
        self._sensor.stop()
        self._units.stop()
        self.sensors.stop()
        drain_timeout_s = self._settings.drain_timeout
        stopping = asyncio.ensure_future(server.stop(drain_timeout_s))
        self._tests.close()
        self._watchers.close()
        await self._loop.finish(drain_timeout_s)
        self._handlers.close()  # not before: running attempts may be theirs
        await stopping

    async def _stop_edges(self) -> None:
        if self._heartbeat:
            self._heartbeat.stop()
        self._diagnosis.close()
        self._loop.close()
        self._standstill.stop()
        await self._system_states.finish()
        await self._pool.stop()
        await self._store.stop()
        self._ring.close()

    # --- callbacks

    def _hung_up(self) -> None:
        self._admission.look()
        self._reloader.signalled()

    def _recovered(self, target: str) -> None:
        self._sensor.look(target)

    def _hush(self, target: str, is_hushed: bool) -> None:
        """All sensors that would report what a test does to the target."""
        self._sensor.hush(target, is_hushed)
        self._units.hush(target, is_hushed)
        self.sensors.hush(target, is_hushed)

    def _attempted(self, attempt_id: str) -> None:
        self._system_states.attempted(attempt_id)

    def _worker_lost(self, detail: str) -> None:
        self._counters.workers_lost += 1
        _log.warning("worker_lost", detail=detail)

    def _fault_of(self, error_id: str) -> bytes | None:
        slot = self._engine.slot(error_id)
        return self._ring.read(slot) if slot else None
