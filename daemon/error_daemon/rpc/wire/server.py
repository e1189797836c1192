"""calls.Server on our own wire: listens, looks after its connections, drains them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from contextlib import suppress

from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import _async as async_reflection
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from error_daemon.calls import Gate, Service, Transport
from error_daemon.listening.listener import Listener
from error_daemon.rpc.told_health import SERVICE_NAME, ToldHealth
from error_daemon.rpc.wire.common import Common
from error_daemon.rpc.wire.frames import ErrorCode
from error_daemon.rpc.wire.generated import services_of
from error_daemon.rpc.wire.limits import WireLimits
from error_daemon.rpc.wire.protocol import OnViolation, WireProtocol
from error_daemon.rpc.wire.served import served

OnBug = Callable[[str, BaseException], None]
IN_CLEAR = Transport()
_LOOK_EVERY_S = 5.0
_LOOK_AT_ONCE = 128
_LEAVING_S = 1.0  # for peers to hear of it
_A_MOMENT_S = 0.002


class WireServer:
    """`now`: steady time in seconds; uvloop's own is that of the turn's begin, and can't tell when a turn has lasted too long.
    `on_bug(method, exception)` hears of whatever the caller is told no more of than INTERNAL, `on_violation(peer, violation)` of peers
    that were sent away. Every call passes the `gate`."""

    def __init__(
        self,
        limits: WireLimits,
        on_bug: OnBug,
        on_violation: OnViolation,
        gate: Gate,
        transport: Transport = IN_CLEAR,
        *,
        now: Callable[[], float] | None = None,
    ) -> None:
        self._limits = limits
        self._now = now or (lambda: asyncio.get_running_loop().time())
        self._common = Common({}, limits, on_bug, self._now, self._make_room, gate)
        self._on_violation = on_violation
        self._transport = transport
        self._listener = Listener(self._protocol, transport, ("h2",), limits.greeting_s)
        self._services: list[Service] = []
        self._health = ToldHealth()
        self._is_leaving = False
        self.connections: set[WireProtocol] = set()
        self._looking: asyncio.TimerHandle | None = None
        self._all_closed: asyncio.Event = asyncio.Event()

    def add(self, service: Service) -> None:
        self._services.append(service)

    async def start(self, address: str) -> str:
        names = [service.name for service in self._services]
        listed = [*names, SERVICE_NAME, reflection.SERVICE_NAME]
        shown = async_reflection.ReflectionServicer(listed)
        services = [
            *self._services,
            *services_of(lambda to: health_pb2_grpc.add_HealthServicer_to_server(self._health.servicer, to)),
            *services_of(lambda to: reflection_pb2_grpc.add_ServerReflectionServicer_to_server(shown, to)),
        ]
        self._common.methods = dict(served(service.name, method) for service in services for method in service.methods)
        bound = await self._listener.start(address, "listen")
        await self._health.begin(names)
        self._look_later()
        return bound

    async def tell_health(self, serving: Mapping[str, bool]) -> None:
        """See calls.Server."""
        await self._health.tell(serving)

    async def stop(self, grace_s: float) -> None:
        """New calls are refused in a way that lets their senders try elsewhere; those that are there may end within `grace_s`."""
        if self._looking is None:
            return  # it was never started
        self._looking.cancel()
        self._is_leaving = True
        await self._listener.stop()
        await self._health.leave()
        for protocol in self.connections:
            protocol.connection.announce_leave()
            protocol.flush()
        if grace_s > 0:
            await self._drain(grace_s)
        for protocol in list(self.connections):
            protocol.end(ErrorCode.NO_ERROR, "the daemon has stopped")
        await self._ended()

    async def _drain(self, grace_s: float) -> None:
        began_at = self._now()
        await self._until(self._all_know, began_at + min(_LEAVING_S, grace_s))
        for protocol in self.connections:
            if not protocol.connection.has_left:
                protocol.connection.leave()
                protocol.flush()
        await self._until(lambda: not self._is_busy(), began_at + grace_s)

    async def _until(self, is_true: Callable[[], bool], at: float) -> None:
        """Looks again and again, because neither peers nor calls know who waits for them; no longer than to this time."""
        while not is_true() and self._now() < at:  # noqa: ASYNC110
            await asyncio.sleep(_A_MOMENT_S)

    def _all_know(self) -> bool:
        return all(protocol.connection.has_left for protocol in self.connections)

    def _is_busy(self) -> bool:
        return any(protocol.connection.streams for protocol in self.connections)

    async def _ended(self) -> None:
        """Until every servicer has ended and every socket is closed; not for long, where one hangs."""
        tasks = [task for protocol in self.connections for task in protocol.calls.tasks]
        if tasks:
            await asyncio.wait(tasks, timeout=_LEAVING_S)
        if self.connections:
            self._all_closed.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._all_closed.wait(), _LEAVING_S)
        for protocol in list(self.connections):
            protocol.abort()

    # --- connections

    def _protocol(self) -> WireProtocol:
        longest_s = self._transport.longest_connection_s if self._listener.is_encrypted else math.inf
        return WireProtocol(self._common, self._opened, self._closed, self._on_violation, longest_s)

    def _opened(self, protocol: WireProtocol) -> bool:
        has_place = len(self.connections) < self._limits.connections or self._make_place()
        self.connections.add(protocol)
        if self._is_leaving:
            protocol.connection.announce_leave()
        return has_place

    def _make_place(self) -> bool:
        """Whoever was idle for longest goes: first those that have never called anything, as the hosts of a flood. gRPC clients whose
        idle connection ends make a new one with their next call."""
        idle = [protocol for protocol in self.connections if protocol.is_idle]
        if (
            not idle or len(self.connections) > 2 * self._limits.connections
        ):  # there are as many that are not closed yet
            return False
        longest = min(idle, key=lambda protocol: (protocol.connection.called_at, protocol.opened_at))
        if longest.connection.called_at:
            longest.end(ErrorCode.NO_ERROR, "idle for longest, and others need the place")
        else:
            longest.end(ErrorCode.ENHANCE_YOUR_CALM, "too many connections, and nothing was called on this one")
        return True

    def _closed(self, protocol: WireProtocol) -> None:
        self.connections.discard(protocol)
        if not self.connections:
            self._all_closed.set()

    @property
    def held_bytes(self) -> int:
        """Memory for what peers have sent and for what they do not take."""
        return self._common.held_bytes

    def _make_room(self) -> None:
        """The peer that holds most goes, whoever it was that came last."""
        asyncio.get_running_loop().call_soon(self._send_greatest_away)

    def _send_greatest_away(self) -> None:
        if self._common.held_bytes > self._limits.all_held_bytes and self.connections:
            greatest = max(self.connections, key=lambda protocol: protocol.held_bytes)
            if greatest.connection.is_closing:  # it does not even take its farewell
                greatest.abort()
            else:
                greatest.end(ErrorCode.ENHANCE_YOUR_CALM, "more is held for you than for anybody else")

    def _look_later(self) -> None:
        self._looking = asyncio.get_running_loop().call_later(_LOOK_EVERY_S, self._look_again)

    def _look_again(self) -> None:
        self._look_later()
        self.look()

    def look(self) -> None:
        """After every connection whose time may be over."""
        self._look_at(list(self.connections))

    def _look_at(self, left: list[WireProtocol]) -> None:
        """Some, and the others after everybody had their turn: there may be tens of thousands."""
        now = self._now()
        for protocol in left[-_LOOK_AT_ONCE:]:
            protocol.look(now)
        del left[-_LOOK_AT_ONCE:]
        if left:
            asyncio.get_running_loop().call_soon(self._look_at, left)
