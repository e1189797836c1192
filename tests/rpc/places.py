"""Where a server can be reached: the tests of its contract are the same over TCP, over TCP with TLS, and on a unix socket."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from error_daemon.calls import Gate, Server, Service, Transport
from tests.fakes.authority import Authority
from tests.fakes.shown_credentials import Shown
from tests.rpc.serving import MakeServer, OnBug, Secured

PLACES = ("TCP", "TLS", "unix")
_ANY = "127.0.0.1:0"


class _Placed:
    """calls.Server: where a test asks for any port, this has its own place."""

    def __init__(self, server: Server, address: str, root: bytes | None, forget: Callable[[], None]) -> None:
        self._server = server
        self._address = address
        self._root = root
        self._forget = forget

    def add(self, service: Service) -> None:
        self._server.add(service)

    async def start(self, address: str) -> str:
        assert address == _ANY
        bound = await self._server.start(self._address)
        return bound if self._root is None else Secured(bound, self._root)

    async def tell_health(self, serving: Mapping[str, bool]) -> None:
        await self._server.tell_health(serving)

    async def stop(self, grace_s: float) -> None:
        await self._server.stop(grace_s)
        self._forget()


class Places:
    """`directory`: for its certificates, which are made when they are needed first."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._shown: tuple[Shown, bytes] | None = None

    def at(self, place: str, make: MakeServer) -> MakeServer:
        """Servers of this kind at this place."""
        if place == "TCP":
            return make
        return self._secured(make) if place == "TLS" else _on_a_socket(make)

    def _secured(self, make: MakeServer) -> MakeServer:
        shown, root = self._shown = self._shown or self._issued()

        def made(most_bytes: int, on_bug: OnBug, gate: Gate, _transport: Transport) -> Server:
            return _Placed(make(most_bytes, on_bug, gate, Transport(shown)), _ANY, root, lambda: None)

        return made

    def _issued(self) -> tuple[Shown, bytes]:
        authority = Authority(self._directory / "authority")
        return Shown(authority.issue("daemon", "DNS:localhost,IP:127.0.0.1")), authority.certificate.read_bytes()


def _on_a_socket(make: MakeServer) -> MakeServer:
    def made(most_bytes: int, on_bug: OnBug, gate: Gate, transport: Transport) -> Server:
        directory = tempfile.mkdtemp()  # of a short name: a socket's has at most 107 bytes
        server = make(most_bytes, on_bug, gate, transport)
        return _Placed(
            server, f"unix:{directory}/grpc.sock", None, lambda: shutil.rmtree(directory, ignore_errors=True)
        )

    return made
