"""Files whose news come as priority events: pressure triggers, and the tables of mounts.

The event loop knows readable and writable only. An epoll that waits for priority events is itself readable when there is one.
"""

from __future__ import annotations

import select
from collections.abc import Callable

from error_daemon.ingest.sensors.contract import Desk


class PriorityEvents:
    """Calls what was given for a descriptor when it has news."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._epoll = select.epoll()
        self._acts: dict[int, Callable[[], None]] = {}
        desk.on_readable(self._epoll.fileno(), self._look)

    def add(self, fd: int, act: Callable[[], None]) -> None:
        """Raises OSError where the file has no news to tell."""
        self._epoll.register(fd, select.EPOLLPRI | select.EPOLLERR)
        self._acts[fd] = act

    def _look(self) -> None:
        for fd, _ in self._epoll.poll(0):
            if fd in self._acts:
                self._acts[fd]()

    def close(self) -> None:
        if not self._epoll.closed:
            self._desk.forget(self._epoll.fileno())
            self._epoll.close()
