"""Crashes of any process of the host, from the kernel's process connector.

The watch of a target's process (ingest/process_watch.py) sees one process each; this one hears of all. A process that ends by a signal that
means a bug (SIGSEGV, SIGABRT, ...) is a fault about its program, or about the target whose control group it was in. Processes that a
target's pid file names are left to their own watch, so that one death is not two faults.

The kernel tells of a core dump before it tears the process down, and of the end after that. Its name and group are read at the first,
while it is sure to be there, and reported at the second, which has the signal. Where its parent was quicker than we, it is a child of that.

Linux 6.6 lets everybody listen and filters for us (only ends that are no success); before, it takes CAP_NET_ADMIN and all forks, execs and
ends are heard. In a container's namespaces the kernel does not answer at all. Structures: uapi linux/connector.h and linux/cn_proc.h.
"""

from __future__ import annotations

import os
import signal
import socket
import struct

from error_daemon.ingest.sensors.contract import Desk, Sighting, Unavailable
from error_daemon.ingest.sensors.subjects import Subjects, unit_of
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Diagnostic, Standing

_NETLINK_CONNECTOR = 11
_CN_IDX_PROC = _CN_VAL_PROC = 1
_PROC_CN_MCAST_LISTEN = 1
_NONE, _COREDUMP, _EXIT = 0, 0x40000000, 0x80000000
_NONZERO_EXIT = 0x20000000
_HEADER = struct.Struct("=IHHII")  # nlmsghdr
_CONNECTOR = struct.Struct("=IIIIHH")  # cn_msg
_EVENT = struct.Struct("=IIQ")  # what, cpu, ns since boot
_ENDED = struct.Struct("=iiII")  # pid, tgid, exit code, signal of the parent
_PARENT = struct.Struct("=ii")
_RECEIVE_BYTES = 1 << 16
_ROOM_BYTES = 1 << 20
_MOST_AT_ONCE = 256
_MOST_KEPT = 1000

CRASHES = frozenset(
    {signal.SIGILL, signal.SIGTRAP, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGSEGV, signal.SIGSYS}
)


class ProcessExits:
    name = "process-exits"
    needs = "the process connector: Linux 6.6, or CAP_NET_ADMIN; not in a container"

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self._socket: socket.socket | None = None
        self._dumping: dict[int, tuple[str, str]] = {}  # pid → its name and control group
        self._crashes = 0
        self._lost = 0

    def start(self, desk: Desk) -> None:
        self._desk = desk
        self._socket = listening()
        desk.on_readable(self._socket.fileno(), self._read)

    def stop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _read(self) -> None:
        assert self._socket is not None, "it listens until it is stopped"
        for _ in range(_MOST_AT_ONCE):
            try:
                raw = self._socket.recv(_RECEIVE_BYTES)
            except BlockingIOError:
                return
            except OSError:  # ENOBUFS: a storm of processes; what was lost is lost
                self._lost += 1
                continue
            self._take(raw)

    def _take(self, raw: bytes) -> None:
        at = _HEADER.size + _CONNECTOR.size
        if len(raw) < at + _EVENT.size + _ENDED.size:
            return
        what = _EVENT.unpack_from(raw, at)[0]
        pid, process, code, _ = _ENDED.unpack_from(raw, at + _EVENT.size)
        if what == _COREDUMP:
            if len(self._dumping) >= _MOST_KEPT:
                self._dumping.clear()
            self._dumping[process] = self._subjects.name_of(process), self._subjects.group_of(process)
        elif what == _EXIT and pid == process and (code & 0x7F) in CRASHES:
            self._crashed(process, code & 0x7F, raw[at + _EVENT.size + _ENDED.size :])

    def _crashed(self, pid: int, number: int, parents: bytes) -> None:
        """`parents`: pid and tgid of the parent, which older kernels leave out."""
        name, group = self._dumping.pop(pid, ("", ""))
        if self._subjects.of_pid(pid):
            return
        parent = _PARENT.unpack_from(parents)[1] if len(parents) >= _PARENT.size else 0
        name = name or self._subjects.name_of(pid) or f"a child of {self._subjects.name_of(parent) or 'nobody known'}"
        group = group or self._subjects.group_of(pid)
        self._crashes += 1
        self._desk.happened(
            Sighting(
                what="crash",
                about=name,
                message=f"{name} (pid {pid}) was ended by {signal.Signals(number).name}",
                severity=Severity.MEDIUM,
                figures={
                    "pid": str(pid),
                    "signal": signal.Signals(number).name,
                    "group": group,
                    "unit": unit_of(group),
                },
                group=group,
            )
        )

    def diagnostic(self) -> Diagnostic:
        figures = {"crashes": float(self._crashes), "overflows": float(self._lost)}
        return Diagnostic(
            "sensors", self.name, Standing.GOOD, f"listens; {self._crashes} crashes heard of", figures=figures
        )


def listening() -> socket.socket:
    """Subscribed. Raises Unavailable."""
    try:
        heard = socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _NETLINK_CONNECTOR)
    except OSError as error:
        raise Unavailable(f"there is no process connector: {error.strerror}") from error
    try:
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM_BYTES)
        heard.bind((0, _CN_IDX_PROC))
        if _answers(heard):
            # Linux 6.6 filters from now on, and older ones take no notice of a message of that length. The answer is filtered, too.
            _ask(heard, struct.pack("=II", _PROC_CN_MCAST_LISTEN, _NONZERO_EXIT | _COREDUMP))
            return heard
    except ConnectionRefusedError:
        pass  # in a network namespace
    except OSError as error:
        heard.close()
        mend = "AmbientCapabilities=CAP_NET_ADMIN in the unit, or Linux 6.6"
        raise Unavailable(f"the process connector is not for us: {error.strerror}", mend) from error
    heard.close()
    raise Unavailable("the process connector does not answer: it speaks in the host's own namespaces only")


def _ask(heard: socket.socket, body: bytes) -> None:
    message = _CONNECTOR.pack(_CN_IDX_PROC, _CN_VAL_PROC, 0, 0, len(body), 0) + body
    # NLMSG_DONE; the pid is ours, which the kernel does not look at
    heard.send(_HEADER.pack(_HEADER.size + len(message), 3, 0, 0, os.getpid()) + message)


def _answers(heard: socket.socket) -> bool:
    """Ask for events. The kernel answers before `send` returns, or never."""
    _ask(heard, struct.pack("=I", _PROC_CN_MCAST_LISTEN))
    while True:
        try:
            raw = heard.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return False
        at = _HEADER.size + _CONNECTOR.size
        if len(raw) >= at + _EVENT.size + 4:
            what = _EVENT.unpack_from(raw, at)[0]
            if what != _NONE:
                return True  # events come already
            error = struct.unpack_from("=I", raw, at + _EVENT.size)[0]
            if error:
                raise OSError(error, os.strerror(error))
            return True
