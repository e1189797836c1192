"""What systemd is told (sd_notify). Outside systemd nothing happens.

**The watchdog is fed from the event loop itself**, at half its time: whatever keeps the loop from turning keeps the watchdog hungry, and
systemd ends and restarts the daemon. A thread that fed it would say that all is well while nothing is.

**The status line** of `systemctl status` says how many tickets are open, what runs, what waits and what stands failed. It is
worked out every second and told when it has changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import sdnotify

from error_daemon.core.engine import Engine
from error_daemon.model import State
from error_daemon.runtime.clock import monotonic_us

_STATUS_EVERY_S = 1.0
_FIRST_FD = 3  # of those that systemd hands over
_MARGIN_S = 15.0  # after the drain: workers, the record, the ring


def given_fd(name: str, first_fd: int = _FIRST_FD) -> int | None:
    """The descriptor that systemd has opened for this process under that name (sd_listen_fds); None where there is none. What this process
    starts does not get it."""
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")[: int(os.environ.get("LISTEN_FDS", "0"))]
    if name not in names:
        return None
    fd = first_fd + names.index(name)
    os.set_inheritable(fd, False)
    return fd


class Notifier:
    def __init__(self, status_every_s: float = _STATUS_EVERY_S) -> None:
        self._status_every_s = status_every_s
        self._systemd = sdnotify.SystemdNotifier() if os.environ.get("NOTIFY_SOCKET") else None
        self._status: Callable[[], str] = str
        self._told = ""
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def ready(self, status: Callable[[], str]) -> None:
        """Start-up is done; call on the loop. `status()` is the status line as it is now."""
        if self._systemd is None:
            return
        self._status = status
        self._told = status()
        self._tell(f"READY=1\nSTATUS={self._told}")
        self._every("status", self._status_every_s, self._tell_status)
        interval_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        if interval_us:
            self._every("watchdog", interval_us / 2e6, lambda: self._tell("WATCHDOG=1"))

    def reloading(self) -> None:
        """Until `reloaded`. Type=notify-reload goes by the time, so that it knows which reload is meant."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us()}\nSTATUS=reading the definitions")

    def reloaded(self) -> None:
        self._told = self._status()
        self._tell(f"READY=1\nSTATUS={self._told}")

    def stopping(self, drain_timeout_s: float) -> None:
        """The last that is told. The drain may take that long; systemd waits for it, whatever its own TimeoutStopSec."""
        for timer in self._timers.values():
            timer.cancel()
        longest_us = int((drain_timeout_s + _MARGIN_S) * 1e6)
        self._tell(f"STOPPING=1\nSTATUS=draining\nEXTEND_TIMEOUT_USEC={longest_us}")
        if self._systemd is not None and self._systemd.socket is not None:
            self._systemd.socket.close()
        self._systemd = None

    def _tell_status(self) -> None:
        status = self._status()
        if status != self._told:
            self._told = status
            self._tell(f"STATUS={status}")

    def _every(self, name: str, period_s: float, act: Callable[[], None]) -> None:
        act()
        loop = asyncio.get_running_loop()
        self._timers[name] = loop.call_later(period_s, self._every, name, period_s, act)

    def _tell(self, state: str) -> None:
        if self._systemd is not None:
            self._systemd.notify(state)


def status_line(engine: Engine, address: str) -> str:
    """What is open, what runs, what waits, what stands failed."""
    tickets, running = engine.tickets_open(), engine.attempts_running()
    waiting = max(0, tickets - engine.in_the_works())
    failed = engine.errors_by_state().get(State.FAILED.value, 0)
    said = f"serving on {address}; tickets open: {tickets}, attempts running: {running}, waiting: {waiting}"
    return f"{said}; errors failed: {failed}" if failed else said
