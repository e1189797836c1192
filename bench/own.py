"""own: what a fault costs the daemon by itself, without the wire: from its bytes to the receipt, and to the release of its slot.

The real parts of the fault path (decoding, ring file, engine, rows as they wait for the writer, the log) are joined in this process and
fed in a loop, with the garbage collector set as the daemon sets it. No gRPC, no worker, no second thread but the log's: so this is what
the daemon's code costs, and the difference between a server with it and a bare echo is what it costs there. Process CPU time; each
figure is the median of the batches' µs per fault.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.faults import SORTS, builder
from error_daemon import garbage
from error_daemon.core.engine import Engine
from error_daemon.core.policy import Policy
from error_daemon.model import (
    AttemptOrder,
    Condition,
    Definitions,
    Notice,
    Priority,
    Probe,
    ProbeOrder,
    Rule,
    Strategy,
    Target,
)
from error_daemon.ports import Clock
from error_daemon.ring.mapped import Geometry
from error_daemon.ring.opening import open_ring
from error_daemon.runtime.clock import SteadyClock
from error_daemon.runtime.intake import RingIntake
from error_daemon.runtime.logs import configure
from error_daemon.runtime.recovery_loop import RecoveryLoop
from error_daemon.settings import LogSettings
from error_daemon.store.backlog import Backlog
from error_daemon.telemetry import Counters

Hear = Callable[[Notice], None]
Hearing = Callable[[Clock], Hear]
_BATCH = 500
_SLOTS = 2048


class _NoWriter:
    """ports.Store as far as the fault path sees it: rows are serialised and wait, and are as good as written when asked for."""

    def __init__(self) -> None:
        self._backlog = Backlog(2000, 10**9)
        self.append = self._backlog.append
        self.last = 0

    def rows_waiting(self) -> int:
        return self._backlog.rows

    def take_all(self) -> int:
        """The number of the last row; nothing waits any more."""
        while head := self._backlog.head():
            self.last = getattr(head, "number", self.last)
            self._backlog.drop_head()
        return self.last


class _NoWorkers:
    """ports.Executor for rules that only observe."""

    def start_attempt(self, order: AttemptOrder) -> None:
        raise AssertionError(f"nothing is to be attempted here: {order}")

    def start_probes(self, order: ProbeOrder) -> None:
        raise AssertionError(f"nothing is to be looked at here: {order}")


def run(rounds: int, faults: int, say: Callable[[str], None]) -> dict[str, object]:
    """{"rounds": [...], "medians": {sort: µs per fault}}. `faults` a round and sort."""
    garbage.tame()
    taken: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory:
        logs = configure(LogSettings(file=f"{directory}/recovery.log"), Path(directory), {})
        for number in range(rounds):
            say(f"own, round {number + 1} of {rounds}")
            taken.append({name: asyncio.run(one(kind, faults)) for name, kind in SORTS.items()})
        logs.end()
    return {"rounds": taken, "medians": {name: median(each[name] for each in taken) for name in SORTS}}


async def one(kind: str, faults: int, hearing: Hearing | None = None) -> float:
    """µs per fault. `hearing(clock)`: who hears every notice; without it nobody makes any."""
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory:
        ring = open_ring(Path(directory) / "ring", Geometry(2048, dict.fromkeys(Priority, _SLOTS)))
        clock, counters, store = SteadyClock(), Counters(), _NoWriter()
        engine = Engine(_definitions(), Policy())
        engine.listen(hearing is not None)
        loop = RecoveryLoop(
            engine,
            clock,
            ring,
            counters=counters,
            lag_threshold_s=5.0,
            on_notice=hearing(clock) if hearing else lambda _notice: None,
            on_recovered=lambda _target: None,
        )
        loop.join(_NoWorkers(), {}, store)  # type: ignore[arg-type]
        intake = RingIntake(
            loop, ring, clock, targets=(), counters=counters, rows_waiting=store.rows_waiting, most_rows_waiting=10**9
        )
        build = builder(kind)
        payloads = [build(number) for number in range(faults)]
        costs = []
        for first in range(0, faults, _BATCH):
            began = time.process_time()
            for payload in payloads[first : first + _BATCH]:
                intake.take(payload)
            loop.committed(store.take_all())
            costs.append((time.process_time() - began) * 1e6 / _BATCH)
        loop.close()
        ring.close()
        return median(costs)


def _definitions() -> Definitions:
    rule = Rule("observed", Condition(component=re.compile("bench-matched")), {1: ("look",)}, target="t")
    return Definitions(
        rules=(rule,),
        targets={"t": Target("t", "service", {}, ("port",))},
        strategies={"look": Strategy("look", "retry")},
        probes={"port": Probe("port", "tcp")},
    )
