"""Events that a sensor notices, caused for real: a process aborts, a file system is remounted, a link loses its carrier, a group runs out
of memory, a line is written to the kernel's log. Needs root for most.

The clock is CLOCK_MONOTONIC, read just before the system call that causes the event; so the call's own time is in the figure (a process
must die first, an allocation must fail). Events come at random moments of the sampler's and the polls' periods.
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from error_daemon.ingest.process_watch import ProcessWatch
from error_daemon.ingest.sensors.assembly import Sensors
from error_daemon.ingest.sensors.kernel_log import KernelLog
from error_daemon.model import Target
from error_daemon.runtime.clock import SteadyClock
from error_daemon.settings import SensorSettings
from error_recovery.v1 import fault_pb2

_libc = ctypes.CDLL(None, use_errno=True)
_MS_RDONLY, _MS_REMOUNT = 1, 32
_PATIENCE_S = 30.0
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_VERSION_1 = Path("/sys/fs/cgroup/memory")


class _Intake:
    """When a fault of a kind came first, since it was last asked for."""

    def __init__(self) -> None:
        self._at_s: dict[str, float] = {}
        self._news = asyncio.Event()

    def take(self, payload: bytes) -> None:
        now_s = time.monotonic()
        fault = fault_pb2.Fault.FromString(payload)
        self._at_s.setdefault(fault.fingerprint, now_s)
        self._news.set()

    async def came(self, fingerprint: str) -> float:
        while fingerprint not in self._at_s:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), _PATIENCE_S)
        return self._at_s.pop(fingerprint)


class Event(ABC):
    """One kind of event: `prepare` makes what is well, `cause` breaks it and says when, `restore` mends it, `close` ends it."""

    settings = SensorSettings()

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def once(self, number: int) -> float:
        self.prepare(number)
        intake = _Intake()
        sensors = Sensors(
            self.settings,
            self.targets(),
            SteadyClock(),
            intake.take,
            on_problem=lambda _: None,
            root=self.root(),
            kernel_log=KernelLog(self.root(), facilities=frozenset({0, 1})),  # our lines have that of users
        )
        sensors.start()
        try:
            await asyncio.sleep(0.25 + random.random() * 0.1)
            at_s = await asyncio.get_running_loop().run_in_executor(None, self.cause, number)
            return await intake.came(self.fingerprint(number)) - at_s
        finally:
            sensors.stop()
            self.restore(number)

    def targets(self) -> dict[str, Target]:
        return {}

    def root(self) -> Path:
        return Path("/")

    def prepare(self, number: int) -> None:  # noqa: B027  most have nothing to do
        pass

    @abstractmethod
    def cause(self, number: int) -> float: ...

    @abstractmethod
    def fingerprint(self, number: int) -> str: ...

    def restore(self, number: int) -> None:  # noqa: B027  most have nothing to do
        pass

    def close(self) -> None:  # noqa: B027  likewise
        pass


class Death(Event):
    """kill -9 of a target's process, by pidfd (not one of the sensors here, for comparison)."""

    async def once(self, number: int) -> float:
        child = subprocess.Popen(["/bin/sleep", "1000"])  # noqa: ASYNC220
        pid_file = self.folder / "pid"
        pid_file.write_text(str(child.pid))
        intake = _Intake()
        targets = {"it": Target("it", "process", {"pid_file": str(pid_file)})}
        watch = ProcessWatch(targets, SteadyClock(), intake.take, print)
        watch.start()
        await asyncio.sleep(0.05)
        at_s = time.monotonic()
        child.send_signal(signal.SIGKILL)
        took_s = await intake.came("process-death:it") - at_s
        watch.stop()
        child.wait()
        return took_s


class Crash(Event):
    def cause(self, number: int) -> float:
        program = (
            "import os, resource; resource.setrlimit(resource.RLIMIT_CORE, (0, 0)); "
            f"open('/proc/self/comm', 'w').write('bench{number}'); print('.', flush=True); input(); os.abort()"
        )
        child = self.child = subprocess.Popen(
            [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdout.read(1)
        at_s = time.monotonic()
        child.stdin.write(b"\n")
        child.stdin.flush()
        return at_s

    def restore(self, number: int) -> None:
        self.child.communicate()

    def fingerprint(self, number: int) -> str:
        return f"crash:bench{number}"


class ReadOnly(Event):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.place = folder / "volume"
        self.place.mkdir(exist_ok=True)
        _mount("bench-sensors", self.place, 0)

    def cause(self, number: int) -> float:
        at_s = time.monotonic()
        _mount("bench-sensors", self.place, _MS_REMOUNT | _MS_RDONLY)
        return at_s

    def fingerprint(self, number: int) -> str:
        return "read-only:bench-sensors"

    def restore(self, number: int) -> None:
        _mount("bench-sensors", self.place, _MS_REMOUNT)

    def close(self) -> None:
        _libc.umount2(os.fsencode(self.place), 2)


class Full(ReadOnly):
    def cause(self, number: int) -> float:
        (self.place / "large").write_bytes(b"x" * (8 << 20))
        return time.monotonic()

    def fingerprint(self, number: int) -> str:
        return f"disk-full:{self.place}"

    def restore(self, number: int) -> None:
        (self.place / "large").unlink()


class LinkDown(Event):
    """The other end of a pair is set down: the link loses its carrier."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.name = f"bns{os.getpid() % 10000}"
        made = subprocess.run(
            ["ip", "link", "add", self.name, "type", "veth", "peer", "name", f"{self.name}p"],
            capture_output=True,
            check=False,
        )
        if made.returncode:
            raise OSError("links are made by root")
        self.restore(0)

    def cause(self, number: int) -> float:
        at_s = time.monotonic()
        _set_link(f"{self.name}p", is_up=False)
        return at_s

    def fingerprint(self, number: int) -> str:
        return f"link-down:{self.name}"

    def restore(self, number: int) -> None:
        _set_link(self.name, is_up=True)
        _set_link(f"{self.name}p", is_up=True)

    def close(self) -> None:
        subprocess.run(["ip", "link", "del", self.name], check=False)


class KernelLine(Event):
    def cause(self, number: int) -> float:
        with open("/dev/kmsg", "wb", buffering=0) as log:
            at_s = time.monotonic()
            log.write(f"<11>I/O error, dev bench{number}, sector 1\n".encode())
        return at_s

    def fingerprint(self, number: int) -> str:
        return f"io-error:bench{number}"


class OutOfMemory(Event):
    """A group of version 1. The clock starts when its process takes the memory."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.group = _VERSION_1 / f"bench-sensors-{os.getpid()}"
        self.group.mkdir()
        (self.group / "memory.limit_in_bytes").write_text(str(24 << 20))
        self.child: subprocess.Popen[bytes] | None = None

    def prepare(self, number: int) -> None:
        program = "input(); x = bytearray(256 << 20)"
        self.child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE)
        (self.group / "cgroup.procs").write_text(str(self.child.pid))
        (self.folder / "hog.pid").write_text(str(self.child.pid))

    def targets(self) -> dict[str, Target]:
        return {"hog": Target("hog", "process", {"pid_file": str(self.folder / "hog.pid")})}

    def cause(self, number: int) -> float:
        assert self.child is not None
        at_s = time.monotonic()
        self.child.communicate(b"\n")
        return at_s

    def fingerprint(self, number: int) -> str:
        return "out-of-memory:hog"

    def close(self) -> None:
        with suppress(OSError):
            self.group.rmdir()


class UncorrectedMemory(Event):
    """A counter of a fake EDAC that grows: what sampling costs in time."""

    settings = SensorSettings(process_exits=False, links=False, clock=False)

    def root(self) -> Path:
        return self.folder / "edac"

    def prepare(self, number: int) -> None:
        self.counters = self.root() / "sys/devices/system/edac/mc/mc0"
        self.counters.mkdir(parents=True, exist_ok=True)
        for name in ("ce_count", "ue_count"):
            (self.counters / name).write_text("0\n")

    def cause(self, number: int) -> float:
        at_s = time.monotonic()
        (self.counters / "ue_count").write_text("1\n")
        return at_s

    def fingerprint(self, number: int) -> str:
        return "memory-uncorrected:host"


def _mount(source: str, place: Path, flags: int) -> None:
    if _libc.mount(source.encode(), os.fsencode(place), b"tmpfs", ctypes.c_ulong(flags), b"size=8m") < 0:
        raise OSError(ctypes.get_errno(), "file systems are mounted by root")


def _set_link(name: str, *, is_up: bool) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("16sH14x", name.encode(), 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(asked, _SIOCGIFFLAGS, request))[1]
        flags = flags | _IFF_UP if is_up else flags & ~_IFF_UP
        fcntl.ioctl(asked, _SIOCSIFFLAGS, struct.pack("16sH14x", name.encode(), flags))


EVENTS: dict[str, Callable[[Path], Event]] = {
    "process of a target killed (pidfd)": Death,
    "process crashed (process connector)": Crash,
    "link lost its carrier (rtnetlink)": LinkDown,
    "line of the kernel log (/dev/kmsg)": KernelLine,
    "group out of memory (memory.oom_control)": OutOfMemory,
    "file system remounted read-only (mountinfo)": ReadOnly,
    "file system full (asked every 5 s)": Full,
    "memory error (sampled, fake EDAC)": UncorrectedMemory,
}
