"""A daemon's life: its parts (composition.py), and what is served of them (served.py), are started and stopped in order.

start   ring → record → workers → engine (what was learned, errors, the ring's faults) → gRPC → HTTP → sensors → ready
reload  read and examine in another process → engine, intake and sensors in one turn of the loop
stop    no new calls → running attempts end → workers → record → ring
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog

from error_daemon import __version__
from error_daemon.calls import Server
from error_daemon.core.brakes.pause import Pause
from error_daemon.errors import NotFound, StoreUnavailable
from error_daemon.execute.realtime import take_priority
from error_daemon.model import Definitions, Json
from error_daemon.model.audit import DAEMON
from error_daemon.runtime.audit.facts import of_daemon
from error_daemon.runtime.bugs import log_bugs
from error_daemon.runtime.composition import Composition
from error_daemon.runtime.control import DaemonControl
from error_daemon.runtime.early_deaths import EarlyDeaths
from error_daemon.runtime.ending import Step, take_each
from error_daemon.runtime.heartbeat import Heartbeat
from error_daemon.runtime.limits import raise_limits
from error_daemon.runtime.restore import restore_record, restore_ring, restored_approvals
from error_daemon.runtime.served import made_control, made_server, monitored, routes_of, services_of
from error_daemon.runtime.systemd import status_line
from error_daemon.settings import Settings
from error_daemon.store.schema import RECORD_FILE

_log = structlog.get_logger()


class Daemon:
    """One daemon. `await run()` returns after SIGTERM or SIGINT; `address` is then known to have been served. `log()`: how the log is."""

    def __init__(
        self,
        settings: Settings,
        definitions: Definitions,
        log: Callable[[], Mapping[str, Json]],
        early: EarlyDeaths,
        config: Path | None = None,
    ) -> None:
        """`config`: where the settings are from, so that a reload can say which are others there now."""
        self._parts = Composition(settings, definitions, log, early, config)
        self._heartbeat: Heartbeat | None = None

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
        parts = self._parts
        for problem in (*raise_limits(), take_priority(parts.settings.realtime_priority)):
            if problem:
                _log.warning("limit", problem=problem)
        parts.early.tell()
        await self._remember()
        control = made_control(parts)
        server = made_server(parts)
        address = await self._serve(server, control)
        self._watch(control)
        parts.notifier.ready(partial(status_line, parts.engine, address))
        self._tell_serving(address)
        return server

    async def _remember(self) -> None:
        """The record, what people have said, and the ring: everything is as it was, and workers go on with it."""
        parts = self._parts
        began_at = parts.clock.now()
        await parts.store.start()
        await parts.audit.begin()
        await self._tell_migrations(began_at)
        for pause in parts.pauses.load(parts.clock.now()):
            self._pause(pause)
        await parts.pool.start()
        await parts.workflows.restore()
        parts.hooks.define(parts.engine.definitions)  # before the first fault: the ring's are told, too
        await self._restore()
        parts.standstill.start()

    async def _serve(self, server: Server, control: DaemonControl) -> str:
        """Where gRPC is served, with the port where any was asked for."""
        parts = self._parts
        services = services_of(parts, control)
        for service in services:
            server.add(service)
        parts.web.add(routes_of(parts, services))
        address = await server.start(parts.settings.listen)
        parts.health.start(server, [service.name for service in services])
        await parts.receivers.start()
        await parts.web.start()
        return address

    def _watch(self, control: DaemonControl) -> None:
        """The host, others' certificates and tokens, and itself."""
        parts = self._parts
        parts.sensor.start()
        parts.units.start()
        parts.sensors.start()
        parts.admission.start()
        if parts.exporting is not None:
            parts.exporting.start(monitored(parts))
        parts.pulse.start()
        parts.reloader.open()
        self._heartbeat = Heartbeat(control.status, parts.settings.log.heartbeat)
        self._heartbeat.start()

    def _tell_serving(self, address: str) -> None:
        parts = self._parts
        _log.info(
            "serving",
            version=__version__,
            address=address,
            pid=os.getpid(),
            rules=len(parts.engine.definitions.rules),
            definitions=parts.reloader.digest,
            workers=parts.pool.alive,
            errors=parts.engine.errors_known(),
            tickets=parts.engine.tickets_open(),
            torn_slots=parts.counters.torn_slots,
        )
        parts.audit.did("started", DAEMON, after=of_daemon(parts.settings, parts.reloader.digest, address))
        parts.own_acts.watch()
        parts.upkeep.start()

    async def _tell_migrations(self, since: float) -> None:
        with suppress(StoreUnavailable):
            applied = await self._parts.store.query("migrations", since=since)
            if applied:
                first, last = applied[0]["number"], applied[-1]["number"]
                why = "it is new" if first == 1 else "it was of an earlier version"
                names = [each["name"] for each in applied]
                before, after = {"schema": first - 1}, {"schema": last}
                self._parts.audit.did(
                    "record_migrated", RECORD_FILE, why=why, before=before, after=after, detail={"applied": names}
                )

    async def _restore(self) -> None:
        """Errors, and then the faults of the ring, in one turn of the loop: what fell due in between would find errors without slots."""
        parts = self._parts
        asked = await restored_approvals(parts.store)
        views = await restore_record(
            parts.store,
            parts.loop,
            parts.engine.definitions,
            parts.settings.known_errors,
            parts.clock.now(),
        )
        restore_ring(parts.ring.kept(), parts.loop, views, asked)

    def _pause(self, pause: Pause) -> None:
        try:
            self._parts.engine.pause(pause)
        except NotFound:
            _log.warning("pause_of_nothing", says=pause.says(), reason="its target is no longer defined")
        else:
            _log.warning("paused", says=pause.says())

    async def _drain(self, server: Server) -> None:
        """Take no more faults, and let what is running come to its end."""
        parts = self._parts
        parts.notifier.stopping(parts.settings.drain_timeout)
        _log.info("draining", attempts=parts.engine.attempts_running())
        await parts.reloader.close()
        await parts.admission.stop()
        parts.sensor.stop()
        parts.units.stop()
        parts.sensors.stop()
        drain_timeout_s = parts.settings.drain_timeout
        stopping = asyncio.gather(server.stop(drain_timeout_s), self._stop_receiving(drain_timeout_s))
        parts.tests.close()
        parts.watchers.close()
        await parts.loop.finish(drain_timeout_s)
        parts.handlers.close()  # not before: running attempts may be theirs
        await stopping

    async def _stop_receiving(self, drain_timeout_s: float) -> None:
        """First where messages are asked for, then what was made of them."""
        await self._parts.web.stop(drain_timeout_s)
        await self._parts.receivers.stop()

    async def _stop_edges(self) -> None:
        """Whatever becomes of a step, those that follow are taken: the last of them keep what is in memory."""
        await take_each(self._steps_at_the_end())

    def _steps_at_the_end(self) -> Iterator[tuple[str, Step]]:
        parts = self._parts
        if self._heartbeat:
            yield "the heartbeat", self._heartbeat.stop
        yield "health", parts.health.stop
        yield "diagnosis", parts.diagnosis.close
        yield "the loop", parts.loop.close
        yield "workflows", parts.workflows.close
        yield "standstill", parts.standstill.stop
        yield "the pulse", parts.pulse.stop
        if parts.exporting is not None:
            yield "exporting", parts.exporting.stop
        yield "states of the system", parts.system_states.finish
        yield "hooks", parts.hooks.stop
        yield "workers", parts.pool.stop
        # the last entry, on the disk, and in the table: before the record is closed
        yield "own acts", parts.own_acts.close
        yield "acts", partial(parts.audit.did, "stopped", DAEMON)
        yield "what is kept of acts", parts.audit.kept
        yield "the upkeep of the audit", parts.upkeep.close
        yield "the audit", parts.audit.close
        yield "the record", parts.store.stop
        yield "the ring", parts.ring.close

    def _hung_up(self) -> None:
        self._parts.admission.look()
        self._parts.reloader.signalled()
