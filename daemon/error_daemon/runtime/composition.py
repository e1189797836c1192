"""
The parts of a daemon, made and joined; nothing runs yet (daemon.py starts and stops them) and nothing is served (served.py).

    callers → server → services → control, intake
    others  → web → receivers → intake
    faults  → sensors, process and unit watches → intake → ring, loop
    loop    → engine, and what carries out its effects: looks → pool, handlers (applications), store (the record), watchers
    reload  → loop, intake, sensors, watches

Where two parts need each other, one gets a callback: they stand at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from error_daemon.audit.files import FILE_NAME as AUDIT_FILE
from error_daemon.audit.journal import Journal
from error_daemon.core.effects import StartAttempt
from error_daemon.core.engine import Engine
from error_daemon.definitions.checks.exposure import is_of_this_host
from error_daemon.execute.host import HostCounters
from error_daemon.execute.link import WorkerTraits
from error_daemon.execute.pool import WorkerPool
from error_daemon.ingest.alerts.heard import Heard
from error_daemon.ingest.alerts.hearing import AlertHearing
from error_daemon.ingest.process_watch import ProcessWatch
from error_daemon.ingest.sensors.assembly import Sensors
from error_daemon.ingest.sensors.kernel_log import KernelLog
from error_daemon.ingest.system_state import system_state
from error_daemon.ingest.unit_watch import UnitWatch
from error_daemon.model import GUIDED, Definitions, Json
from error_daemon.ring.opening import open_ring
from error_daemon.rpc.handler_service import HandlerService
from error_daemon.runtime.admission import Admission
from error_daemon.runtime.analysis import Analysis
from error_daemon.runtime.audit import Audit, OwnActs, TableCopy, Trail, Upkeep
from error_daemon.runtime.bugs import log_bug
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.commits import Commits
from error_daemon.runtime.diagnosis.diagnosis import Shared
from error_daemon.runtime.early_deaths import EarlyDeaths
from error_daemon.runtime.faults import NewestFault
from error_daemon.runtime.from_settings import (
    geometry_of,
    keep_of,
    made_state_dir,
    policy_of,
    workers_of,
)
from error_daemon.runtime.health import Health, Vitals
from error_daemon.runtime.hooks.told import ToldHooks
from error_daemon.runtime.intake import RingIntake
from error_daemon.runtime.pauses import PauseFile
from error_daemon.runtime.problems import record_problem, sensor_news, sensor_problem
from error_daemon.runtime.receivers import Receivers
from error_daemon.runtime.recovery_loop import OwnAct, RecoveryLoop
from error_daemon.runtime.reload import Reloader, Takers
from error_daemon.runtime.repeat import RepeatTests
from error_daemon.runtime.reports import Reports
from error_daemon.runtime.standstill import Standstill
from error_daemon.runtime.system_states import SystemStates
from error_daemon.runtime.systemd import Notifier, given_fd
from error_daemon.runtime.told_probes import ToldProbes
from error_daemon.runtime.views.pulse import Pulse
from error_daemon.runtime.watchers import Watchers
from error_daemon.runtime.web import Web
from error_daemon.runtime.workflows.book import RunBook
from error_daemon.runtime.workflows.guided import GuidedAttempts
from error_daemon.runtime.workflows.sight import StepSight
from error_daemon.runtime.workflows.steering import Around, RunSteering
from error_daemon.setting_values import DSCP
from error_daemon.settings import Settings
from error_daemon.store.client import DuckStore
from error_daemon.store.schema import RECORD_FILE
from error_daemon.telemetry import Counters
from error_daemon.web.pages import Names
from error_daemon.web.server import WebLimits, WebServer

if TYPE_CHECKING:
    from error_daemon.runtime.exporting.assembly import Exporting

_log = structlog.get_logger()


class Composition:
    """Every part by its name. What is served of them is made in each run (served.py). `log()`: how the log is."""

    def __init__(
        self,
        settings: Settings,
        definitions: Definitions,
        log: Callable[[], Mapping[str, Json]],
        early: EarlyDeaths,
        config: Path | None = None,
    ) -> None:
        """`config`: where the settings are from, so that a reload can say which are others there now."""
        self.settings, self.config = settings, config
        self.clock = SteadyClock()
        self.counters = Counters()
        self.admission = Admission(settings, self.clock, self.counters)
        self.notifier = Notifier()
        self.log_state = log
        self.diagnosis = Shared()
        state = made_state_dir(settings.state_dir)
        self._make_fault_path(definitions, state)
        self._make_record(state)
        self._make_edges()
        self._make_ways_in(early)
        self._make_steering()

    # --- the parts, in the order in which they are made

    def _make_fault_path(self, definitions: Definitions, state: Path) -> None:
        self.ring = open_ring(state / "faults.ring", geometry_of(self.settings.ring))
        self.counters.torn_slots = self.ring.torn
        self._policy = policy_of(self.settings)
        self.engine = Engine(definitions, self._policy)
        self.pauses = PauseFile(state / "pauses.json")
        self.watchers = Watchers(self.engine.listen)
        self.pulse = Pulse(self.counters, self.clock)
        self.loop = self._made_loop()
        self.standstill = Standstill(HostCounters())
        self.loop.excuse(self.standstill.stood_s)
        self.loop.tell(self.pulse.ended)

    def _make_record(self, state: Path) -> None:
        """What is kept of what happens, and told to others."""
        self.commits = Commits()
        self.exporting = self._made_exporting()
        self.store = DuckStore(str(state / RECORD_FILE), self.settings.store, self._committed, record_problem)
        self._make_audit(Journal(state / AUDIT_FILE, keep_of(self.settings.audit)))
        self.hooks = ToldHooks(self.settings, self.clock, self.watchers, self.audit)
        self.system_states = SystemStates(self.store, self.clock, system_state)
        self.faults = NewestFault(self.engine, self.ring, self.store)

    def _make_edges(self) -> None:
        """Who carries out what the loop wants to have attempted and looked at."""
        self.heard = Heard()
        self.looks = ToldProbes({"alert": AlertHearing(self.heard, self.clock)}, self.clock, self.loop.readings)
        self.pool = self._made_pool()
        self.looks.join(self.pool)
        self.handlers = HandlerService(self.clock, self.loop.outcome, self._fault_of)
        self.run_book = RunBook(self.store, self.commits)
        self.workflows = self._made_workflows()
        guided = GuidedAttempts(self.workflows, self.clock, self.loop.outcome)
        self.workflows.join(guided.ended)
        outside = {"handler": self.handlers.start_attempt, GUIDED: guided.start_attempt}
        self.loop.join(self.looks, {kind: self.looks.noting(start) for kind, start in outside.items()}, self.store)

    def _make_ways_in(self, early: EarlyDeaths) -> None:
        targets = self.engine.definitions.targets
        self.intake = self._made_intake()
        self.early = early
        self.sensor = ProcessWatch(targets, self.clock, self.intake.take, sensor_problem, notices=early.notices)
        self.units = UnitWatch(targets, self.clock, self.intake.take, sensor_problem)
        self.sensors = self._made_sensors()
        self.receivers = self._made_receivers()
        self.receivers.join(self.units, self.exporting.instance if self.exporting else "")

    def _make_steering(self) -> None:
        self.reloader = self._made_reloader()
        self.health = self._made_health()
        self.web = self._made_web()
        self.tests = self._made_tests()
        self.reports = Reports(self.store, Analysis(), lambda: self.engine.definitions, self._policy)

    def _make_audit(self, journal: Journal) -> None:
        table = TableCopy(self.store, journal)
        self.audit = Audit(journal, self.clock, table)
        self.trail = Trail(self.audit, journal, table, self.store, self.clock)
        self.upkeep = Upkeep(self.audit, journal, self.clock, self.settings.audit.head_interval)
        self.own_acts = OwnActs(self.audit, self.engine, self.clock)
        self.audit.on_acted = self.own_acts.watch
        self.admission.subscribe(self._renewed)

    def _made_loop(self) -> RecoveryLoop:
        return RecoveryLoop(
            self.engine,
            self.clock,
            self.ring,
            counters=self.counters,
            lag_threshold_s=self.settings.lag_threshold,
            on_notice=self.watchers.tell,
            on_recovered=self._recovered,
            on_act=self._acted,
        )

    def _made_exporting(self) -> Exporting | None:
        """None: nothing is exported, and nothing of what it would need is loaded."""
        if not self.settings.telemetry.endpoint:
            return None
        from error_daemon.runtime.exporting.assembly import Exporting

        exporting = Exporting(self.settings.telemetry, self.engine, self.clock, self.counters)
        exporting.listen(self.loop)
        return exporting

    def _made_pool(self) -> WorkerPool:
        return WorkerPool(
            workers_of(self.settings),
            self.settings.attempts_per_worker,
            self.clock,
            on_outcome=self.loop.outcome,
            on_readings=self.looks.readings,
            on_worker_lost=self._worker_lost,
            traits=WorkerTraits(DSCP[self.settings.dscp], self.settings.realtime_priority),
        )

    def _made_workflows(self) -> RunSteering:
        around = Around(self.engine, self.clock, self.audit, self.faults, self.watchers.tell)
        return RunSteering(around, self.run_book, StepSight(self.looks, self.clock))

    def _made_intake(self) -> RingIntake:
        return RingIntake(
            self.loop,
            self.ring,
            self.clock,
            targets=self.engine.definitions.targets,
            counters=self.counters,
            rows_waiting=self.store.rows_waiting,
            most_rows_waiting=self.settings.store.waiting_rows,
            believes_reporters=self.settings.access.believe_reporters,
        )

    def _made_sensors(self) -> Sensors:
        return Sensors(
            self.settings.sensors,
            self.engine.definitions.targets,
            self.clock,
            self.intake.take,
            on_problem=sensor_problem,
            on_news=sensor_news,
            kernel_log=KernelLog(given_fd=given_fd("kernel-log")),
        )

    def _made_web(self) -> Web:
        http, transport = self.settings.http, self.admission.transport()
        if is_of_this_host(http.listen):
            transport = replace(transport, credentials=None)
        limits = WebLimits(http.connections, http.requests, http.unfinished_bytes, http.request_timeout)
        names = Names(http.listen, http.names)
        server = WebServer(limits, log_bug, self.admission.gate, transport, self.clock, names=names)
        return Web(server, http.listen)

    def _made_health(self) -> Health:
        settings = self.settings
        vitals = Vitals(
            clock=self.clock,
            ring=self.ring,
            store=self.store,
            most_rows_waiting=settings.store.waiting_rows,
            workers=lambda: self.pool.alive,
            workers_wanted=workers_of(settings),
            stops=lambda: self.loop.is_finishing,
        )
        return Health(vitals)

    def _made_receivers(self) -> Receivers:
        admission = self.admission
        return Receivers(
            self.settings,
            self.intake,
            admission.gate,
            self.clock,
            admission.transport(),
            heard=self.heard,
            signing_tokens=admission.signing_tokens,
            figures=self.sensors.told,
        )

    def _made_reloader(self) -> Reloader:
        redefined = (self.intake.redefine, self.sensor.redefine, self.units.redefine, self.sensors.redefine)
        takers = Takers(self.loop, self.audit, self.pauses, self.notifier, redefined, self.hooks)
        return Reloader(self.settings, self.config, self.clock, takers)

    def _made_tests(self) -> RepeatTests:
        edges = (self.clock, self.looks, self.watchers)
        return RepeatTests(self.loop, *edges, intake=self.intake, hush=self._hush)

    # --- callbacks

    def _recovered(self, target: str) -> None:
        self.sensor.look(target)

    def _hush(self, target: str, is_hushed: bool) -> None:
        """All sensors that would report what a test does to the target."""
        self.sensor.hush(target, is_hushed)
        self.units.hush(target, is_hushed)
        self.sensors.hush(target, is_hushed)

    def _acted(self, effect: OwnAct) -> None:
        self.own_acts.note(effect)
        if isinstance(effect, StartAttempt):
            self.system_states.attempted(effect.order.attempt_id)
            self.pulse.attempted()

    def _committed(self, number: int) -> None:
        self.commits.committed(number)
        self.run_book.committed()
        self.loop.committed(number)

    def _renewed(self) -> None:
        self.audit.did("credentials_renewed", "tls", why="the files have changed", detail=self.admission.facts())

    def _worker_lost(self, detail: str) -> None:
        self.counters.workers_lost += 1
        _log.warning("worker_lost", detail=detail)

    def _fault_of(self, error_id: str) -> bytes | None:
        slot = self.engine.slot(error_id)
        return self.ring.read(slot) if slot else None
