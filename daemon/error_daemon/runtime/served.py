"""What of a daemon's parts (composition.py) is there for who calls: services of gRPC, routes of HTTP, and what both ask. Made in each run.

services_of  gRPC; most of them ask the control
routes_of    HTTP: the dashboard, figures for monitoring, what receivers take, and the services again, as REST
"""

from __future__ import annotations

from collections.abc import Sequence

from error_daemon.access.methods import ACTING
from error_daemon.calls import Server, Service
from error_daemon.exchange import Route
from error_daemon.rpc.aio_server import AioServer
from error_daemon.rpc.audit_service import AuditService
from error_daemon.rpc.caller_service import caller_service
from error_daemon.rpc.fault_service import FaultService
from error_daemon.rpc.hook_service import HookService
from error_daemon.rpc.recovery_service import RecoveryService
from error_daemon.rpc.view_service import ViewService
from error_daemon.rpc.wire.server import WireServer
from error_daemon.rpc.workflow_service import WorkflowService
from error_daemon.runtime.audit import answered_when_kept
from error_daemon.runtime.bugs import log_bug
from error_daemon.runtime.composition import Composition
from error_daemon.runtime.control import DaemonControl
from error_daemon.runtime.diagnosis.audit import audit
from error_daemon.runtime.diagnosis.hooks import hooks
from error_daemon.runtime.diagnosis.sources import Seen, Sources
from error_daemon.runtime.from_settings import wire_limits_of, workers_of
from error_daemon.runtime.monitoring.routes import MonitoringRoutes
from error_daemon.runtime.monitoring.scene import Monitored
from error_daemon.runtime.peers import PeersSentAway
from error_daemon.runtime.standing import Parts
from error_daemon.runtime.views.now import Newest
from error_daemon.runtime.views.views import DaemonViews, ViewSources
from error_daemon.web.api.api import routes as api_routes
from error_daemon.web.dashboard.routes import routes as dashboard_routes


def made_control(parts: Composition) -> DaemonControl:
    return DaemonControl(
        parts.loop,
        parts.clock,
        Parts(
            audit=parts.audit,
            commits=parts.commits,
            reloader=parts.reloader,
            ring=parts.ring,
            store=parts.store,
            faults=parts.faults,
            applications=parts.handlers,
            watchers=parts.watchers,
            counters=parts.counters,
            pauses=parts.pauses,
            tests=parts.tests,
            reports=parts.reports,
            workers=lambda: parts.pool.alive,
            intake=parts.intake,
            log=parts.log_state,
            diagnosis=parts.diagnosis,
            areas=Sources(_seen(parts)).of,
        ),
    )


def _seen(parts: Composition) -> Seen:
    return Seen(
        settings=parts.settings,
        config=parts.config,
        loop=parts.loop,
        counters=parts.counters,
        store=parts.store,
        pool=parts.pool,
        reloader=parts.reloader,
        reports=parts.reports,
        more={
            "sensors": parts.sensors.diagnostics,
            "http": parts.web.diagnostics,
            "receivers": parts.receivers.diagnostics,
            "audit": lambda: audit(parts.trail.kept()),
            "hooks": lambda: hooks(parts.hooks.views(), parts.hooks.problem),
            **({"telemetry": parts.exporting.diagnostics} if parts.exporting else {}),
        },
    )


def services_of(parts: Composition, control: DaemonControl) -> Sequence[Service]:
    durable = parts.settings.ring.durability == "power"
    services = (
        FaultService(parts.intake, durable, parts.admission.gate, parts.clock.now).service(),
        RecoveryService(control).service(),
        caller_service(),
        ViewService(_views(parts, control)).service(),
        WorkflowService(parts.workflows).service(),
        HookService(parts.hooks).service(),
        parts.handlers.service(),
        AuditService(parts.trail).service(),
        *parts.receivers.services(),
    )
    return answered_when_kept(services, ACTING, parts.audit.kept)


def _views(parts: Composition, control: DaemonControl) -> DaemonViews:
    newest = Newest(
        parts.loop,
        parts.clock,
        parts.pulse,
        status=control.status,
        sensors=parts.sensors.diagnostics,
        runs=parts.run_book.open,
    )
    sources = ViewSources(
        metrics=control.recovery_metrics,
        scores=parts.reports.scores,
        sensors=parts.sensors.diagnostics,
        figures=parts.sensors.figures,
        interval_s=parts.settings.sensors.sample_interval,
    )
    return DaemonViews(newest, parts.clock, sources)


def made_server(parts: Composition) -> Server:
    admission = parts.admission
    if parts.settings.rpc.server == "grpcio":
        return AioServer(parts.settings.max_message_bytes, log_bug, admission.gate, admission.transport())
    limits, away, now = wire_limits_of(parts.settings), PeersSentAway(parts.counters, parts.clock), parts.clock.now
    return WireServer(limits, log_bug, away, admission.gate, admission.transport(), now=now)


def routes_of(parts: Composition, services: Sequence[Service]) -> list[Route]:
    """The first that fits is asked."""
    monitoring = MonitoringRoutes(monitored(parts), parts.health.judge)
    api = api_routes(services, parts.settings.http.streams)
    return [*dashboard_routes(), *monitoring.routes(), *parts.receivers.routes(), *api]


def monitored(parts: Composition) -> Monitored:
    return Monitored(
        engine=parts.engine,
        clock=parts.clock,
        counters=parts.counters,
        ring=parts.ring,
        store=parts.store,
        reloader=parts.reloader,
        applications=parts.handlers,
        workers=lambda: parts.pool.alive,
        workers_wanted=workers_of(parts.settings),
        log=parts.log_state,
        figures=parts.sensors.sampled.current,
        ways=parts.receivers.tallies,
        stood_s=parts.standstill.stood_s,
        http_requests=lambda: parts.web.requests,
        watchers=lambda: len(parts.watchers),
        hooks=parts.hooks.views,
        workflow_runs=lambda: len(parts.run_book.open()),
        health=parts.health.judge,
    )
