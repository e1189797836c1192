"""Getting a TCP connection, or the reason why there is none, in words and in one distinction:

- `is_seen` true: somebody refused, reset, or did not answer. That says something about the other side.
- `is_seen` false: the look itself failed (no address, no permission, no route, no descriptors). That says nothing about it.

All addresses of a name are tried in turn within one deadline, each with an equal share of what is left.

Connections may be marked for the network with a code point (DSCP, RFC 2474), which stands in the upper six bits of what IPv4 calls the
type of service and IPv6 the traffic class. It is the same for all of a process.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from dataclasses import dataclass

_SEEN = frozenset(
    {
        errno.ECONNREFUSED,
        errno.ECONNRESET,
        errno.ECONNABORTED,
        errno.EPIPE,
        errno.ETIMEDOUT,
        errno.EHOSTUNREACH,
        errno.EHOSTDOWN,
    }
)


_marks: list[tuple[int, int, int, int]] = []  # family, and what is set of its sockets: level, option, value


def mark_connections(dscp: int) -> None:
    """From now on, of this process. 0: not at all."""
    of_families = (
        (socket.AF_INET, socket.IPPROTO_IP, socket.IP_TOS, dscp << 2),
        (socket.AF_INET6, socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2),
    )
    _marks[:] = of_families if dscp else ()


@dataclass(frozen=True, slots=True)
class Unreached:
    """Why there is no answer."""

    detail: str
    is_seen: bool


class Deadline:
    """A span of time that several steps share. `room_s` is how much later the last of them may end: for callers with a deadline
    of their own that may be put off."""

    __slots__ = ("_end", "_loop", "_room_s", "span_s")

    def __init__(self, span_s: float, room_s: float = 0.0) -> None:
        self._loop = asyncio.get_running_loop()
        self.span_s = span_s
        self._room_s = room_s
        self._end = self._loop.time() + span_s

    def left_s(self) -> float:
        return max(0.0, self._end - self._loop.time())

    def last_left_s(self) -> float:
        """What is left for a step that nothing else comes after."""
        return max(0.0, self._end + self._room_s - self._loop.time())


async def connect(host: str, port: int, deadline: Deadline) -> socket.socket | Unreached:
    """A connected non-blocking socket with TCP_NODELAY; the caller closes it."""
    loop = asyncio.get_running_loop()
    try:
        found = await asyncio.wait_for(loop.getaddrinfo(host, port, type=socket.SOCK_STREAM), deadline.left_s())
    except asyncio.TimeoutError:
        return Unreached(f"{host} was not resolved within {deadline.span_s:g} s", is_seen=False)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return Unreached(f"{host} can't be resolved: {reason}", is_seen=False)
    last = Unreached(f"{host} has no address", is_seen=False)
    for index, (family, kind, protocol, _, address) in enumerate(found):
        is_last = index == len(found) - 1
        share_s = deadline.last_left_s() if is_last else deadline.left_s() / (len(found) - index)
        attempt = await _connect_one(family, kind, protocol, address, share_s)
        if isinstance(attempt, socket.socket):
            return attempt
        last = attempt
    return last


async def _connect_one(
    family: int, kind: int, protocol: int, address: tuple[object, ...], timeout_s: float
) -> socket.socket | Unreached:
    place = f"[{address[0]}]:{address[1]}" if family == socket.AF_INET6 else f"{address[0]}:{address[1]}"
    try:
        one = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        return why(error, place)
    try:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for of_family, level, option, value in _marks:
            if of_family == family:
                one.setsockopt(level, option, value)
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(one, address), timeout_s)
    except asyncio.TimeoutError:
        one.close()
        return Unreached(f"no connection to {place} within {timeout_s:.3g} s", is_seen=True)
    except OSError as error:
        one.close()
        return why(error, place)
    except BaseException:
        one.close()
        raise
    return one


def why(error: OSError, place: str) -> Unreached:
    """The error in words: "connection refused by 127.0.0.1:8080"."""
    if error.errno == errno.ECONNREFUSED:
        return Unreached(f"connection refused by {place}", is_seen=True)
    reason = os.strerror(error.errno) if error.errno else str(error)
    return Unreached(f"{place}: {reason}", is_seen=error.errno in _SEEN)
