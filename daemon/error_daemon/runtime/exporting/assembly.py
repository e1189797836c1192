"""Export to a collector of OpenTelemetry, joined to the daemon. Loaded only where telemetry.endpoint names one."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from uuid import uuid4

from error_daemon import __version__
from error_daemon.core.engine import Engine
from error_daemon.model import Diagnostic
from error_daemon.ports import Clock
from error_daemon.runtime.exporting.exporter import Exporter
from error_daemon.runtime.exporting.message import resource
from error_daemon.runtime.exporting.sender import sender_of
from error_daemon.runtime.exporting.stories import Stories
from error_daemon.runtime.monitoring.scene import Monitored
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.settings import TelemetrySettings
from error_daemon.telemetry import Counters


class Exporting:
    """`instance`: what tells this run of the daemon apart."""

    def __init__(self, settings: TelemetrySettings, engine: Engine, clock: Clock, counters: Counters) -> None:
        """Raises ConfigError with what is wrong in the files that are named."""
        self.instance = str(uuid4())
        facts = {
            "service.name": "error-recovery",
            "service.version": __version__,
            "service.instance.id": self.instance,
            "host.name": socket.gethostname(),
            "process.pid": str(os.getpid()),
        }
        self._exporter = Exporter(
            sender_of(settings),
            resource(facts),
            clock,
            counters.exported,
            metrics_every_s=settings.metrics_interval,
        )
        self._stories = Stories(
            engine,
            clock,
            settings.trace_ratio,
            self.instance,
            on_story=self._exporter.put,
            on_left_out=self._exporter.left_out,
        )
        self._tells_traces = settings.trace_ratio > 0

    def listen(self, loop: RecoveryLoop) -> None:
        if self._tells_traces:
            self._stories.listen(loop)

    def start(self, monitored: Monitored) -> None:
        self._exporter.start(monitored, self._stories.look)

    async def stop(self) -> None:
        await self._exporter.stop()

    def diagnostics(self) -> Sequence[Diagnostic]:
        """See middle.Diagnosing."""
        return self._exporter.diagnostics()
