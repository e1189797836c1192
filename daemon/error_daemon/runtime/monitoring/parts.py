"""How the daemon itself is: metrics of its ring, store, workers, ways in, log and host, and of its process."""

from __future__ import annotations

import os
import platform
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields
from itertools import islice
from pathlib import Path

from error_daemon import __version__
from error_daemon.ingest.acceptance import Tally
from error_daemon.model.hook import HookView
from error_daemon.runtime.monitoring.metric import Kind, Metric, Values, by_name, one, text
from error_daemon.runtime.monitoring.scene import Scene

_P = "error_recovery_"
_MOST_FIGURES = 500  # a host with hundreds of disks and links has more
_PAGE_BYTES = resource.getpagesize()
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _rings(index: int) -> Callable[[Scene], Mapping[str, float]]:
    return lambda scene: {priority.name.lower(): use[index] for priority, use in scene.seen.ring.use().items()}


def _ways(scene: Scene) -> Values:
    names = [field.name for field in fields(Tally)]
    for way, tally in scene.seen.ways().items():
        yield from (((way, name), getattr(tally, name)) for name in names)


def _checks(scene: Scene) -> Mapping[str, float]:
    return {check.name: int(check.is_good) for check in scene.health.checks}


def _hooks(read: Callable[[HookView], float]) -> Callable[[Scene], Mapping[str, float]]:
    return lambda scene: {view.hook.id: read(view) for view in scene.seen.hooks()}


def _deliveries(scene: Scene) -> Values:
    for view in scene.seen.hooks():
        yield (view.hook.id, "sent"), view.sent
        yield (view.hook.id, "failed"), view.failed


def _figures(scene: Scene) -> Values:
    return (((name,), value) for name, value in islice(scene.seen.figures().items(), _MOST_FIGURES))


# --- the process, as Prometheus' own client libraries name it


def _cpu_s(_scene: Scene) -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _pages(index: int) -> Callable[[Scene], float]:
    def read(_scene: Scene) -> float:
        with suppress(OSError, ValueError, IndexError):
            return int(Path("/proc/self/statm").read_text().split()[index]) * _PAGE_BYTES
        return 0

    return read


def _open_files(_scene: Scene) -> float:
    with suppress(OSError):
        return len(os.listdir("/proc/self/fd"))
    return 0


def _started_at() -> float:
    """Seconds since 1970; 0 where the kernel does not say."""
    with suppress(OSError, ValueError, IndexError, StopIteration):
        ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        lines = Path("/proc/stat").read_text().splitlines()
        booted_at = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
        return booted_at + ticks / _TICKS_PER_S
    return 0.0


_STARTED_AT = _started_at()

PARTS: tuple[Metric, ...] = (
    Metric(
        Kind.INFO,
        f"{_P}build",
        "What runs.",
        text(lambda _scene: (__version__, platform.python_version())),
        ("version", "python"),
    ),
    Metric(
        Kind.INFO,
        f"{_P}definitions",
        "Which definitions are in force: equal digests mean the same.",
        text(lambda scene: (scene.seen.reloader.digest,)),
        ("digest",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}definitions_loaded_timestamp_seconds",
        "When the definitions in force were read, in seconds since 1970.",
        one(lambda scene: scene.seen.reloader.loaded_at),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}check_ok",
        "1 where the check of /readyz is good.",
        by_name(_checks),
        ("check",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}ready",
        "1 while faults are taken and can be acted on, as /readyz and gRPC health say it.",
        one(lambda scene: int(scene.health.is_ready)),
    ),
    Metric(Kind.GAUGE, f"{_P}ring_slots", "Slots of the ring, by priority.", by_name(_rings(1)), ("priority",)),
    Metric(
        Kind.GAUGE,
        f"{_P}ring_slots_used",
        "Slots that hold an acknowledged fault which the record does not account for yet, by priority.",
        by_name(_rings(0)),
        ("priority",),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}ring_torn_slots",
        "Slots that were being written when the last daemon died; their faults were never acknowledged.",
        one(lambda scene: scene.seen.counters.torn_slots),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}store_available",
        "1 while the record can be written. Recoveries go on without it.",
        one(lambda scene: int(scene.seen.store.available)),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}store_rows_waiting",
        "Rows of the record that are not in the file yet. Above store.waiting_rows new faults are refused.",
        one(lambda scene: scene.seen.store.rows_waiting()),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}store_rows_written",
        "Rows that are in the record.",
        one(lambda scene: scene.seen.store.rows_written),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}workers",
        "Worker processes that there should be.",
        one(lambda scene: scene.seen.workers_wanted),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}workers_ready",
        "Worker processes that take orders.",
        one(lambda scene: scene.seen.workers()),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}workers_lost",
        "Workers that died or hung; they were replaced.",
        one(lambda scene: scene.seen.counters.workers_lost),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}received",
        "What has come by each way in: faults accepted, refused for good, put_off to come again; passed_over is what was no fault, "
        "denied messages of who may not report.",
        _ways,
        ("way", "result"),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}call_refusals",
        "Calls that the gate refused: nobody knows who calls, it is not for them, or they call too often.",
        lambda scene: scene.seen.counters.calls_refused_by.counts.items(),
        ("reason",),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}peers_sent_away",
        "gRPC connections that were ended for what the peer did on them.",
        one(lambda scene: scene.seen.counters.peers_sent_away),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}http_requests",
        "Requests over HTTP that are being answered.",
        one(lambda scene: scene.seen.http_requests()),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}watchers",
        "Who watches events at this moment: error-cli, dashboards, hooks.",
        one(lambda scene: scene.seen.watchers()),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}hook_deliveries",
        "What hooks were told: sent, and attempts to send that failed and are made again.",
        _deliveries,
        ("hook", "result"),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}hook_deliveries_waiting",
        "Deliveries that are not sent yet.",
        by_name(_hooks(lambda view: view.waiting)),
        ("hook",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}hook_deliveries_dead",
        "Deliveries that were given up, and wait for a person to send them again.",
        by_name(_hooks(lambda view: view.dead)),
        ("hook",),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}workflow_runs",
        "Runs of workflows that are open: they wait for people.",
        one(lambda scene: scene.seen.workflow_runs()),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}applications",
        "Applications that are attached with recovery handlers.",
        one(lambda scene: len(scene.seen.applications.names())),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}log_lines",
        "Lines that were logged.",
        one(lambda scene: scene.log["lines"]),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}log_lines_lost",
        "Lines that were lost: memory for them was full, or the disk did not take them.",
        one(lambda scene: scene.log["lines_lost"]),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}stood_still_seconds",
        "How long the daemon could not act: stopped, starved of CPU, or its host was.",
        one(lambda scene: scene.seen.stood_s()),
    ),
    Metric(
        Kind.GAUGE,
        f"{_P}host_figure",
        "The newest value of each figure that sensors sample; its unit is in its name.",
        _figures,
        ("figure",),
    ),
    Metric(
        Kind.COUNTER,
        f"{_P}exported",
        "What was sent to OpenTelemetry's collector, by signal: traces (spans), metrics (exports). "
        "Dropped is what it did not take, or found no room.",
        lambda scene: scene.seen.counters.exported.counts.items(),
        ("signal", "result"),
    ),
    Metric(Kind.COUNTER, "process_cpu_seconds", "CPU time of the daemon's process, user and system.", one(_cpu_s)),
    Metric(Kind.GAUGE, "process_resident_memory_bytes", "Resident memory of the daemon's process.", one(_pages(1))),
    Metric(Kind.GAUGE, "process_virtual_memory_bytes", "Virtual memory of the daemon's process.", one(_pages(0))),
    Metric(Kind.GAUGE, "process_open_fds", "Open file descriptors.", one(_open_files)),
    Metric(
        Kind.GAUGE,
        "process_max_fds",
        "File descriptors that may be open.",
        one(lambda _scene: resource.getrlimit(resource.RLIMIT_NOFILE)[0]),
    ),
    Metric(
        Kind.GAUGE,
        "process_start_time_seconds",
        "When the process started, in seconds since 1970.",
        one(lambda _scene: _STARTED_AT),
    ),
)
