"""
Whether the daemon is alive, and whether faults should be sent to it: one judgement, for /healthz, /readyz and gRPC health.

    check      good where                                              else
    ---------  ------------------------------------------------------  ---------------------------------------------------------------
    loop       its turns come in time                                  not live: 5 s late or more. Restart it
    drain      it is not stopping                                      not ready
    ring       every priority has a slot for another error             degraded; not ready where critical ones find none
    workers    all that there should be take orders                    degraded; not ready where none does
    store      the record is written, and not far behind               degraded: recoveries go on; not ready while it is so far behind
                                                                       that new errors are refused

`live` is a question for who restarts it (systemd, a kubelet), `ready` for who sends to it. A daemon that is degraded is ready: what is
broken here is broken for every other daemon of this host, too, and faults are better taken than left with their senders.

gRPC health is told when something has changed, by looking once a second: `Watch` of grpc.health.v1 hears of it then. Each service has the
status of what it needs: reporting that of `ready`, all else that of `live`, both NOT_SERVING once the daemon stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from error_daemon.calls import Server
from error_daemon.model import Priority
from error_daemon.ports import Clock, Ring

_log = structlog.get_logger()
_EVERY_S = 1.0
_LATE_S = 5.0
_COLLECTOR = "opentelemetry.proto.collector"
_REPORTING = frozenset(
    (
        "error_recovery.v1.FaultService",
        f"{_COLLECTOR}.logs.v1.LogsService",
        f"{_COLLECTOR}.trace.v1.TraceService",
        f"{_COLLECTOR}.metrics.v1.MetricsService",
    )
)
"""What is of no use where no fault can be taken. All else (what steers, what shows) is wanted just then."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    says: str
    is_good: bool = True
    is_dead: bool = False  # not live
    is_closed: bool = False  # not ready


@dataclass(frozen=True, slots=True)
class Judgement:
    checks: Sequence[Check]

    @property
    def is_live(self) -> bool:
        return not any(check.is_dead for check in self.checks)

    @property
    def is_ready(self) -> bool:
        return self.is_live and not any(check.is_closed for check in self.checks)

    @property
    def is_degraded(self) -> bool:
        return not all(check.is_good for check in self.checks)

    def serving(self, services: Sequence[str]) -> dict[str, bool]:
        """By gRPC service; the empty name stands for all of them."""
        stops = any(check.name == "drain" and not check.is_good for check in self.checks)
        steers = self.is_live and not stops
        return {"": self.is_ready, **{name: self.is_ready if name in _REPORTING else steers for name in services}}


class Record(Protocol):
    """As much of the store as is judged."""

    available: bool
    detail: str

    def rows_waiting(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is judged. `workers()`: how many take orders, of `workers_wanted`. `stops()`: it is being ended."""

    clock: Clock
    ring: Ring
    store: Record
    most_rows_waiting: int
    workers: Callable[[], int]
    workers_wanted: int
    stops: Callable[[], bool]


class Health:
    def __init__(self, vitals: Vitals, every_s: float = _EVERY_S) -> None:
        self._vitals = vitals
        self._every_s = every_s
        self._due_at = 0.0  # of the next look; 0: it has not begun
        self._late_s = 0.0  # the last look
        self._next: asyncio.TimerHandle | None = None
        self._server: Server | None = None
        self._services: Sequence[str] = ()
        self._told: Mapping[str, bool] = {}
        self._telling: asyncio.Task[None] | None = None

    def judge(self) -> Judgement:
        """As it is now."""
        vitals = self._vitals
        return Judgement((self._loop(), _drain(vitals), _ring(vitals.ring), _workers(vitals), _store(vitals)))

    def start(self, server: Server, services: Sequence[str]) -> None:
        """From now on the server's health is what is judged here. `services`: their names."""
        self._server, self._services = server, services
        self._due_at = self._vitals.clock.now()
        self._look()

    def stop(self) -> None:
        if self._next is not None:
            self._next.cancel()
        if self._telling is not None:
            self._telling.cancel()

    def _look(self) -> None:
        now = self._vitals.clock.now()
        self._late_s = now - self._due_at
        self._due_at = now + self._every_s
        self._next = asyncio.get_running_loop().call_later(self._every_s, self._look)
        serving = self.judge().serving(self._services)
        if serving != self._told and (self._telling is None or self._telling.done()):
            self._telling = asyncio.ensure_future(self._tell(serving))

    async def _tell(self, serving: Mapping[str, bool]) -> None:
        assert self._server is not None, "looks begin when there is a server"
        try:
            await self._server.tell_health(serving)
        except Exception as error:  # noqa: BLE001  health that cannot be told must not end the daemon
            _log.critical("bug", problem="health was not told", exc_info=error)
            return
        was_ready = self._told.get("", True)
        self._told = serving
        if serving[""] != was_ready:
            reasons = [check.says for check in self.judge().checks if check.is_closed or check.is_dead]
            _log.warning("readiness", ready=serving[""], reasons=reasons)

    def _loop(self) -> Check:
        late_s = max(self._late_s, self._vitals.clock.now() - self._due_at) if self._due_at else 0.0
        if late_s < _LATE_S:
            return Check("loop", "its turns come in time")
        return Check("loop", f"its turns come {late_s:.1f} s too late", is_good=False, is_dead=True)


def _drain(vitals: Vitals) -> Check:
    if vitals.stops():
        return Check("drain", "the daemon is being stopped", is_good=False, is_closed=True)
    return Check("drain", "it is not being stopped")


def _ring(ring: Ring) -> Check:
    use = ring.use()
    full = [priority for priority, (used, slots) in use.items() if used >= slots]
    if not full:
        used, slots = (sum(each[index] for each in use.values()) for index in (0, 1))
        return Check("ring", f"{used:,} of {slots:,} slots are in use")
    names = ", ".join(priority.name.lower() for priority in full)
    says = f"no slot is free for new errors of priority {names}"
    return Check("ring", says, is_good=False, is_closed=Priority.CRITICAL in full)


def _workers(vitals: Vitals) -> Check:
    ready = vitals.workers()
    says = f"{ready} of {vitals.workers_wanted} workers take orders"
    return Check("workers", says, is_good=ready >= vitals.workers_wanted, is_closed=not ready)


def _store(vitals: Vitals) -> Check:
    store, rows = vitals.store, vitals.store.rows_waiting()
    if rows >= vitals.most_rows_waiting:
        says = f"the record is {rows:,} rows behind: new errors are refused"
        return Check("store", says, is_good=False, is_closed=True)
    if not store.available:
        return Check("store", f"the record is not written ({store.detail}); recoveries go on", is_good=False)
    return Check("store", f"the record is written; {rows:,} rows wait")
