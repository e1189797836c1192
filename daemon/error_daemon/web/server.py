"""HTTP on a port of its own: listens, has its routes served, lets requests end when it stops. On the daemon's own loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate

from starlette.routing import Route as PathRoute
from starlette.routing import Router
from uvicorn.config import Config
from uvicorn.server import ServerState

from error_daemon.calls import Gate, Transport
from error_daemon.exchange import Route
from error_daemon.listening.listener import Listener
from error_daemon.ports import Clock
from error_daemon.web.connection import Connection, House
from error_daemon.web.pages import Names
from error_daemon.web.serving import Elsewise, OnBug, Room, Served, nothing_here

_IDLE_S = 30  # a client that asks again within this time needs no new connection


@dataclass(frozen=True, slots=True)
class WebLimits:
    """settings.HttpSettings says why. `held_bytes`: of all bodies that are being read. `request_s`: until a request is whole."""

    connections: int
    requests: int
    held_bytes: int
    request_s: float


class WebServer:
    """`on_bug(action, exception)` hears of what its asker is told no more of than that it is a bug. Every request passes the `gate`.
    `names`: under which it may be asked, by pages."""

    def __init__(
        self,
        limits: WebLimits,
        on_bug: OnBug,
        gate: Gate,
        transport: Transport,
        clock: Clock,
        *,
        names: Names | None = None,
    ) -> None:
        self._names = names or Names("", ())
        self._served: list[PathRoute] = []
        self._methods: dict[str, set[str]] = {}  # by the place
        self._clock = clock
        self._gate = gate
        self._on_bug = on_bug
        self.room = Room(limits.requests, limits.held_bytes)
        self._state = ServerState()
        self._router = Router(redirect_slashes=False, default=nothing_here)
        config = Config(
            self._router,
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            log_level="error",  # else each broken request would be a line of the log
            proxy_headers=False,
            timeout_keep_alive=_IDLE_S,
        )
        config.load()
        house = House(config, self._state, limits.connections, limits.request_s, _Headers(clock.now))
        self._listener = Listener(lambda: Connection(house), transport, ("http/1.1",), limits.request_s)

    def add(self, routes: Sequence[Route]) -> None:
        """Before it is started. The first that fits is asked, so the narrower before the wider."""
        for route in routes:
            served = Served(route, self._gate, self.room, self._names, self._on_bug, now=self._clock.now)
            self._served.append(PathRoute(route.place, served, methods=list(route.methods)))
            methods = self._methods.setdefault(route.place, set())
            methods.update(route.methods, ("HEAD",) if "GET" in route.methods else ())
        elsewise = [PathRoute(place, Elsewise(methods)) for place, methods in self._methods.items()]
        self._router.routes[:] = [*self._served, *elsewise]

    async def start(self, address: str) -> str:
        """Returns the address, with the port where 0 was asked for. Raises TransientError."""
        return await self._listener.start(address, "http.listen")

    async def stop(self, grace_s: float) -> None:
        """Nobody can connect; requests that are there may end within `grace_s`."""
        await self._listener.stop()
        for connection in list(self._state.connections):
            connection.shutdown()
        if self._state.tasks:
            _, late = await asyncio.wait(self._state.tasks, timeout=grace_s)
            for task in late:
                task.cancel()
        for connection in list(self._state.connections):
            connection.transport.abort()


class _Headers:
    """The Date of answers (RFC 9110 asks for it), made once a second, and only where something is asked."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._second = 0
        self._headers: list[tuple[bytes, bytes]] = []

    def __call__(self) -> list[tuple[bytes, bytes]]:
        second = int(self._now())
        if second != self._second:
            self._second = second
            self._headers = [(b"date", formatdate(second, usegmt=True).encode())]
        return self._headers
