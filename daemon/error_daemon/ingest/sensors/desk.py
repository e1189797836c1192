"""From what sensors see to faults, and the loop that sensors live on.

The `Reporter` is one for all sensors: it finds the target, gathers bursts, keeps which states are on, and tells those that last again. A
report that could not be taken (the ring is full) is told again a second later; one that is refused (its target is gone by now) is told
without target. Each sensor has a `SensorDesk` of its own, which ends what the sensor asked for, and ends the sensor itself where one of its
callbacks raises: a bug in looking at the host must not cost a recovery.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf

from error_daemon.errors import ErrorRecoveryError, InputError, TransientError
from error_daemon.ingest.sensors.bursts import Bursts
from error_daemon.ingest.sensors.contract import Sighting
from error_daemon.ingest.sensors.subjects import Subjects
from error_daemon.model import ErrorType
from error_daemon.ports import Clock
from error_recovery.v1 import fault_pb2

_TYPE_NUMBER = {error_type: number for number, error_type in enumerate(ErrorType, 1)}
_NAME_BYTES = 200
_VALUE_BYTES = 1000
_AGAIN_S = 1.0
_MOST_WAITING = 1000

_Key = tuple[str, str, str]  # sensor, what, about


@dataclass(slots=True)
class _State:
    sensor: str
    sighting: Sighting
    told_at_s: float = -inf  # not yet: its target is hushed


class Reporter:
    """`take(payload)`: the intake. `on_news(text)` hears of states that were left, `on_problem(text)` of what went wrong."""

    def __init__(
        self,
        subjects: Subjects,
        clock: Clock,
        take: Callable[[bytes], object],
        *,
        on_problem: Callable[[str], None],
        on_news: Callable[[str], None] = lambda text: None,
        repeat_s: float = 600.0,
    ) -> None:
        self._subjects = subjects
        self._clock = clock
        self._take = take
        self._on_problem = on_problem
        self._on_news = on_news
        self._repeat_s = repeat_s
        self._bursts: Bursts[_Key] = Bursts()
        self._newest: dict[_Key, Sighting] = {}  # of those that are counted
        self._states: dict[_Key, _State] = {}
        self._untaken: list[tuple[str, Sighting]] = []
        self._hushed: set[str] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def problem(self) -> Callable[[str], None]:
        return self._on_problem

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._states.clear()

    def hush(self, target: str, is_hushed: bool) -> None:
        """Say nothing about the target, or speak again."""
        if is_hushed:
            self._hushed.add(target)
        else:
            self._hushed.discard(target)

    # --- events

    def happened(self, sensor: str, sighting: Sighting) -> None:
        key = sensor, *sighting.key
        count = self._bursts.take(key, sighting.count, monotonic_s())
        if count:
            self._tell(sensor, replace(sighting, count=count))
        else:
            self._newest[key] = sighting
        self._look_later(self._bursts.quiet_s)

    # --- states

    def entered(self, sensor: str, sighting: Sighting) -> None:
        key = sensor, *sighting.key
        state = self._states.get(key)
        if state is not None:
            state.sighting = sighting
            return
        state = self._states[key] = _State(sensor, sighting)
        self._tell_state(state, monotonic_s())
        self._look_later(_AGAIN_S)

    def left(self, sensor: str, what: str, about: str, message: str) -> None:
        if self._states.pop((sensor, what, about), None) is not None:
            self._on_news(f"{message} (sensor/{sensor}: {what} of {about} is over)")

    def is_in(self, sensor: str, what: str, about: str) -> bool:
        return (sensor, what, about) in self._states

    def states(self, sensor: str) -> list[Sighting]:
        return [state.sighting for state in self._states.values() if state.sensor == sensor]

    def forget(self, sensor: str) -> None:
        """It has ended: nobody would see its states end."""
        for key in [key for key in self._states if key[0] == sensor]:
            del self._states[key]

    # --- what is told later

    def _look_later(self, delay_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._look)

    def _look(self) -> None:
        self._timer = None
        now_s = monotonic_s()
        untaken, self._untaken = self._untaken, []
        for sensor, sighting in untaken:
            self._tell(sensor, sighting, is_again=True)
        for key, count in self._bursts.due(now_s):
            self._tell(key[0], replace(self._newest[key], count=count))
        for state in self._states.values():
            if now_s - state.told_at_s >= self._repeat_s:
                self._tell_state(state, now_s)
        self._newest = {key: newest for key, newest in self._newest.items() if key in self._bursts}
        if self._untaken or self._states or self._bursts:
            self._look_later(_AGAIN_S)

    # --- faults

    def _tell_state(self, state: _State, now_s: float) -> None:
        if self._tell(state.sensor, state.sighting):
            state.told_at_s = now_s

    def _tell(self, sensor: str, sighting: Sighting, *, is_again: bool = False) -> bool:
        """False: its target is hushed. `is_again`: that it could not be taken was said."""
        target = self._subjects.target_of(sighting)
        if target in self._hushed:
            return False
        try:
            try:
                self._take(self._fault(sensor, sighting, target))
            except InputError:
                if not target:
                    raise
                self._take(self._fault(sensor, sighting, ""))
        except TransientError as error:
            self._wait(sensor, sighting, error, is_again=is_again)
        except ErrorRecoveryError as error:
            self._on_problem(f"{sighting.message}, and that could not be taken: {error}")
        return True

    def _wait(self, sensor: str, sighting: Sighting, error: TransientError, *, is_again: bool) -> None:
        if len(self._untaken) >= _MOST_WAITING:
            self._on_problem(f"{sighting.message}, and that is given up, because {_MOST_WAITING} others wait: {error}")
            return
        self._untaken.append((sensor, sighting))
        if not is_again:
            self._on_problem(f"{sighting.message}, and that could not be taken yet: {error}")
        self._look_later(_AGAIN_S)

    def _fault(self, sensor: str, sighting: Sighting, target: str) -> bytes:
        component = target or cut(sighting.about, _NAME_BYTES)
        fault = fault_pb2.Fault(
            type=_TYPE_NUMBER[sighting.type],  # type: ignore[arg-type]  # the numbers of the wire enum are these
            severity=int(sighting.severity),  # type: ignore[arg-type]
            message=cut(sighting.message, _VALUE_BYTES),
            context=fault_pb2.Context(
                component=component,
                operation=sighting.what,
                hardware_id=cut(sighting.about, _NAME_BYTES) if sighting.type is ErrorType.HARDWARE else "",
                attributes=attributes(sighting.figures),
            ),
            target=target,
            fingerprint=cut(f"{sighting.what}:{target or sighting.about}", _NAME_BYTES),
            occurred_at_unix_ns=int(self._clock.now() * 1e9),
            count=sighting.count,
            source=f"sensor/{sensor}",
        )
        return fault.SerializeToString()


def attributes(figures: Mapping[str, str | float]) -> dict[str, str]:
    return {
        name: cut(value, _VALUE_BYTES) if isinstance(value, str) else f"{value:.6g}" for name, value in figures.items()
    }


def cut(text: str, most_bytes: int) -> str:
    """Its beginning, in so many bytes, without what cannot be encoded."""
    return text.encode("utf-8", "replace")[:most_bytes].decode("utf-8", "ignore")


def monotonic_s() -> float:
    return time.clock_gettime(time.CLOCK_MONOTONIC)


class SensorDesk:
    """contract.Desk of one sensor. `on_bug(text)`: it must be stopped."""

    def __init__(self, name: str, reporter: Reporter, on_bug: Callable[[str], None]) -> None:
        self._name = name
        self._reporter = reporter
        self._on_bug = on_bug
        self._loop = asyncio.get_running_loop()
        self._fds: set[int] = set()
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._is_closed = False

    def close(self) -> None:
        self._is_closed = True
        for fd in list(self._fds):
            self.forget(fd)
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # --- what is told

    def happened(self, sighting: Sighting) -> None:
        self._reporter.happened(self._name, sighting)

    def entered(self, sighting: Sighting) -> None:
        self._reporter.entered(self._name, sighting)

    def left(self, what: str, about: str, message: str) -> None:
        self._reporter.left(self._name, what, about, message)

    def is_in(self, what: str, about: str) -> bool:
        return self._reporter.is_in(self._name, what, about)

    def states(self) -> list[Sighting]:
        return self._reporter.states(self._name)

    # --- what is asked for

    def now_s(self) -> float:
        return monotonic_s()

    def on_readable(self, fd: int, act: Callable[[], None]) -> None:
        self._fds.add(fd)
        self._loop.add_reader(fd, self.guarded, act)

    def forget(self, fd: int) -> None:
        if fd in self._fds:
            self._fds.discard(fd)
            self._loop.remove_reader(fd)

    def every(self, period_s: float, act: Callable[[], None]) -> None:
        self._again(len(self._timers), period_s, act)

    def _again(self, number: int, period_s: float, act: Callable[[], None]) -> None:
        def due() -> None:
            self.guarded(act)
            if not self._is_closed:
                self._again(number, period_s, act)

        self._timers[number] = self._loop.call_later(period_s, due)

    def in_thread(self, work: Callable[[], object], done: Callable[[object], None]) -> None:
        """A thread of its own, that nobody waits for: what hangs in the kernel must not keep the daemon from ending."""

        def ended(result: object) -> None:
            self.guarded(lambda: done(result))

        def run() -> None:
            try:
                result = work()
            except OSError as error:
                result = error
            with suppress(RuntimeError):  # the loop is closed by now
                self._loop.call_soon_threadsafe(ended, result)

        threading.Thread(target=run, name=f"sensor-{self._name}", daemon=True).start()

    def guarded(self, act: Callable[[], None]) -> None:
        if self._is_closed:
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001  whatever is wrong with a sensor ends that sensor only
            with suppress(Exception):
                self._on_bug(f"{type(error).__name__}: {error}")
