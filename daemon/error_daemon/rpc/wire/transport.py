"""TLS of our own server, who is at the other end of a connection (model.access.Peer), and the mark of what is sent.

A context is made for each set of certificates. Sessions of one are not resumed with another, so that whom a new set of authorities does
not vouch for cannot come back by an old ticket.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from error_daemon.model.access import Peer
from error_daemon.ports import ServerCredentials

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED


def context_of(credentials: ServerCredentials, oldest: ssl.TLSVersion) -> ssl.SSLContext:
    """A server's. ssl reads keys from files only: it gets one that is in memory and has no name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = oldest
    context.set_alpn_protocols(["h2"])
    file = os.memfd_create("credentials")
    try:
        with os.fdopen(file, "wb", closefd=False) as opened:
            opened.write(credentials.certificate + b"\n" + credentials.key)
        context.load_cert_chain(f"/proc/self/fd/{file}")
    finally:
        os.close(file)
    if credentials.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=credentials.client_ca.decode("ascii", "replace"))
    return context


def who_is_at(transport: asyncio.BaseTransport) -> Peer:
    """Of a connection whose handshake is done."""
    place = transport.get_extra_info("peername")
    if not isinstance(place, tuple):
        return Peer(is_unix=True, unix_uid=_uid(transport.get_extra_info("socket")))
    tls = transport.get_extra_info("ssl_object")
    shown: Mapping[str, Any] = (tls.getpeercert() or {}) if tls is not None else {}
    return Peer(str(place[0]), False, tls is not None, tuple(_names(shown)))


def _uid(one: Any) -> int | None:
    """Who opened a unix socket."""
    try:
        told = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (OSError, AttributeError):
        return None
    return int(_CREDENTIALS.unpack(told)[1])


def _names(shown: Mapping[str, Any]) -> Iterator[str]:
    """The alternative names, then the common names."""
    yield from (str(name) for kind, name in shown.get("subjectAltName", ()) if kind in _KINDS)
    for part in shown.get("subject", ()):
        yield from (str(name) for key, name in part if key == "commonName")


_KINDS = ("DNS", "URI", "email", "IP Address")


def mark(listener: socket.socket, dscp: int) -> None:
    """What is sent on the connections that it accepts, from the first packet on."""
    if dscp and listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
    elif dscp and listener.family == socket.AF_INET:
        listener.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
