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
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from error_daemon.calls import Gate, Transport
from error_daemon.errors import Denied, TransientError
from error_daemon.ingest.acceptance import Acceptance
from error_daemon.ingest.syslog.fault import fault_of
from error_daemon.ingest.syslog.message import SEVERITIES, parse
from error_daemon.ingest.syslog.streams import Streams, turn
from error_daemon.listening.listener import Listener
from error_daemon.listening.unix_socket import for_its_group, refuse_a_living, remove_left_over
from error_daemon.model.access import Caller, Peer, Role, parsed_address
from error_daemon.ports import Clock
from error_daemon.setting_values import SyslogAddress

ACTION = "syslog"
_AGAIN_S = 10.0
_HANDSHAKE_S = 10.0
_DATAGRAM_BYTES = 64 << 10
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
        self._streams = Streams(self.caller_of, self.take, self._bug)
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
        self._streams.abort()

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
        listener = Listener(self._streams.new, transport, (), _HANDSHAKE_S)
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
        remove_left_over(path)
        with for_its_group():
            one = _bound(socket.AF_UNIX, str(path))
        self._stops.append(lambda: remove_left_over(path))
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
        is_over = turn()
        while not is_over():
            try:
                raw, place = one.recvfrom(_DATAGRAM_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            peer = (
                Peer(str(parsed_address(str(place[0])) or place[0])) if isinstance(place, tuple) else Peer(is_unix=True)
            )
            caller = self.caller_of(peer)
            if caller is not None:
                self.take(raw, caller, peer.address)

    def caller_of(self, peer: Peer) -> Caller | None:
        """None: it may not report."""
        try:
            address = parsed_address(peer.address)
            if address and not peer.certificate_names and any(address in network for network in self._networks):
                self._gate.check_address(peer, ACTION)
                return Caller("", str(address), frozenset({Role.REPORTER}))
            return self._gate.admit(peer, ACTION)
        except TransientError:
            self._acceptance.tally.put_off += 1
        except Denied as refusal:
            self._deny(peer, refusal)
        return None

    def _deny(self, peer: Peer, refusal: Denied) -> None:
        """All are counted; the first is told of, with what lets senders in."""
        self._acceptance.tally.denied += 1
        if self._acceptance.tally.denied == 1:
            mend = "`syslog.networks` and `access.allow` in recovery.conf say who may report"
            self._on_problem(
                f"syslog of {peer.address or 'this host'} is not taken ({refusal}), nor of others such: {mend}"
            )

    def _bug(self, error: Exception) -> None:
        self._on_problem(f"a connection of syslog is ended, because a message of it could not be taken: {error!r}")

    def take(self, raw: bytes, caller: Caller, sender: str) -> float:
        """After how many seconds it has to come again; 0: it need not."""
        said = parse(raw)
        if said is None or said.severity > self._gravest:
            self._acceptance.tally.passed_over += 1
            return 0.0
        fault = fault_of(said, sender=sender or os.uname().nodename, now=self._clock.now())
        accepted = self._acceptance.take_now([fault], caller)
        return accepted.retry_after_s


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
