"""Who is at the other end of a connection, as far as the transport knows."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from error_daemon.model.access import Peer

_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED


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
