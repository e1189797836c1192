"""All sensors, as the settings want them: made, started, stopped, and asked how they are.

One that cannot see here is kept with its reason, for `error-cli diagnose`, and said once. One that breaks is stopped, and said; the others
go on. The sampler runs as long as there is something to sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from error_daemon.ingest.sensors.bands import Band
from error_daemon.ingest.sensors.clock_sync import ClockSync
from error_daemon.ingest.sensors.conditions import Growth, State, mean
from error_daemon.ingest.sensors.contract import DAEMON, Sensor, Unavailable
from error_daemon.ingest.sensors.counters import CpuReader, EdacReader, SoftnetReader, ThermalReader
from error_daemon.ingest.sensors.desk import Reporter, SensorDesk
from error_daemon.ingest.sensors.group_memory import GroupMemory
from error_daemon.ingest.sensors.host_figures import host_figures
from error_daemon.ingest.sensors.kernel_log import KernelLog
from error_daemon.ingest.sensors.links import Links
from error_daemon.ingest.sensors.mounts import Mounts
from error_daemon.ingest.sensors.pressure import Pressure
from error_daemon.ingest.sensors.process_exits import ProcessExits
from error_daemon.ingest.sensors.sampler import LATE, Sampled, Sampler
from error_daemon.ingest.sensors.subjects import Subjects
from error_daemon.ingest.sensors.told_figures import Both, ToldFigures
from error_daemon.middle import SensorReadings
from error_daemon.model import ErrorType, Severity, Target
from error_daemon.model.diagnostic import Diagnostic, Standing
from error_daemon.model.views import HostFigure
from error_daemon.ports import Clock
from error_daemon.settings import SensorSettings

_WINDOW_S = 10.0
_SAMPLER = "sampler"


@dataclass(slots=True)
class _Post:
    """A sensor, and how it is to it here."""

    sensor: Sensor
    desk: SensorDesk | None = None
    why_not: str = ""
    mend: str = ""


class Sensors:
    """`take(payload)`: the intake. `on_problem` hears of what goes wrong, `on_news` of what cannot be seen here, or is over. `root`: where
    proc, sys and dev are. `kernel_log`: another than that under `root`."""

    def __init__(
        self,
        settings: SensorSettings,
        targets: Mapping[str, Target],
        clock: Clock,
        take: Callable[[bytes], object],
        *,
        on_problem: Callable[[str], None],
        on_news: Callable[[str], None] = lambda text: None,
        root: Path = Path("/"),
        kernel_log: KernelLog | None = None,
    ) -> None:
        self._settings = settings
        self._root = root
        self._kernel_log = kernel_log or KernelLog(root)
        self._subjects = Subjects(targets, root)
        self._on_problem = on_problem
        self._on_news = on_news
        self._reporter = Reporter(
            self._subjects, clock, take, on_problem=on_problem, on_news=on_news, repeat_s=settings.repeat
        )
        self._sampler = Sampler(clock, settings.sample_interval)
        self.told = ToldFigures(clock)
        self._sampler_desk: SensorDesk | None = None
        self._posts = [_Post(sensor) for sensor in self._wanted()] if settings.enabled else []

    @property
    def sampled(self) -> SensorReadings:
        """Of this host."""
        return self._sampler.samples

    @property
    def readings(self) -> SensorReadings:
        """Of this host, and what others have told."""
        return Both(self._sampler.samples, self.told)

    def start(self) -> None:
        """On the loop."""
        if not self._posts:
            return
        self._sampler_desk = SensorDesk(_SAMPLER, self._reporter, self._sampler_broke)
        try:
            self._sampler.start(self._sampler_desk)
        except OSError as error:
            self._sampler_broke(f"there is no timer: {error.strerror}")
        for post in self._posts:
            self._start(post)
        blind = [f"{post.sensor.name} ({post.why_not})" for post in self._posts if post.why_not]
        if blind:
            self._on_news(f"not seen on this host: {'; '.join(blind)}")

    def stop(self) -> None:
        for post in self._posts:
            self._end(post)
        if self._sampler_desk is not None:
            self._sampler_desk.close()
            self._sampler.stop()
        self._reporter.close()

    def redefine(self, targets: Mapping[str, Target]) -> None:
        self._subjects.redefine(targets)

    def hush(self, target: str, is_hushed: bool) -> None:
        """A person breaks and recovers the target for a test: what happens to it is not reported until that is over."""
        self._reporter.hush(target, is_hushed)

    def diagnostics(self) -> Sequence[Diagnostic]:
        """How each is, in the order of docs/sensors.md."""
        if not self._settings.enabled:
            return [
                Diagnostic("sensors", "all", Standing.UNAVAILABLE, "switched off: sensors.enabled in recovery.conf")
            ]
        return [self._diagnostic(post) for post in self._posts]

    def _diagnostic(self, post: _Post) -> Diagnostic:
        if post.desk is None:
            why = post.why_not or "not started"
            return Diagnostic(
                "sensors", post.sensor.name, Standing.UNAVAILABLE, f"{why}; it needs {post.sensor.needs}", post.mend
            )
        return post.sensor.diagnostic()

    def figures(self, prefix: str, last_s: float, points: int) -> Sequence[HostFigure]:
        """Those whose names begin with `prefix`, by name, with their values of the last `last_s`, at most so many."""
        sampled = [post.sensor for post in self._posts if isinstance(post.sensor, Sampled)]
        return host_figures(self.readings, sampled, prefix, last_s, points)

    # --- one by one

    def _start(self, post: _Post) -> None:
        def broke(text: str) -> None:
            self._end(post)
            post.why_not, post.mend = f"it broke: {text}", "restart the daemon, and report this"
            self._on_problem(f"the sensor {post.sensor.name} broke and is stopped: {text}")

        desk = SensorDesk(post.sensor.name, self._reporter, broke)
        try:
            post.sensor.start(desk)
        except Unavailable as error:
            desk.close()
            post.why_not, post.mend = str(error), error.mend
        except Exception as error:  # noqa: BLE001  whatever is wrong with a sensor is no reason not to recover
            desk.close()
            post.why_not = f"{type(error).__name__}: {error}"
        else:
            post.desk = desk

    def _end(self, post: _Post) -> None:
        if post.desk is not None:
            post.desk.close()
            post.desk = None
            post.sensor.stop()
            self._reporter.forget(post.sensor.name)

    def _sampler_broke(self, text: str) -> None:
        if self._sampler_desk is not None:
            self._sampler_desk.close()
        self._sampler.stop()
        self._on_problem(f"nothing is sampled any more: {text}")

    # --- which

    def _wanted(self) -> Iterator[Sensor]:
        settings, root = self._settings, self._root
        if settings.kernel_log:
            yield self._kernel_log
        if settings.process_exits:
            yield ProcessExits(self._subjects)
        if settings.group_memory:
            yield GroupMemory(self._subjects, root)
        shares = {"cpu": settings.cpu_pressure, "memory": settings.memory_pressure, "io": settings.io_pressure}
        if any(shares.values()):
            yield Pressure(shares, root)
        if settings.mounts:
            yield Mounts(settings.disk_full, settings.inodes_full, root)
        if settings.links:
            yield Links(settings.ignore_links)
        if settings.clock:
            yield ClockSync(settings.clock_offset)
        yield from self._sampled()

    def _sampled(self) -> Iterator[Sensor]:
        sampler, root, settings = self._sampler, self._root, self._settings
        yield Sampled("loop", "a timer", sampler, None, [_loop_late(settings)])
        yield Sampled("cpu", "/proc/stat", sampler, lambda: CpuReader(root), _cpu_states(settings))
        yield Sampled(
            "network", "/proc/net/softnet_stat", sampler, lambda: SoftnetReader(root), _network_states(settings)
        )
        heat = "a thermal zone, a sensor of hwmon, or a CPU that counts when it is slowed down"
        yield Sampled("heat", heat, sampler, lambda: ThermalReader(root), _heat_conditions(settings))
        yield Sampled("memory-errors", "EDAC", sampler, lambda: EdacReader(root), _MEMORY_ERRORS)


def _loop_late(settings: SensorSettings) -> State:
    def late_ratio(window: Sequence[float]) -> float:
        return sum(late_s >= settings.loop_late for late_s in window) / len(window)

    late = f"{settings.loop_late * 1e3:g} ms"
    says = f"the daemon's event loop was more than {late} late in {{value:.0%}} of the last {{window_s:g}} s, at worst {{worst:.3f}} s"
    band = Band.above(settings.loop_late_ratio)
    return State("loop-late", LATE, _WINDOW_S, band, says, about=DAEMON, summary=late_ratio, limit=settings.loop_late)


def _above(what: str, figure: str, enter: float, says: str, severity: Severity = Severity.MEDIUM) -> State:
    return State(what, figure, _WINDOW_S, Band.above(enter or inf), says, severity)


def _cpu_states(settings: SensorSettings) -> Sequence[State]:
    iowait = "CPUs waited for I/O in {value:.0%} of the last {window_s:g} s"
    steal = "the hypervisor gave {value:.0%} of the CPU time of the last {window_s:g} s to others"
    switches = "{value:,.0f} context switches a second over the last {window_s:g} s"
    return (
        _above("iowait", "iowait_ratio", settings.iowait, iowait),
        _above("steal", "steal_ratio", settings.steal, steal),
        _above("context-switches", "context_switches_per_s", settings.context_switches, switches, Severity.LOW),
    )


def _network_states(settings: SensorSettings) -> Sequence[State]:
    drops = "{value:.1f} packets a second were dropped in the last {window_s:g} s: a CPU's queue was full (softnet)"
    squeezes = "{value:.1f} times a second, over the last {window_s:g} s, a CPU had more packets than it may take at a time (softnet)"
    return (
        _above("packets-dropped", "softnet_drops_per_s", settings.softnet_drops, drops),
        _above("packets-squeezed", "softnet_squeezes_per_s", settings.softnet_squeezes, squeezes, Severity.LOW),
    )


def _heat_conditions(settings: SensorSettings) -> Sequence[State | Growth]:
    margin = settings.critical_margin
    near = State(
        what="overheated",
        figure="to_critical_celsius",
        window_s=1.0,
        band=Band(-margin, -margin - 5.0, 0.0, 30.0),
        says=f"a thermal zone is within {margin:g} °C of its critical point",
        severity=Severity.CRITICAL,
        type=ErrorType.HARDWARE,
        summary=lambda window: -mean(window),
        limit=margin,
        is_below=True,
    )
    says = "CPUs were slowed down {count} times because they were too hot"
    return near, Growth("throttled", "thermal_throttles_per_s", says, Severity.MEDIUM)


_MEMORY_ERRORS = (
    Growth(
        "memory-uncorrected",
        "memory_uncorrected_per_s",
        "{count} errors of the memory that could not be corrected",
        Severity.CRITICAL,
    ),
    Growth("memory-corrected", "memory_corrected_per_s", "{count} corrected errors of the memory", Severity.LOW),
)
