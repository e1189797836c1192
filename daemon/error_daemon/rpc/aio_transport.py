"""TLS of grpc's server, and what it tells of who calls (model.access.Peer).

grpc asks for the certificates at each new connection, on a thread of its own; connections that are there keep theirs. It verifies a
client's certificate in the handshake, and hands out the names in it with each call. Who opened a unix socket it does not tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

import grpc

from error_daemon.calls import Credentials, ServerCredentials, Transport
from error_daemon.model.access import Peer

_AGE_GRACE_MS = 60_000  # for calls that are under way when a connection has become too old
_MOST_ADDRESSES = 4096
_BEARER = "bearer "


def transport_options(transport: Transport) -> Sequence[tuple[str, int]]:
    options: list[tuple[str, int]] = []
    if transport.dscp:
        options.append(("grpc.dscp", transport.dscp))
    if transport.credentials is not None:
        options.append(("grpc.max_connection_age_ms", int(transport.longest_connection_s * 1000)))
        options.append(("grpc.max_connection_age_grace_ms", _AGE_GRACE_MS))
    return options


def renewing(credentials: Credentials) -> grpc.ServerCredentials:
    """Whatever `credentials` has when a connection is made."""
    first = shown = credentials.current()

    def fetch() -> Any:
        nonlocal shown
        current = credentials.current()
        if current is shown:
            return None
        shown = current
        return _configuration(current)

    made: grpc.ServerCredentials = grpc.dynamic_ssl_server_credentials(
        _configuration(first), fetch, require_client_authentication=first.client_ca is not None
    )
    return made


def _configuration(credentials: ServerCredentials) -> Any:
    pair = credentials.key, credentials.certificate
    return grpc.ssl_server_certificate_configuration([pair], credentials.client_ca)


class PeerReader:
    """Reads the peer of a call. Where nothing is encrypted and no tokens are read, it is the same for all calls of an address."""

    def __init__(self, reads_tokens: bool, *, is_encrypted: bool) -> None:
        self._reads_tokens = reads_tokens
        self._is_encrypted = is_encrypted
        self._plain: dict[str, Peer] = {}

    def __call__(self, context: Any) -> Peer:
        place = context.peer()
        if not self._is_encrypted and not self._reads_tokens:
            return self._plain.get(place) or self._kept(place)
        address, is_unix = _address(place)
        return Peer(
            address,
            is_unix,
            self._is_encrypted,
            _names(context) if self._is_encrypted else (),
            _token(context) if self._reads_tokens else "",
        )

    def _kept(self, place: str) -> Peer:
        if len(self._plain) >= _MOST_ADDRESSES:
            self._plain.clear()
        address, is_unix = _address(place)
        peer = self._plain[place] = Peer(address, is_unix)
        return peer


def _address(place: str) -> tuple[str, bool]:
    """As grpc writes it: ipv4:10.0.0.7:41000, ipv6:%5B2001:db8::7%5D:41000, unix: or unix:/path."""
    kind, _, rest = place.partition(":")
    if kind in ("unix", "unix-abstract"):
        return "", True
    return unquote(rest).rpartition(":")[0].strip("[]"), False


def _names(context: Any) -> tuple[str, ...]:
    told = context.auth_context()
    found = (*told.get("x509_subject_alternative_name", ()), *told.get("x509_common_name", ()))
    return tuple(name.decode("utf-8", "replace") for name in found)


def _token(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str) and value[: len(_BEARER)].lower() == _BEARER:
            return value[len(_BEARER) :].strip()
    return ""
