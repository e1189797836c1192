"""What must be sampled, every 100 ms, by one timer; and how late that timer came, which is how long the event loop kept everybody waiting.

The timer is a timerfd: exact to microseconds, and it does not drift. A reader that is slow is read less often, so that each takes at most
`_SHARE` of one core, whatever the host: /proc/stat of two hundred CPUs, or a temperature that is asked for over a slow bus.

    late = when the loop came to it - when it was due

Late because the loop was busy, because the host gave the CPU to others (steal, a quota), or because the daemon was stopped.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from error_daemon.ingest.sensors import libc
from error_daemon.ingest.sensors.conditions import Growth, Left, State
from error_daemon.ingest.sensors.contract import Desk, Sighting
from error_daemon.ingest.sensors.counters import Reader
from error_daemon.ingest.sensors.samples import Samples
from error_daemon.model.diagnostic import Diagnostic, Standing
from error_daemon.ports import Clock

LATE = "loop_late_s"
COST = "sampling_cost_ratio"
_SHARE = 0.002  # of one core, for one reader
_JUDGE_S = 1.0
_SMOOTH = 0.2


@dataclass(slots=True)
class _Part:
    """What is sampled for one sensor."""

    sensor: Sampled
    reader: Reader | None
    cost_s: float = 0.0
    read_at_s: float = 0.0
    due_s: float = 0.0


class Sampler:
    """Runs while sensors are attached to it."""

    def __init__(self, clock: Clock, interval_s: float = 0.1) -> None:
        self.samples = Samples(interval_s)
        self.samples.add((LATE, COST))
        self._clock = clock
        self._interval_s = interval_s
        self._parts: list[_Part] = []
        self._fd = -1
        self._due_s = 0.0
        self._judge_at_s = 0.0

    def start(self, desk: Desk) -> None:
        """Raises OSError."""
        self._desk = desk
        self._fd = libc.timer(self._interval_s)
        self._due_s = desk.now_s() + self._interval_s
        desk.on_readable(self._fd, self._tick)

    def stop(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def attach(self, sensor: Sampled, reader: Reader | None) -> None:
        if reader is not None:
            self.samples.add(reader.figures)
        self._parts.append(_Part(sensor, reader))

    def detach(self, sensor: Sampled) -> None:
        for part in [part for part in self._parts if part.sensor is sensor]:
            self._parts.remove(part)
            if part.reader is not None:
                self.samples.drop(part.reader.figures)
                part.reader.close()

    def _tick(self) -> None:
        try:
            expired = int.from_bytes(os.read(self._fd, 8), "little")
        except BlockingIOError:
            return
        now_s = self._desk.now_s()
        self.sample(now_s, max(0.0, now_s - self._due_s))
        self._due_s += expired * self._interval_s

    def sample(self, now_s: float, late_s: float) -> None:
        """One turn."""
        began_s = time.perf_counter()
        self.samples.begin(self._clock.now())
        self.samples.put(LATE, late_s)
        for part in list(self._parts):
            self._read(part, now_s)
        if now_s >= self._judge_at_s:
            self._judge_at_s = now_s + _JUDGE_S - self._interval_s / 2
            for part in list(self._parts):
                part.sensor.guarded(part.sensor.judge, now_s)
        self.samples.put(COST, (time.perf_counter() - began_s) / self._interval_s)

    def _read(self, part: _Part, now_s: float) -> None:
        if part.reader is None or now_s < part.due_s:
            return
        began_s = time.perf_counter()
        passed_s = now_s - part.read_at_s if part.read_at_s else 0.0
        part.sensor.guarded(self._take, part, passed_s)
        part.read_at_s = now_s
        part.cost_s += _SMOOTH * (time.perf_counter() - began_s - part.cost_s)
        part.due_s = now_s + max(0.0, part.cost_s / _SHARE - self._interval_s / 2)

    def _take(self, part: _Part, passed_s: float) -> None:
        assert part.reader is not None, "only those with one are read"
        for name, value in zip(part.reader.figures, part.reader.read(passed_s), strict=True):
            self.samples.put(name, value)
        part.sensor.grown(passed_s)


class Sampled:
    """contract.Sensor of sampled figures. `opened()` gives its reader; None: it judges what the sampler itself measures."""

    def __init__(
        self,
        name: str,
        needs: str,
        sampler: Sampler,
        opened: Callable[[], Reader] | None,
        conditions: Sequence[State | Growth],
    ) -> None:
        self.name = name
        self.needs = needs
        self._sampler = sampler
        self._opened = opened
        self._states = [condition for condition in conditions if isinstance(condition, State)]
        self._growths = [condition for condition in conditions if isinstance(condition, Growth)]
        self._figures: tuple[str, ...] = ()

    @property
    def figures(self) -> Sequence[str]:
        """Those that it samples, or that the sampler measures for it."""
        return self._figures or tuple(dict.fromkeys(state.figure for state in self._states))

    @property
    def states(self) -> Sequence[State]:
        return self._states

    def start(self, desk: Desk) -> None:
        self._desk = desk
        reader = None
        if self._opened is not None:
            reader = self._opened()
            self._figures = reader.figures
        self._sampler.attach(self, reader)

    def stop(self) -> None:
        self._sampler.detach(self)

    def guarded(self, act: Callable[..., None], *arguments: object) -> None:
        """A reader that breaks ends this sensor, not the sampler."""
        self._desk.guarded(lambda: act(*arguments))

    def grown(self, passed_s: float) -> None:
        for growth in self._growths:
            sighting = growth.look(self._sampler.samples, passed_s)
            if sighting is not None:
                self._desk.happened(sighting)

    def judge(self, now_s: float) -> None:
        for state in self._states:
            seen = state.look(self._sampler.samples, now_s)
            if isinstance(seen, Sighting):
                self._desk.entered(seen)
            elif seen is Left.LEFT:
                self._desk.left(state.what, state.about, f"{state.what}: {state.figure} is down to {state.value:.3g}")

    def diagnostic(self) -> Diagnostic:
        current = self._sampler.samples.current()
        figures = {name: current[name] for name in (self._figures or (LATE,)) if name in current}
        pressed = [state.what for state in self._states if state.hysteresis.is_in]
        says = ", ".join(f"{name} {value:.3g}" for name, value in figures.items()) or "not sampled yet"
        if pressed:
            return Diagnostic(
                "sensors", self.name, Standing.NOTICE, f"{says}; {', '.join(pressed)}", "error-cli errors list", figures
            )
        return Diagnostic("sensors", self.name, Standing.GOOD, says, figures=figures)
