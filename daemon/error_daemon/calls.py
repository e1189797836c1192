"""Calls from outside: who makes them, how a server is reached, and what a gRPC server serves. Contracts and values.

peer ── Gate.admit ──► Caller ── Call ──► Method.serve ──► answer
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal, Protocol

from error_daemon.model.access import Caller, Peer

# --- who calls -------------------------------------------------------------------------------------------------------


class Gate(Protocol):
    """Who calls, and whether they may. Asked for every call, so it is quick; synchronous."""

    @property
    def reads_tokens(self) -> bool:
        """Whether `Peer.token` matters: else a server need not look for one."""

    def admit(self, peer: Peer, method: str) -> Caller:
        """Of a call of `method` ("package.Service/Method"): who it is. Raises Unidentified, Denied, or TransientError where this caller
        calls too often."""

    def check_address(self, peer: Peer, method: str) -> None:
        """For who asks for more only later, or lets others in besides: raises Denied where `access.allow` does not have the address."""

    def grant_faults(self, caller: Caller, wanted: int) -> tuple[int, float]:
        """How many of so many faults this caller may report now, and after how many seconds the rest."""


class Credentials(Protocol):
    """What a server shows to who connects over TLS. It may be another one at any time: each new connection gets the current one."""

    def current(self) -> ServerCredentials: ...

    def subscribe(self, changed: Callable[[], None]) -> None:
        """`changed()` is called, on the loop's thread, whenever `current()` has become another one."""


@dataclass(frozen=True, slots=True)
class ServerCredentials:
    """PEM. `client_ca`: a client must show a certificate that these authorities vouch for; None: it is not asked for one."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None


@dataclass(frozen=True, slots=True)
class Transport:
    """How a server is reached. `credentials` None: in clear. `longest_connection_s`: when a client over TLS is asked to connect anew.
    `dscp`: the code point of what is sent; 0: none."""

    credentials: Credentials | None = None
    longest_connection_s: float = 3600.0
    oldest_tls: Literal["1.2", "1.3"] = "1.2"
    dscp: int = 0


# --- the gRPC server ----------------------------------------------------------------------------------------------


class Shape(Enum):
    UNARY = "unary"
    SERVER_STREAM = "server_stream"
    CLIENT_STREAM = "client_stream"
    BIDI_STREAM = "bidi_stream"


class Call(Protocol):
    """What a servicer may know about the call it serves."""

    @property
    def peer(self) -> str: ...

    @property
    def caller(self) -> Caller: ...


@dataclass(frozen=True, slots=True)
class Method:
    """One method of a service. `request` and `response` convert from and to bytes; None leaves the bytes as they are.

    `serve` by shape:
      UNARY          (request, call) → response, or an awaitable of it
      SERVER_STREAM  (request, call) → async iterator of responses
      CLIENT_STREAM  (async iterator of requests, call) → awaitable of a response
      BIDI_STREAM    (async iterator of requests, call) → async iterator of responses
    It raises the exceptions of errors.py; the server maps them to status codes with details (rpc/status.py).
    """

    name: str
    shape: Shape
    serve: Callable[[Any, Call], Any]
    request: Callable[[bytes], Any] | None
    response: Callable[[Any], bytes] | None


@dataclass(frozen=True, slots=True)
class Service:
    name: str  # "error_recovery.v1.FaultService"
    methods: tuple[Method, ...]


class Server(Protocol):
    """Serves services over gRPC, to whom the gate admits, health and reflection too. Everything about the transport stays behind it."""

    def add(self, service: Service) -> None:
        """Before `start` only."""

    async def start(self, address: str) -> str:
        """Listen on `host:port` (port 0: any) or `unix:/path`; the address that is really bound. Raises
        TransientError when somebody else listens there."""

    async def tell_health(self, serving: Mapping[str, bool]) -> None:
        """What gRPC health says from now on, by the names of services; the empty name stands for all. Once it stops, nothing is served."""

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, let running ones end within `grace_s`, then close."""
