"""log: what a line of the log costs the thread that logs, beside structlog writing each line to its file at once.

The line is that of an attempt, 380 bytes. It is logged in bursts of 20, a few milliseconds apart, as recoveries come. `at once` is what the
daemon did before its log had a buffer: structlog's own JSON renderer, and a write and flush of the file for each line. `left out`: the
daemon's log at level CRITICAL. `secret`: a line in which something has to be left out. Wall time of the burst, because waiting for a
file counts; µs per line, medians and 99th percentiles of the bursts of all rounds; the contenders take turns.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles
from typing import Any, TextIO

import structlog

from error_daemon.logs.levels import logger_class
from error_daemon.runtime.logs import Logs
from error_daemon.settings import LogSettings

_BURST = 20
_BETWEEN_S = 0.002
_LINE = {
    "ticket_id": "5e98c2b7c21c8e91-1a0c4506c00-1",
    "error_id": "5e98c2b7c21c8e91",
    "attempt_id": "5e98c2b7c21c8e91-1a0c4506c00-1-1",
    "strategy": "restart-shop",
    "ladder_level": 3,
    "target": "shop",
    "outcome": "completed",
    "verdict": "recovered",
    "detail": "pid 4488 was gone; started pid 4551",
    "execution_time_s": 0.002345,
}
_SECRET = {**_LINE, "detail": "cannot connect to postgresql://shop:hunter2hunter2@db:5432/shop"}


class _AtOnce:
    def __init__(self, file: TextIO) -> None:
        self._file = file

    def info(self, line: str) -> None:
        self._file.write(line + "\n")
        self._file.flush()


def run(rounds: int, bursts: int, say: Callable[[str], None]) -> dict[str, object]:
    """{"medians": {contender: {"p50_us", "p99_us"}}, "lost": lines}."""
    taken: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="error-recovery-bench-") as name, open(f"{name}/at-once", "a") as file:
        logs = Logs(LogSettings(), Path(name) / "recovery.log", Path(name) / "log.buffer")
        logs.begin()
        contenders = _contenders(logs, file)
        for number in range(rounds):
            say(f"log, round {number + 1} of {rounds}")
            for contender, (log, fields) in contenders.items():
                taken.setdefault(contender, []).extend(_bursts(log, fields, bursts))
        logs.end()
    medians = {
        contender: {"p50_us": median(costs), "p99_us": quantiles(costs, n=100)[98]}
        for contender, costs in taken.items()
    }
    return {"medians": medians, "lost": logs.statistics()["lines_lost"]}


def _contenders(logs: Logs, file: TextIO) -> dict[str, tuple[Any, dict[str, Any]]]:
    before = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]

    class Lines:
        info = staticmethod(logs.pump.add)

    own, vital = logger_class("INFO"), logger_class("CRITICAL")
    return {
        "at once": (logger_class("INFO")(_AtOnce(file), before, {}), _LINE),
        "buffered": (own(Lines(), [logs.renderer], {}), _LINE),
        "buffered, secret": (own(Lines(), [logs.renderer], {}), _SECRET),
        "left out": (vital(Lines(), [logs.renderer], {}), _LINE),
    }


def _bursts(log: Any, fields: dict[str, Any], bursts: int) -> list[float]:
    costs = []
    for _ in range(bursts):
        began = time.perf_counter()
        for _ in range(_BURST):
            log.info("attempt", **fields)
        costs.append((time.perf_counter() - began) * 1e6 / _BURST)
        time.sleep(_BETWEEN_S)
    return costs
