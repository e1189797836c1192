"""The workers: whether all are there, when each was last heard of, and how many were lost."""

from __future__ import annotations

from collections.abc import Sequence

from error_daemon.execute.link import Heard
from error_daemon.model import Diagnostic
from error_daemon.runtime.diagnosis.area import Area, some

_AREA = Area("workers")
_QUIET_S = 3.0  # heartbeats come every second


def workers(heard: Sequence[Heard], wanted: int, lost: int) -> list[Diagnostic]:
    """`wanted`: how many there should be. `lost`: since the daemon's start."""
    return [_alive(heard, wanted), *_heartbeat(heard), _lost(lost)]


def _alive(heard: Sequence[Heard], wanted: int) -> Diagnostic:
    ready = sum(one.is_ready for one in heard)
    figures = {"ready": float(ready), "wanted": float(wanted)}
    busy = sum(one.load for one in heard)
    if ready == wanted:
        return _AREA.good(
            "ready", f"{some(ready, 'worker')}, with {some(busy, 'attempt or look', 'attempts and looks')}", **figures
        )
    says = f"{ready} of {some(wanted, 'worker')}"
    mend = "they are started again by themselves; `worker_lost` in the log says why they ended"
    return (_AREA.notice if ready else _AREA.bad)("ready", says, mend, **figures)


def _heartbeat(heard: Sequence[Heard]) -> list[Diagnostic]:
    if not heard:
        return []
    longest = max(heard, key=lambda one: one.silent_s)
    says = f"the longest silence is {longest.silent_s:g} s (worker {longest.pid})"
    if longest.is_ready and longest.silent_s > _QUIET_S:
        mend = "it is about to be replaced, and its attempts are probed; if it comes again: is the host short of CPU?"
        return [_AREA.notice("heartbeats", says, mend, longest_silence_s=longest.silent_s)]
    return [_AREA.good("heartbeats", says, longest_silence_s=longest.silent_s)]


def _lost(lost: int) -> Diagnostic:
    if not lost:
        return _AREA.good("lost", "none since the start", lost=0.0)
    mend = "`worker_lost` in the log says how each ended; a strategy that takes its worker along is the usual cause"
    return _AREA.notice("lost", f"{some(lost, 'worker')} since the start, all replaced", mend, lost=float(lost))
