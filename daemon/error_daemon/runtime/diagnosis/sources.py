"""The areas of a daemon that runs, in the order in which they are told, with what each looks at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from error_daemon.core.engine import Engine
from error_daemon.definitions.configuration import DEFAULT_PATH
from error_daemon.execute.pool import WorkerPool
from error_daemon.middle import Control, Diagnosing
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.brakes import brakes
from error_daemon.runtime.diagnosis.clock import clock
from error_daemon.runtime.diagnosis.definitions import definitions
from error_daemon.runtime.diagnosis.diagnosis import in_thread
from error_daemon.runtime.diagnosis.host import host
from error_daemon.runtime.diagnosis.installation import installation
from error_daemon.runtime.diagnosis.lag import lag
from error_daemon.runtime.diagnosis.learning import learning
from error_daemon.runtime.diagnosis.limits import limits
from error_daemon.runtime.diagnosis.log import log
from error_daemon.runtime.diagnosis.permissions import permissions
from error_daemon.runtime.diagnosis.ring import ring
from error_daemon.runtime.diagnosis.store import disk_of, store
from error_daemon.runtime.diagnosis.systemd import systemd
from error_daemon.runtime.diagnosis.workers import workers
from error_daemon.runtime.from_settings import workers_of
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.reload import Reloader
from error_daemon.runtime.reports import Reports
from error_daemon.settings import Settings
from error_daemon.store.client import DuckStore
from error_daemon.telemetry import Counters


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to look at. `more`: areas of others (sensors), by name."""

    settings: Settings
    config: Path | None
    loop: RecoveryLoop
    counters: Counters
    store: DuckStore
    pool: WorkerPool
    reloader: Reloader
    reports: Reports
    more: Mapping[str, Diagnosing]


class Sources:
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def of(self, control: Control) -> Mapping[str, Diagnosing]:
        """What to ask for a diagnosis: each area by its name."""
        seen, status = self._seen, control.status
        return {
            "brakes": lambda: self._brakes(control),
            "workers": lambda: workers(seen.pool.heard(), workers_of(seen.settings), seen.counters.workers_lost),
            "store": self._store(control),
            "ring": lambda: ring(status()["rings"], seen.counters.torn_slots),
            "lag": lambda: lag(seen.counters.lag, seen.counters.recovery, seen.settings.lag_threshold),
            "definitions": self._definitions,
            "learning": self._learning,
            "log": lambda: log(status()["log"]),
            "installation": in_thread(installation),
            "limits": limits,
            "host": in_thread(host),
            "clock": clock,
            "permissions": in_thread(lambda: permissions(seen.settings, seen.config or DEFAULT_PATH)),
            "systemd": lambda: systemd(self._engine.definitions),
            **seen.more,
        }

    @property
    def _engine(self) -> Engine:
        return self._seen.loop.engine

    def _brakes(self, control: Control) -> Sequence[Diagnostic]:
        _, approvals = control.approvals(0)
        return brakes(control.brakes(), self._engine.errors_by_state(), approvals)

    def _store(self, control: Control) -> Diagnosing:
        seen = self._seen

        async def look() -> Sequence[Diagnostic]:
            disk = await asyncio.to_thread(disk_of, Path(seen.settings.state_dir))
            return store(control.status()["store"], seen.store.writer_pid, seen.settings.store.waiting_rows, disk)

        return look

    async def _definitions(self) -> Sequence[Diagnostic]:
        read = await self._seen.reloader.reload("", dry_run=True)
        return definitions(self._engine.definitions, read)

    async def _learning(self) -> Sequence[Diagnostic]:
        is_withheld = self._seen.loop.keeping.is_learning_withheld
        return learning([] if is_withheld else await self._seen.reports.strategies(), is_withheld=is_withheld)
