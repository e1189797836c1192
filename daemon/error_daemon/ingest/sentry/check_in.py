"""
Check-ins of jobs that run by a schedule (Sentry's "crons"): what a job says of itself, and what it should have said by now. Pure.

    check-in        known of the monitor after it                       a fault
    --------------  --------------------------------------------------  ----------------------------------------------
    in_progress     it runs; it has to end within `max_runtime`         when it has not: "runs for longer than"
    ok              it is done; the next is expected by the schedule
    error           as ok                                               "has failed"
    none, though the schedule and its margin have passed                "did not run", once for each time it should have

A monitor is one job in one environment, of one caller and project: nobody silences another's. It is known from the first check-in that
brings its schedule (`monitor_config`, which SDKs send along); one that never brought a schedule can fail, and be late, but not be missed.
Where the daemon was away, nobody knows what was missed: after a restart the next time is expected.

Feed `feed(check_in, now)` and `due(now)`; both return faults, serialised. `next_wake()` says when `due` has something to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from error_daemon.errors import InputError
from error_daemon.ingest.fitted import fitted, unicode
from error_recovery.v1 import fault_pb2

_MOST_MONITORS = 1000
_MOST_OF_AN_OWNER = 500
_FORGOTTEN_AFTER_S = 31 * 86_400.0
_MOST_RUNS = 16  # of one monitor that have begun and not ended
_MARGIN_S = 60.0
_MAX_RUNTIME_S = 1800.0
_SHORTEST_S = 60.0
_LONGEST_S = 366 * 86_400.0
_FIELDS = 5  # of a crontab: what has seconds, too, would be missed each second
_UNITS_S = {
    "minute": 60.0,
    "hour": 3600.0,
    "day": 86_400.0,
    "week": 7 * 86_400.0,
    "month": 30 * 86_400.0,
    "year": 365 * 86_400.0,
}
MonitorKey = tuple[str, str, str]
_STATUSES = ("in_progress", "ok", "error")


@dataclass(frozen=True, slots=True)
class Schedule:
    """`crontab`, in `zone`; or each `interval_s`, where crontab is empty."""

    crontab: str = ""
    interval_s: float = 0.0
    zone: str = "UTC"
    margin_s: float = _MARGIN_S
    max_runtime_s: float = _MAX_RUNTIME_S

    def after(self, at: float) -> float:
        """When it should run next. Raises InputError for what is no schedule."""
        if not self.crontab:
            return at + self.interval_s
        try:
            return next(CronSim(self.crontab, datetime.fromtimestamp(at, _zone(self.zone)))).timestamp()
        except (
            CronSimError,
            StopIteration,
            AssertionError,
            ValueError,
        ):  # what its parser does with some that are none
            raise InputError("check_in.monitor_config.schedule", f"{self.crontab[:80]!r} is no crontab") from None


@dataclass(frozen=True, slots=True)
class CheckIn:
    """`owner`: whose job it is."""

    owner: str
    slug: str
    environment: str
    status: str
    check_in_id: str
    schedule: Schedule | None
    release: str = ""
    is_trusted: bool = False


@dataclass(slots=True)
class Monitor:
    """What is known of one job. `expected_at` 0: it has no schedule. `runs`: id → when it has to be done."""

    owner: str
    slug: str
    environment: str
    schedule: Schedule | None = None
    expected_at: float = 0.0
    runs: dict[str, float] = field(default_factory=dict)
    heard_at: float = 0.0
    is_trusted: bool = False

    def expect_after(self, at: float) -> None:
        """A schedule that has become none (its timezone has gone from this host) is forgotten."""
        if self.schedule is None:
            return
        try:
            self.expected_at = self.schedule.after(at)
        except InputError:
            self.schedule, self.expected_at = None, 0.0

    def next_wake(self) -> float | None:
        times = [*self.runs.values()]
        if self.schedule is not None:
            times.append(self.expected_at + self.schedule.margin_s)
        return min(times, default=None)


@dataclass(frozen=True, slots=True)
class Due:
    """A fault, and whether who told of the job is trusted. `key`: what it is about; told again, it is the same."""

    key: str
    fault: bytes
    is_trusted: bool


class CheckIns:
    """All monitors. Where there is no place for another, those that were not heard of for a month make it; else it is refused."""

    def __init__(self) -> None:
        self.monitors: dict[MonitorKey, Monitor] = {}

    def restore(self, monitors: Iterator[Monitor], now: float) -> None:
        """What was known before a restart; nothing of it is missed or late that should have come while nobody listened."""
        for monitor in monitors:
            monitor.expect_after(now)
            monitor.runs = {run: max(until, now) for run, until in monitor.runs.items()}
            self.monitors[monitor.owner, monitor.slug, monitor.environment] = monitor

    def feed(self, said: CheckIn, now: float) -> list[Due]:
        """Raises InputError for a schedule that is none, or where no more jobs can be known; then nothing has changed."""
        key = said.owner, said.slug, said.environment
        schedule = said.schedule or (self.monitors[key].schedule if key in self.monitors else None)
        expected_at = schedule.after(now) if schedule is not None else 0.0
        monitor = self.monitors.get(key) or self._new(key, now)
        monitor.schedule, monitor.expected_at = schedule, expected_at
        monitor.heard_at, monitor.is_trusted = now, said.is_trusted
        if said.status == "in_progress":
            longest_s = schedule.max_runtime_s if schedule is not None else _MAX_RUNTIME_S
            monitor.runs[said.check_in_id] = now + longest_s
            while len(monitor.runs) > _MOST_RUNS:
                monitor.runs.pop(next(iter(monitor.runs)))
            return []
        monitor.runs.pop(said.check_in_id, None)
        if said.status == "ok":
            return []
        return [_due(monitor, "failed", "has failed", now, said.release)]

    def due(self, now: float) -> list[Due]:
        told = []
        for monitor in self.monitors.values():
            for run in [run for run, until in monitor.runs.items() if until <= now]:
                del monitor.runs[run]
                told.append(_due(monitor, "late", "runs for longer than it may", now))
            schedule = monitor.schedule
            if schedule is not None and monitor.expected_at + schedule.margin_s <= now:
                when = datetime.fromtimestamp(monitor.expected_at, timezone.utc).isoformat(" ", "minutes")
                says = f"did not run: it was expected at {when}"
                told.append(_due(monitor, "missed", says, now))
                monitor.expect_after(max(monitor.expected_at, now - schedule.margin_s))
        return told

    def next_wake(self) -> float | None:
        """Seconds since 1970; None while nothing is expected."""
        return min((at for monitor in self.monitors.values() if (at := monitor.next_wake()) is not None), default=None)

    def _new(self, key: MonitorKey, now: float) -> Monitor:
        if len(self.monitors) >= _MOST_MONITORS:
            for old in [one for one, monitor in self.monitors.items() if monitor.heard_at < now - _FORGOTTEN_AFTER_S]:
                del self.monitors[old]
        of_owner = sum(1 for owner, _, _ in self.monitors if owner == key[0])
        if len(self.monitors) >= _MOST_MONITORS or of_owner >= _MOST_OF_AN_OWNER:
            raise InputError("check_in.monitor_slug", f"is of one job too many: {len(self.monitors)} are known")
        monitor = self.monitors[key] = Monitor(*key)
        return monitor


def _due(monitor: Monitor, kind: str, says: str, now: float, release: str = "") -> Due:
    where = f" in {monitor.environment}" if monitor.environment else ""
    fault = fault_pb2.Fault(
        type=fault_pb2.ERROR_TYPE_TASK,
        message=f"the job {monitor.slug}{where} {says}",
        context=fault_pb2.Context(component=monitor.slug, operation="check-in", environment=monitor.environment),
        fingerprint=f"check-in:{kind}:{monitor.slug}:{monitor.environment}",
        occurred_at_unix_ns=int(now * 1e9),
        source="sentry/check_in",
    )
    made = fitted(fault, [("check_in", kind), *([("release", release)] if release else [])])
    return Due(f"{kind}:{monitor.owner}:{monitor.slug}:{monitor.environment}", made, monitor.is_trusted)


# --- from JSON


def read_check_in(said: Mapping[str, Any], owner: str, *, is_trusted: bool) -> CheckIn:
    """Raises InputError."""
    slug, status = said.get("monitor_slug"), said.get("status")
    if not isinstance(slug, str) or not slug:
        raise InputError("check_in.monitor_slug", "is missing")
    if status not in _STATUSES:
        raise InputError("check_in.status", f"{str(status)[:40]!r} is none: {', '.join(_STATUSES)} are")
    environment, release = said.get("environment"), said.get("release")
    config = said.get("monitor_config")
    return CheckIn(
        owner,
        unicode(slug[:128]),
        unicode(environment[:64]) if isinstance(environment, str) else "",
        str(status),
        unicode(str(said.get("check_in_id"))[:64]),
        _schedule(config) if isinstance(config, Mapping) else None,
        unicode(release[:256]) if isinstance(release, str) else "",
        is_trusted,
    )


def _schedule(config: Mapping[str, Any]) -> Schedule | None:
    said = config.get("schedule")
    if not isinstance(said, Mapping):
        return None
    bounds = Schedule(
        margin_s=_minutes(config.get("checkin_margin"), _MARGIN_S),
        max_runtime_s=_minutes(config.get("max_runtime"), _MAX_RUNTIME_S),
    )
    kind, value = said.get("type"), said.get("value")
    if kind == "crontab" and isinstance(value, str):
        if len(value.split()) != _FIELDS:
            raise InputError("check_in.monitor_config.schedule", f"{value[:80]!r} is no crontab of five fields")
        zone = config.get("timezone")
        made = replace(bounds, crontab=value[:200], zone=zone[:64] if isinstance(zone, str) and zone else "UTC")
        made.after(0.0)
        return made
    unit_s = _UNITS_S.get(str(said.get("unit")))
    if (
        kind == "interval"
        and isinstance(value, int | float)
        and unit_s is not None
        and _SHORTEST_S / unit_s <= value <= _LONGEST_S / unit_s
    ):
        return replace(bounds, interval_s=value * unit_s)
    raise InputError(
        "check_in.monitor_config.schedule",
        "is none: a crontab, or an interval of a minute or more with its unit",
    )


def _minutes(value: object, default_s: float) -> float:
    """At least one, as Sentry has it."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value * 60 <= _LONGEST_S:
        return max(60.0, value * 60.0)
    return default_s


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InputError("check_in.monitor_config.timezone", f"{name!r} is not known on this host") from None
