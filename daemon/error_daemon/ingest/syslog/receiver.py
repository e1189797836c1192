"""
Syslog taken in: over UDP, TCP, TLS and unix sockets.

What becomes of messages that cannot be taken now differs by the way, because only some senders can wait: a stream is not read from until
its message is in the ring, so its sender's buffer keeps the rest; a datagram is lost, and counted as put off. Nobody is told anything
else: the protocol has no answers.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from error_daemon.errors import Denied, TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.syslog.fault import fault_of
from error_daemon.ingest.syslog.framing import Framing, FramingError
from error_daemon.ingest.syslog.message import SEVERITIES, parse
from error_daemon.listening.listener import Listener
from error_daemon.listening.peer import who_is_at
from error_daemon.listening.unix_socket import for_its_group, refuse_a_living
from error_daemon.model.access import Caller, Peer, Role
from error_daemon.ports import Clock, Gate, Transport
from error_daemon.setting_values import SyslogAddress

ACTION = "syslog"
_AGAIN_S = 10.0
_HANDSHAKE_S = 10.0
_MOST_CONNECTIONS = 512
_DATAGRAM_BYTES = 64 << 10
_DATAGRAMS_IN_A_TURN = 64
_BUFFER_BYTES = 4 << 20


class SyslogReceiver:
    """`on_problem(text)` hears of addresses that cannot be had; they are tried again."""

    def __init__(
        self,
        acceptance: Acceptance,
        gate: Gate,
        clock: Clock,
        *,
        transport: Transport,
        level: str,
        networks: Sequence[str],
        on_problem: Callable[[str], None],
    ) -> None:
        self._acceptance = acceptance
        self._gate = gate
        self._clock = clock
        self._transport = transport
        self._gravest = SEVERITIES.index(level)
        self._networks = [ip_network(network) for network in networks]
        self._on_problem = on_problem
        self._connections: set[_Stream] = set()
        self._stops: list[Callable[[], object]] = []
        self._trying: asyncio.Task[None] | None = None
        self.addresses: list[str] = []
        """Where messages are taken now."""

    async def start(self, addresses: Sequence[SyslogAddress]) -> None:
        """Returns after the first try. A port of 0 is any."""
        left = await self._listen(addresses, is_told=False)
        if left:
            self._trying = asyncio.ensure_future(self._try_again(left))

    async def stop(self) -> None:
        if self._trying is not None:
            self._trying.cancel()
            await asyncio.wait({self._trying})
        for stop in self._stops:
            stopped = stop()
            if asyncio.iscoroutine(stopped):
                await stopped
        for connection in list(self._connections):
            connection.abort()

    # --- where

    async def _try_again(self, addresses: Sequence[SyslogAddress]) -> None:
        while addresses:
            await asyncio.sleep(_AGAIN_S)
            addresses = await self._listen(addresses, is_told=True)

    async def _listen(self, addresses: Sequence[SyslogAddress], *, is_told: bool) -> list[SyslogAddress]:
        """Those that cannot be had."""
        left = []
        for address in addresses:
            try:
                self.addresses.append(await self._open(address))
            except (OSError, TransientError) as error:
                left.append(address)
                if not is_told:
                    self._on_problem(f"syslog is not taken at {address}: {error}")
        return left

    async def _open(self, address: SyslogAddress) -> str:
        if address.scheme in ("udp", "unix"):
            return self._open_datagrams(address)
        transport = self._transport if address.scheme == "tls" else Transport()
        listener = Listener(lambda: _Stream(self), transport, (), _HANDSHAKE_S)
        host = f"[{address.host}]" if ":" in address.host else address.host
        bound = await listener.start(f"{host}:{address.port}", "syslog.listen")
        self._stops.append(listener.stop)
        return f"{address.scheme}://{bound}"

    def _open_datagrams(self, address: SyslogAddress) -> str:
        if address.scheme == "unix":
            return self._open_unix(Path(address.host))
        info = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
        one = _bound(info[0], info[4])
        self._read(one)
        host = f"[{address.host}]" if ":" in address.host else address.host
        return f"udp://{host}:{one.getsockname()[1]}"

    def _open_unix(self, path: Path) -> str:
        refuse_a_living(str(path), socket.SOCK_DGRAM)
        path.unlink(missing_ok=True)
        with for_its_group():
            one = _bound(socket.AF_UNIX, str(path))
        self._stops.append(lambda: path.unlink(missing_ok=True))
        self._read(one)
        return f"unix:{path}"

    def _read(self, one: socket.socket) -> None:
        one.setblocking(False)
        loop = asyncio.get_running_loop()
        loop.add_reader(one.fileno(), self._datagrams, one)

        def close() -> None:
            loop.remove_reader(one.fileno())
            one.close()

        self._stops.append(close)

    # --- what

    def _datagrams(self, one: socket.socket) -> None:
        """Some, and the rest with the next turn."""
        for _ in range(_DATAGRAMS_IN_A_TURN):
            try:
                raw, place = one.recvfrom(_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            peer = Peer(str(place[0])) if isinstance(place, tuple) else Peer(is_unix=True)
            caller = self.caller_of(peer)
            if caller is not None:
                self.take(raw, caller, peer.address)

    def caller_of(self, peer: Peer) -> Caller | None:
        """None: it may not report."""
        if peer.address and not peer.certificate_names and self._networks:
            address = ip_address(peer.address.partition("%")[0])
            if any(address in network for network in self._networks):
                return Caller("", peer.address, frozenset({Role.REPORTER}))
        try:
            return self._gate.admit(peer, ACTION)
        except (Denied, TransientError):
            return None

    def take(self, raw: bytes, caller: Caller, sender: str) -> float:
        """After how many seconds it has to come again; 0: it need not."""
        said = parse(raw)
        if said is None or said.severity > self._gravest:
            self._acceptance.tally.passed_over += 1
            return 0.0
        fault = fault_of(said, sender=sender or os.uname().nodename, now=self._clock.now())
        accepted = self._acceptance.take_now([fault], caller)
        return accepted.retry_after_s

    # --- streams

    def opened(self, stream: _Stream) -> bool:
        """Whether there is room for it."""
        if len(self._connections) >= _MOST_CONNECTIONS:
            return False
        self._connections.add(stream)
        return True

    def closed(self, stream: _Stream) -> None:
        self._connections.discard(stream)


def _bound(family: int, place: Any) -> socket.socket:
    """Raises OSError."""
    one = socket.socket(family, socket.SOCK_DGRAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        one.bind(place)
    except OSError:
        one.close()
        raise
    return one


class _Stream(asyncio.Protocol):
    """One connection: messages in their order, and none is read before the one before it is in the ring."""

    def __init__(self, receiver: SyslogReceiver) -> None:
        self._receiver = receiver
        self._framing = Framing()
        self._waiting: list[bytes] = []
        self._later: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        peer = who_is_at(transport)
        caller = self._receiver.caller_of(peer)
        if caller is None or not self._receiver.opened(self):
            self._transport.abort()
            return
        self._caller, self._sender = caller, peer.address

    def data_received(self, data: bytes) -> None:
        try:
            self._waiting += self._framing.feed(data)
        except FramingError as error:
            self._waiting += error.args[0]
            self._is_ending = True
        self._take()

    def eof_received(self) -> bool:
        self._waiting += self._framing.end()
        self._is_ending = True
        self._take()
        return bool(self._waiting)

    def connection_lost(self, exc: Exception | None) -> None:
        """What it had sent is still to be taken, and until then it keeps its place."""
        self._is_lost = True
        if not self._waiting:
            self._receiver.closed(self)

    def abort(self) -> None:
        self._waiting.clear()
        if self._later is not None:
            self._later.cancel()
        self._transport.abort()

    def _take(self) -> None:
        if self._later is not None:
            return
        for index, raw in enumerate(self._waiting):
            retry_after_s = self._receiver.take(raw, self._caller, self._sender)
            if retry_after_s:
                del self._waiting[:index]
                self._transport.pause_reading()
                self._later = asyncio.get_running_loop().call_later(retry_after_s, self._again)
                return
        self._waiting.clear()
        if self._is_lost:
            self._receiver.closed(self)
        elif self._is_ending:
            self._transport.close()

    def _again(self) -> None:
        self._later = None
        if not self._transport.is_closing():
            self._transport.resume_reading()
        self._take()
