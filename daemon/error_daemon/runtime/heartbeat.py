"""The line `heartbeat`: that the daemon lives, and how it is. Its absence is worth an alert, wherever the log is collected."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import structlog

from error_daemon.model import Json

_log = structlog.get_logger()
_PAGE_BYTES = resource.getpagesize()
_FIGURES = (
    "state",
    "faults_received",
    "faults_refused",
    "calls_refused",
    "errors_known",
    "errors_by_state",
    "tickets_open",
    "attempts_running",
    "workers",
    "workers_lost",
    "peers_sent_away",
)


class Heartbeat:
    """`status()`: the fields of GetStatusResponse. `every_s` 0: never."""

    def __init__(self, status: Callable[[], Mapping[str, Json]], every_s: float) -> None:
        self._status = status
        self._every_s = every_s
        self._next: asyncio.TimerHandle | None = None

    def start(self) -> None:
        if self._every_s:
            self._next = asyncio.get_running_loop().call_later(self._every_s, self._beat)

    def stop(self) -> None:
        if self._next:
            self._next.cancel()

    def _beat(self) -> None:
        _log.info("heartbeat", **figures(self._status()))
        self.start()


def figures(status: Mapping[str, Json]) -> dict[str, Json]:
    """What a heartbeat says."""
    lag, log, store = status["lag"], status["log"], status["store"]
    return {
        "uptime_s": round(status["uptime_s"], 3),
        **{name: status[name] for name in _FIGURES},
        "slots_used": sum(ring["used"] for ring in status["rings"]),
        "rows_waiting": store["rows_waiting"],
        "store_available": store["available"],
        "lag_p50_us": round(lag["p50_us"]),
        "lag_p99_us": round(lag["p99_us"]),
        "log_lines": log["lines"],
        "log_lines_lost": log["lines_lost"],
        "memory_bytes": _memory_bytes(),
    }


def _memory_bytes() -> int:
    """Resident; 0 where nobody can say."""
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_BYTES
    return 0
