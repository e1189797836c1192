"""The runtime's middle with a real engine and a real ring, between edges that tests hold in their hands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from re import compile as pattern

from error_daemon.audit.journal import Journal, Keep
from error_daemon.core.effects import StartAttempt
from error_daemon.core.engine import Engine
from error_daemon.core.policy import Policy
from error_daemon.model import (
    AttemptOrder,
    Condition,
    Definitions,
    Json,
    Mode,
    Notice,
    Observation,
    ObserveOrder,
    Outcome,
    OutcomeKind,
    Priority,
    Probe,
    ProbeOrder,
    Reading,
    ReadingValue,
    Rule,
    Strategy,
    Target,
)
from error_daemon.ports import Row
from error_daemon.ring.mapped import Geometry, MappedRing
from error_daemon.ring.opening import open_ring
from error_daemon.runtime.audit import Audit, TableCopy
from error_daemon.runtime.intake import RingIntake
from error_daemon.runtime.recovery_loop import OwnAct, RecoveryLoop
from error_daemon.runtime.watchers import Watchers
from error_daemon.telemetry import Counters
from error_recovery.v1 import fault_pb2
from tests.fakes.named_rows import named_row

GEOMETRY = Geometry(512, dict.fromkeys(Priority, 8))
HOUSE = Definitions(
    rules=(
        Rule("web", Condition(component=pattern("web")), {1: ("fix",), 2: ("fix",)}, target="web", mode=Mode.AUTO),
        Rule("seen", Condition(component=pattern("seen")), {1: ("fix",)}, target="web", mode=Mode.OBSERVE),
    ),
    targets={"web": Target("web", "service", probes=("port",))},
    strategies={"fix": Strategy("fix", "exec")},
    probes={"port": Probe("port", "tcp")},
)


class HandClock:
    """Stands until the test moves it."""

    def __init__(self) -> None:
        self.at = 1_790_000_000.0

    def now(self) -> float:
        return self.at

    def from_monotonic(self, monotonic_s: float) -> float:
        return monotonic_s


class HandStore:
    """Appends to `log`; commits when the test says."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.rows: list[tuple[str, Mapping[str, Json]]] = []
        self.refuse_table = ""
        self.refusal: Exception = RuntimeError("cannot append")

    def append(self, table: str, row: Row) -> int:
        if table == self.refuse_table:
            raise self.refusal
        row = dict(row) if isinstance(row, Mapping) else named_row(table, row)
        self.rows.append((table, row))
        self.log.append(f"{table} {row.get('state') or row.get('verdict') or ''}".strip())
        return len(self.rows)

    async def query(self, name: str, **params: Json) -> list[dict[str, Json]]:
        return []

    def rows_waiting(self) -> int:
        return len(self.rows)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class HandExecutor:
    """Writes orders down; does with them at once what the test has set."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.attempts: list[AttemptOrder] = []
        self.rounds: list[ProbeOrder] = []
        self.on_attempt: Callable[[AttemptOrder], None] = lambda order: None
        self.on_probes: Callable[[ProbeOrder], None] = lambda order: None
        self.on_observe: Callable[[ObserveOrder], Sequence[Observation]] = lambda order: []

    def start_attempt(self, order: AttemptOrder) -> None:
        self.attempts.append(order)
        self.log.append("start attempt")
        self.on_attempt(order)
        self.log.append("attempt started")

    def start_probes(self, order: ProbeOrder) -> None:
        self.rounds.append(order)
        self.log.append("start probes")
        self.on_probes(order)
        self.log.append("probes started")

    async def observe(self, order: ObserveOrder) -> Sequence[Observation]:
        return self.on_observe(order)

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class Joined:
    """Make it on a running loop, and close it."""

    def __init__(
        self,
        directory: Path,
        open_file: Callable[[Path, Geometry], MappedRing] = open_ring,
        on_recovered: Callable[[str], None] = lambda target: None,
        most_rows_waiting: int = 10_000,
    ) -> None:
        self.log: list[str] = []
        self.clock = HandClock()
        self.counters = Counters()
        self.notices: list[Notice] = []
        self.attempted: list[str] = []  # the attempts that were handed out
        self.ring = open_file(directory / "faults.ring", GEOMETRY)
        self.engine = Engine(HOUSE, Policy())
        self.watchers = Watchers(self.engine.listen)
        self.store = HandStore(self.log)
        self.executor = HandExecutor(self.log)
        self.loop = RecoveryLoop(
            self.engine,
            self.clock,
            self.ring,
            counters=self.counters,
            lag_threshold_s=5.0,
            on_notice=self._heard,
            on_recovered=on_recovered,
            on_act=self._acted,
        )
        self.loop.join(self.executor, {}, self.store)
        journal = Journal(directory / "audit.log", Keep(1 << 20, 4, 0.0))
        self.audit = Audit(journal, self.clock, TableCopy(self.store, journal))
        self.intake = RingIntake(
            self.loop,
            self.ring,
            self.clock,
            targets=HOUSE.targets,
            counters=self.counters,
            rows_waiting=self.store.rows_waiting,
            most_rows_waiting=most_rows_waiting,
        )

    def _acted(self, effect: OwnAct) -> None:
        if isinstance(effect, StartAttempt):
            self.attempted.append(effect.order.attempt_id)

    def _heard(self, notice: Notice) -> None:
        self.notices.append(notice)
        self.watchers.tell(notice)

    def close(self) -> None:
        self.loop.close()
        self.ring.close()

    def end(self, order: AttemptOrder) -> None:
        outcome = Outcome(order.attempt_id, OutcomeKind.COMPLETED, started_at=self.clock.at, execution_time_s=0.1)
        self.loop.outcome(outcome)

    def see(self, order: ProbeOrder, value: ReadingValue = ReadingValue.OK) -> None:
        self.loop.readings(order.round_id, [Reading(probe.id, value, "", self.clock.at) for probe in order.probes])


def web_fault(**fields: object) -> bytes:
    given: dict[str, object] = {"message": "web is down", "context": fault_pb2.Context(component="web")}
    return fault_pb2.Fault(**(given | fields)).SerializeToString()  # type: ignore[arg-type]
