"""What systemd is told (sd_notify). Outside systemd nothing happens."""

from __future__ import annotations

import asyncio
import os

import sdnotify

from error_daemon.runtime.clock import monotonic_us


class Notifier:
    def __init__(self) -> None:
        self._systemd = sdnotify.SystemdNotifier() if os.environ.get("NOTIFY_SOCKET") else None
        self._beat: asyncio.TimerHandle | None = None
        self._status = ""

    def ready(self, status: str) -> None:
        """Start-up is done. From now on the watchdog is fed from the loop itself: a hung loop is restarted."""
        self._status = status
        self._tell(f"READY=1\nSTATUS={status}")
        interval_us = int(os.environ.get("WATCHDOG_USEC", "0"))
        if interval_us:
            self._feed(interval_us / 2e6)

    def reloading(self) -> None:
        """Until `reloaded`. Type=notify-reload goes by the time, so that it knows which reload is meant."""
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={monotonic_us()}\nSTATUS=reading the definitions")

    def reloaded(self) -> None:
        self._tell(f"READY=1\nSTATUS={self._status}")

    def stopping(self) -> None:
        self._tell("STOPPING=1\nSTATUS=draining")
        if self._beat:
            self._beat.cancel()

    def _feed(self, every_s: float) -> None:
        self._tell("WATCHDOG=1")
        self._beat = asyncio.get_running_loop().call_later(every_s, self._feed, every_s)

    def _tell(self, state: str) -> None:
        if self._systemd is not None:
            self._systemd.notify(state)
