"""flood: what four clients at full speed do to a critical fault, to the daemon's memory, and to what it has acknowledged.

The four send what cannot all be taken: equal faults in unary calls (16 in flight), equal ones in batches of 64, distinct ones that no rule
matches on a stream, distinct ones that a rule observes in batches of 64. They have the last core for themselves; the daemon, its workers
and the store's writer run where they like, and so does a fifth client that sends critical faults at a fixed rate. Its figures (lag.py) are
taken before the flood, during it, and after it.

    memory          of the daemon's own process, each second, without the ring's file, which is mapped, beside the errors that it knows: it
                    keeps `known_errors`, and then drops as many as come. `growth_when_full` is from the moment at which they were all there
    acknowledged    what all clients were told was accepted; `recorded` is what the record counts when the daemon has stopped
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from types import TracebackType

import duckdb
import psutil

from bench import machine
from bench.daemon_process import DaemonProcess
from bench.lag import Figures, recovered
from bench.load import Plan, Result
from bench.measuring import LoadProcess, Numbers

_SERVICE = "/error_recovery.v1.FaultService/"
_KNOWN_ERRORS = 10_000  # fewer than by default, so that most of the flood comes when it knows as many as it keeps
_LAGS = ("sent_to_strategy", "received_to_strategy", "acknowledged")


@dataclass(frozen=True, slots=True)
class Way:
    faults: str
    shape: str
    window: int = 1
    batch: int = 0
    rate: float = 0.0


_CRITICAL = Way("critical", "unary", rate=20.0)
_CLIENTS = {
    "equal, unary": Way("equal", "unary", 16),
    "equal, batches": Way("equal", "stream", 4, 64),
    "distinct, stream": Way("unmatched", "stream", 64, 1),
    "distinct, batches": Way("matched", "stream", 4, 64),
}


def run(idle_s: float, seconds: float, say: Callable[[str], None]) -> dict[str, object]:
    """{"critical": {"before", "during", "after": figures, "p99_ratio": during / before}, "clients": {name: figures}, "memory": figures,
    "acknowledged", "recorded": faults}."""
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as directory:
        with ExitStack() as running:
            say("flood: starting the daemon and five clients")
            daemon = running.enter_context(DaemonProcess(Path(directory), is_pinned=False, known_errors=_KNOWN_ERRORS))
            critical = running.enter_context(LoadProcess())
            clients = {name: running.enter_context(LoadProcess()) for name in _CLIENTS}
            figures = _Flood(daemon, critical, clients, say).run(idle_s, seconds)
        return {**figures, "recorded": _recorded(Path(directory))}


class _Flood:
    def __init__(
        self,
        daemon: DaemonProcess,
        critical: LoadProcess,
        clients: Mapping[str, LoadProcess],
        say: Callable[[str], None],
    ) -> None:
        self._daemon = daemon
        self._critical = critical
        self._clients = clients
        self._say = say
        self._numbers = Numbers()
        self._acknowledged = 0

    def run(self, idle_s: float, seconds: float) -> dict[str, object]:
        self._say(f"flood: {idle_s:.0f} s without it")
        before = self._criticals(idle_s)
        self._say(f"flood: {seconds:.0f} s of it")
        memory = Memory(self._daemon)
        results: dict[str, Result] = {}
        with memory:
            during = self._criticals(seconds, self._begin, lambda: results.update(self._ended()))
        self._say(f"flood: {idle_s:.0f} s without it, again")
        after = self._criticals(idle_s)
        return {
            "critical": {
                "before": before,
                "during": during,
                "after": after,
                "p99_ratio": {name: _ratio(during, before, name) for name in _LAGS},
            },
            "clients": {name: _of_client(result) for name, result in results.items()},
            "memory": memory.figures(),
            "acknowledged": self._acknowledged,
        }

    def _criticals(
        self, seconds: float, begin: Callable[[float], None] = lambda _s: None, end: Callable[[], None] = lambda: None
    ) -> Figures:
        """`begin(seconds)` just before they are sent, `end()` after the last."""
        self._daemon.settle()
        self._critical.prepare(self._plan(_CRITICAL, seconds))
        machine.pin(self._critical.pid, machine.cores())
        begin(seconds)
        began_at = time.monotonic()
        self._critical.say("go")
        result = self._critical.result()
        end()
        self._acknowledged += result.faults
        self._daemon.settle()
        figures = recovered(self._daemon, result, began_at)
        return {**figures, "refused": {"ratio": result.refused / max(1, result.faults + result.refused)}}

    def _begin(self, seconds: float) -> None:
        for name, client in self._clients.items():
            client.prepare(self._plan(_CLIENTS[name], seconds))
        for client in self._clients.values():
            client.say("go")

    def _ended(self) -> dict[str, Result]:
        results = {name: client.result() for name, client in self._clients.items()}
        self._acknowledged += sum(result.faults for result in results.values())
        return results

    def _plan(self, way: Way, seconds: float) -> Plan:
        return Plan(
            address=self._daemon.address,
            method=_SERVICE + ("Report" if way.shape == "unary" else "StreamReports"),
            shape=way.shape,
            faults=way.faults,
            is_echo=False,
            first_number=self._numbers.next(),
            batch=way.batch,
            window=way.window,
            rate=way.rate,
            seconds=seconds,
            warm_seconds=0.0,  # what is sent then would not be counted
        )


class Memory:
    """Samples of the daemon's own process, one a second, while it is entered."""

    def __init__(self, daemon: DaemonProcess) -> None:
        self._daemon = daemon
        self._samples: list[tuple[float, int]] = []  # MiB, errors known
        self._stop = Event()
        self._thread = Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def figures(self) -> dict[str, object]:
        full = [mib for mib, known in self._samples if known >= _KNOWN_ERRORS]
        quarter = max(1, len(full) // 4)
        flat = statistics.mean(full[-quarter:]) / statistics.mean(full[:quarter]) if full else None
        return {
            "mib": [mib for mib, _ in self._samples],
            "errors_known": [known for _, known in self._samples],
            "seconds_full": len(full),
            "growth_when_full": flat,
        }

    def _watch(self) -> None:
        process = psutil.Process(self._daemon.process.pid)
        while not self._stop.wait(1.0):
            memory = process.memory_info()
            own_bytes = memory.rss - memory.shared
            self._samples.append((own_bytes / 2**20, self._daemon.status().errors_known))


def _of_client(result: Result) -> dict[str, float]:
    sent = max(1, result.faults + result.refused)
    return {
        "accepted": result.faults,
        "accepted_per_s": result.faults / result.seconds,
        "refused_ratio": result.refused / sent,
    }


def _ratio(during: Figures, before: Figures, name: str) -> float | None:
    value, base = during[name]["p99_us"], before[name]["p99_us"]
    return value / base if value and base else None


def _recorded(directory: Path) -> int:
    """What the record counts, when the daemon has stopped."""
    with duckdb.connect(str(directory / "state" / "recovery.duckdb"), read_only=True) as record:
        row = record.execute("SELECT sum(count) FROM errors WHERE component LIKE 'bench-%'").fetchone()
    return int(row[0]) if row else 0
