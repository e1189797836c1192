"""What there is of a daemon to see and to steer, and all of it at a glance: what `status` shows, and every heartbeat."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from error_daemon import __version__
from error_daemon.middle import Applications, Control, Diagnosing, Intake
from error_daemon.model import Json
from error_daemon.ports import Ring
from error_daemon.runtime.audit import Audit
from error_daemon.runtime.commits import Commits
from error_daemon.runtime.diagnosis.diagnosis import Shared
from error_daemon.runtime.faults import NewestFault
from error_daemon.runtime.pauses import PauseFile
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.runtime.reload import Reloader
from error_daemon.runtime.repeat import RepeatTests
from error_daemon.runtime.reports import Reports
from error_daemon.runtime.watchers import Watchers
from error_daemon.store.client import DuckStore
from error_daemon.telemetry import Counters


@dataclass(frozen=True, slots=True)
class Parts:
    """What there is to see and to steer. `workers()`: how many are ready. `log()`: how the log is. `areas(control)`: what looks at
    each area of a diagnosis."""

    audit: Audit
    commits: Commits
    reloader: Reloader
    ring: Ring
    store: DuckStore
    faults: NewestFault
    applications: Applications
    watchers: Watchers
    counters: Counters
    pauses: PauseFile
    reports: Reports
    tests: RepeatTests
    workers: Callable[[], int]
    intake: Intake
    log: Callable[[], Mapping[str, Json]]
    diagnosis: Shared
    areas: Callable[[Control], Mapping[str, Diagnosing]]


def status(loop: RecoveryLoop, parts: Parts, started_at: float, now: float) -> Mapping[str, Json]:
    """The names and values of GetStatusResponse."""
    counters, store, engine = parts.counters, parts.store, loop.engine
    return {
        "version": __version__,
        "pid": os.getpid(),
        "started_at": started_at,
        "uptime_s": now - started_at,
        "state": "draining" if loop.is_finishing else "serving",
        "faults_received": counters.faults_received,
        "faults_refused": counters.faults_refused,
        "calls_refused": counters.calls_refused,
        "errors_known": engine.errors_known(),
        "errors_by_state": engine.errors_by_state(),
        "tickets_open": engine.tickets_open(),
        "attempts_running": engine.attempts_running(),
        "workers": parts.workers(),
        "workers_lost": counters.workers_lost,
        "rings": [
            {"priority": priority.name.lower(), "used": used, "slots": slots}
            for priority, (used, slots) in parts.ring.use().items()
        ],
        "store": {
            "available": store.available,
            "rows_written": store.rows_written,
            "rows_waiting": store.rows_waiting(),
            "detail": store.detail,
        },
        "lag": counters.lag.figures(),
        "log": parts.log(),
        "applications": list(parts.applications.names()),
        "torn_slots": counters.torn_slots,
        "peers_sent_away": counters.peers_sent_away,
        "rules": len(engine.definitions.rules),
        "targets": len(engine.definitions.targets),
        "target_names": sorted(engine.definitions.targets),
        "strategy_names": sorted(engine.definitions.strategies),
        "rule_names": [rule.id for rule in engine.definitions.rules],
        "definitions_digest": parts.reloader.digest,
        "definitions_loaded_at": parts.reloader.loaded_at,
    }
