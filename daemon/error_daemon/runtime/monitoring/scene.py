"""
What there is to see when metrics are read: the parts of the daemon, and what is gone through before.

Almost every metric is a number that somebody keeps. Two things are not kept, because only who looks would need them: for which brake each
open ticket waits, and how old the oldest is. There may be tens of thousands, so they are gone through in slices, with a turn for everybody
else in between (`look_at_tickets`). Errors that are known and have no ticket are never gone through.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from error_daemon.core.engine import Engine
from error_daemon.core.ticket import Error
from error_daemon.ingest.acceptance import Tally
from error_daemon.middle import Applications
from error_daemon.model import Json
from error_daemon.model.hook import HookView
from error_daemon.ports import Clock, Ring
from error_daemon.runtime.health import Judgement
from error_daemon.runtime.reload import Reloader
from error_daemon.store.client import DuckStore
from error_daemon.telemetry import Counters

TURN_S = 0.001
"""For how long the loop is kept at a time."""
_SLICE = 64


@dataclass(frozen=True, slots=True)
class Monitored:
    """The parts. `workers()`: how many are ready; `workers_wanted`: how many there should be. `log()`: how the log is. `figures()`: the
    newest value of each figure of the host. `ways()`: what has come by each way in. `stood_s()`: how long the daemon could not act.
    `http_requests()`: how many are being answered. `watchers()`: how many listen. `workflow_runs()`: how many are open."""

    engine: Engine
    clock: Clock
    counters: Counters
    ring: Ring
    store: DuckStore
    reloader: Reloader
    applications: Applications
    workers: Callable[[], int]
    workers_wanted: int
    log: Callable[[], Mapping[str, Json]]
    figures: Callable[[], Mapping[str, float]]
    ways: Callable[[], Mapping[str, Tally]]
    stood_s: Callable[[], float]
    http_requests: Callable[[], int]
    watchers: Callable[[], int]
    hooks: Callable[[], Sequence[HookView]]
    workflow_runs: Callable[[], int]
    health: Callable[[], Judgement]


@dataclass(slots=True)
class Tickets:
    """The open ones."""

    by_severity: Counter[str] = field(default_factory=Counter)
    held_by: Counter[str] = field(default_factory=Counter)
    oldest_at: float = 0.0  # 0: there is none

    def count(self, error: Error, hold: str) -> None:
        self.by_severity[error.severity.name.lower()] += 1
        if hold:
            self.held_by[hold] += 1
        self.oldest_at = min(self.oldest_at or error.opened_at, error.opened_at)


@dataclass(frozen=True, slots=True)
class Scene:
    """One moment, as far as metrics need it whole."""

    seen: Monitored
    now: float
    tickets: Tickets
    log: Mapping[str, Json]
    health: Judgement


async def scene_of(seen: Monitored) -> Scene:
    turns = Turns(seen.clock)
    tickets = await look_at_tickets(seen.engine, turns)
    return Scene(seen, seen.clock.now(), tickets, seen.log(), seen.health())


async def look_at_tickets(engine: Engine, turns: Turns) -> Tickets:
    tickets = Tickets()
    errors = engine.with_ticket()
    for first in range(0, len(errors), _SLICE):
        for error in errors[first : first + _SLICE]:
            if error.ticket is not None:  # it may have ended meanwhile
                tickets.count(error, engine.held_by(error))
        await turns.share()
    return tickets


class Turns:
    """Lets others have their turn when this one has lasted long enough."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = clock.now() + TURN_S

    async def share(self) -> None:
        if self._clock.now() >= self._until:
            await asyncio.sleep(0)
            self._until = self._clock.now() + TURN_S
