"""Network links that go down, told by the kernel over rtnetlink.

A link was up (administratively, and with a carrier), and is not: the carrier is gone (a cable, a switch, a port), or somebody has set it
down, or the device is gone. Links that were down when they were first seen are meant so. Those that come and go with
containers (`ignore`, globs of names) are nobody's concern. A link that flaps is one state until it has been up for five seconds.

Structures: uapi linux/rtnetlink.h and linux/if_link.h; see rtnetlink(7).
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from error_daemon.ingest.sensors.contract import Desk, Sighting, Unavailable
from error_daemon.model import ErrorType, Severity
from error_daemon.model.diagnostic import Diagnostic, Standing

_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_RTMGRP_LINK = 1
_NLM_F_REQUEST, _NLM_F_DUMP = 1, 0x300
_IFF_UP, _IFF_LOOPBACK, _IFF_RUNNING = 0x1, 0x8, 0x40
_IFLA_IFNAME = 3
_HEADER = struct.Struct("=IHHII")
_LINK = struct.Struct("=BxHiII")  # family, type, index, flags, changed
_RECEIVE_BYTES = 1 << 18
_STEADY_S = 5.0


@dataclass(frozen=True, slots=True)
class Link:
    index: int
    name: str
    flags: int
    is_gone: bool = False

    @property
    def is_up(self) -> bool:
        return not self.is_gone and bool(self.flags & _IFF_UP) and bool(self.flags & _IFF_RUNNING)


class Links:
    name = "links"
    needs = "rtnetlink"

    def __init__(self, ignore: Sequence[str]) -> None:
        self._ignore = tuple(ignore)
        self._socket: socket.socket | None = None
        self._links: dict[int, Link] = {}
        self._down: dict[str, float] = {}  # name → since when it is up again; 0: it is down

    def start(self, desk: Desk) -> None:
        self._desk = desk
        try:
            self._socket = socket.socket(
                socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
            )
            self._socket.bind((0, _RTMGRP_LINK))
            self._ask()
        except OSError as error:
            self.stop()
            raise Unavailable(f"rtnetlink does not answer: {error.strerror}") from error
        desk.on_readable(self._socket.fileno(), self._read)
        desk.every(1.0, self._look)

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _ask(self) -> None:
        """For all links as they are."""
        assert self._socket is not None, "it listens until it is stopped"
        body = _LINK.pack(0, 0, 0, 0, 0)
        self._socket.send(
            _HEADER.pack(_HEADER.size + len(body), _RTM_GETLINK, _NLM_F_REQUEST | _NLM_F_DUMP, 1, 0) + body
        )

    def _read(self) -> None:
        assert self._socket is not None, "it listens until it is stopped"
        while True:
            try:
                raw = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: some were lost
                self._ask()
                return
            for link in parse_links(raw):
                self._take(link)

    def _take(self, link: Link) -> None:
        if link.flags & _IFF_LOOPBACK or any(fnmatchcase(link.name, glob) for glob in self._ignore):
            return
        before = self._links.get(link.index)
        if link.is_gone:
            self._gone(link, was_up=before is not None and before.is_up)
            return
        self._links[link.index] = link
        if link.is_up:
            if self._down.get(link.name) == 0:
                self._down[link.name] = self._desk.now_s()
        elif link.name in self._down:
            self._down[link.name] = 0.0
        elif before is not None and before.is_up:
            self._tell(link)

    def _tell(self, link: Link) -> None:
        is_set_down = not link.flags & _IFF_UP
        why = "it was set down" if is_set_down else "it has no carrier"
        self._down[link.name] = 0.0
        self._desk.entered(
            Sighting(
                what="link-down",
                about=link.name,
                message=f"the link {link.name} went down: {why}",
                severity=Severity.MEDIUM if is_set_down else Severity.HIGH,
                type=ErrorType.HARDWARE,
                figures={"interface": link.name, "reason": why},
            )
        )

    def _gone(self, link: Link, *, was_up: bool) -> None:
        """No state: it need not come back."""
        self._links.pop(link.index, None)
        if self._down.pop(link.name, None) is not None:
            self._desk.left("link-down", link.name, f"the link {link.name} is gone")
        elif was_up:
            message = f"the link {link.name} is gone, which was up"
            figures: dict[str, str | float] = {"interface": link.name}
            self._desk.happened(Sighting("link-gone", link.name, message, type=ErrorType.HARDWARE, figures=figures))

    def _look(self) -> None:
        now_s = self._desk.now_s()
        for name, up_s in list(self._down.items()):
            if up_s and now_s - up_s >= _STEADY_S:
                del self._down[name]
                self._desk.left("link-down", name, f"the link {name} is up again")

    def diagnostic(self) -> Diagnostic:
        up = [link.name for link in self._links.values() if link.is_up]
        says = f"{len(up)} of {len(self._links)} links are up"
        if self._down:
            says += f"; went down: {', '.join(self._down)}"
        standing = Standing.NOTICE if self._down else Standing.GOOD
        mend = "look at cable, switch port and driver" if self._down else ""
        return Diagnostic(
            "sensors", self.name, standing, says, mend, {"up": float(len(up)), "down": float(len(self._down))}
        )


def parse_links(raw: bytes) -> Iterator[Link]:
    """The links that messages of rtnetlink tell of; other messages are passed over."""
    at = 0
    while at + _HEADER.size <= len(raw):
        length, kind, _, _, _ = _HEADER.unpack_from(raw, at)
        if length < _HEADER.size or at + length > len(raw):
            return
        if kind in (_RTM_NEWLINK, _RTM_DELLINK) and length >= _HEADER.size + _LINK.size:
            _, _, index, flags, _ = _LINK.unpack_from(raw, at + _HEADER.size)
            name = _name(raw[at + _HEADER.size + _LINK.size : at + length])
            yield Link(index, name or f"index {index}", flags, kind == _RTM_DELLINK)
        at += (length + 3) & ~3


def _name(attributes: bytes) -> str:
    at = 0
    while at + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, at)
        if length < 4:
            return ""
        if kind == _IFLA_IFNAME:
            return os.fsdecode(attributes[at + 4 : at + length].rstrip(b"\0"))
        at += (length + 3) & ~3
    return ""
