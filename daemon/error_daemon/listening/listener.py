"""
One address, listened on until it is stopped: host:port, or unix:/path.

Where the certificates change, listeners are made anew on the same sockets: who connects meanwhile waits in the backlog of these, and is
shown the new ones. Connections that are there keep what they have.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path

from error_daemon.calls import Transport
from error_daemon.errors import TransientError
from error_daemon.listening.tls import context_of
from error_daemon.listening.unix_socket import for_its_group, refuse_a_living, remove_left_over

_OLDEST = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_RETRY_AFTER_S = 1.0
_BACKLOG = 1024


class Listener:
    """`protocols`: what ALPN offers. `handshake_s`: how long a handshake may take; for TLS only."""

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        transport: Transport,
        protocols: Sequence[str],
        handshake_s: float,
    ) -> None:
        self._protocol = protocol
        self._transport = transport
        self._protocols = protocols
        self._tls = self._context()
        self._handshake_s = handshake_s if self._tls is not None else None
        self._listeners: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []  # ours: they listen on while listeners change
        self._changing: asyncio.Task[None] | None = None
        self._socket_file: Path | None = None

    @property
    def is_encrypted(self) -> bool:
        return self._tls is not None

    async def start(self, address: str, setting: str) -> str:
        """Returns the address, with the port where 0 was asked for. `setting` says where the address is written. Raises TransientError."""
        try:
            return await self._listen(address)
        except OSError as error:
            mend = f"is another daemon running there? `{setting}` in recovery.conf says where"
            raise TransientError(f"cannot listen on {address} ({error}): {mend}", _RETRY_AFTER_S) from error

    async def _listen(self, address: str) -> str:
        loop = asyncio.get_running_loop()
        if address.startswith("unix:"):
            path = Path(address.removeprefix("unix:"))
            refuse_a_living(str(path))
            with for_its_group():
                self._listeners = [await loop.create_unix_server(self._protocol, path, backlog=_BACKLOG)]
            self._socket_file = path
            return address
        host, _, port = address.rpartition(":")
        listener = await loop.create_server(
            self._protocol,
            host.strip("[]"),
            int(port),
            ssl=self._tls,
            ssl_handshake_timeout=self._handshake_s,
            backlog=_BACKLOG,
            reuse_port=False,  # a second daemon on the port is an error, not a silent share of the faults
        )
        self._listeners = [listener]
        self._sockets = [socket.socket(fileno=os.dup(one.fileno())) for one in listener.sockets]
        for one in self._sockets:
            _mark(one, self._transport.dscp)
        if self._transport.credentials is not None:
            self._transport.credentials.subscribe(self._changed)
        return f"{host}:{self._sockets[0].getsockname()[1]}"

    def _context(self) -> ssl.SSLContext | None:
        credentials = self._transport.credentials
        if credentials is None:
            return None
        return context_of(credentials.current(), _OLDEST[self._transport.oldest_tls], self._protocols)

    def _changed(self) -> None:
        if not self._sockets:
            return  # it has stopped
        self._tls = self._context()
        self._listen_no_more()
        self._changing = asyncio.ensure_future(self._listen_again(self._changing))

    def _listen_no_more(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    async def _listen_again(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        while self._sockets:
            self._listen_no_more()
            try:
                for one in self._sockets:
                    self._listeners.append(await self._listener_on(one.dup()))
                return
            except OSError:  # no descriptors
                await asyncio.sleep(_RETRY_AFTER_S)

    async def _listener_on(self, one: socket.socket) -> asyncio.Server:
        return await asyncio.get_running_loop().create_server(
            self._protocol, sock=one, ssl=self._tls, ssl_handshake_timeout=self._handshake_s, backlog=_BACKLOG
        )

    async def stop(self) -> None:
        """Nobody can connect any more. Connections that are there are not touched."""
        for one in self._sockets:
            one.close()
        self._sockets = []
        if self._changing is not None:
            self._changing.cancel()
            await asyncio.wait({self._changing})
        self._listen_no_more()
        if self._socket_file is not None:
            remove_left_over(self._socket_file)
            self._socket_file = None


def _mark(listener: socket.socket, dscp: int) -> None:
    """What is sent on the connections that it accepts, from the first packet on."""
    if dscp and listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    elif dscp and listener.family == socket.AF_INET:
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
