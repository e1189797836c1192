"""File systems that become read-only, and such that are full.

**Read-only**: the table of mounts is read again when the kernel says that it has changed, and every 250 ms, because that a file system has
become read-only changes no table (the kernel log tells of the errors that lead to it, and sooner). One that was read-only when it was
first seen is meant so. It is told by the name that the kernel's log has for its disk, so that both tell of one error; what has no disk
(tmpfs, overlay) shares its source with others, and is told by where it is mounted.

**Full**: room and inodes are asked for in a thread of its own, as asking can hang; every 5 s, every second where room goes so fast that it
would be gone within a minute. Room counts as `df` counts it: what only root may use is used. A file system that does not answer for
10 s is a fault of its own, keeps its thread, and is not asked again before it answers; the others are.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from error_daemon.ingest.sensors.bands import Band, Change, Hysteresis
from error_daemon.ingest.sensors.contract import Desk, Sighting, Unavailable
from error_daemon.ingest.sensors.mount_table import Mount, parse_mounts
from error_daemon.ingest.sensors.priority import PriorityEvents
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Diagnostic, Standing

_LOOK_S = 0.25
_ROOM_EVERY_S = 5.0
_URGENT_EVERY_S = 1.0
_SOON_S = 60.0
_HUNG_S = 10.0
_SHARE_OF_TIME = 0.002  # that reading the table may take
_GIB = 1 << 30


@dataclass(slots=True)
class _Room:
    """What one file system has left."""

    blocks: Hysteresis
    inodes: Hysteresis
    used_ratio: float = 0.0
    inodes_ratio: float = 0.0
    free_bytes: int = 0
    looked_at_s: float = 0.0
    falls_bytes_per_s: float = 0.0

    def goes_soon(self) -> bool:
        return self.falls_bytes_per_s > 0 and self.free_bytes < _SOON_S * self.falls_bytes_per_s


@dataclass(slots=True)
class _Asked:
    """A round of questions on its way."""

    at_s: float
    mounts: list[Mount]
    answered: list[tuple[Mount, os.statvfs_result]] = field(default_factory=list)
    asking: str = ""


class Mounts:
    """`full_ratio`, `inodes_ratio`: above it a file system is full; 0: not looked at."""

    name = "mounts"
    needs = "/proc/self/mountinfo"

    def __init__(self, full_ratio: float, inodes_ratio: float, root: Path = Path("/")) -> None:
        self._full_ratio = full_ratio
        self._inodes_ratio = inodes_ratio
        self._path = root / "proc/self/mountinfo"
        self._disks = root / "sys/dev/block"
        self._fd = -1
        self._events: PriorityEvents | None = None
        self._raw = b""
        self._mounts: dict[str, Mount] = {}
        self._names: dict[str, str] = {}  # device → what it is told by; a disk that is pulled keeps its own
        self._writable: set[str] = set()  # devices that were written to once
        self._rooms: dict[str, _Room] = {}
        self._asked: _Asked | None = None
        self._hung: dict[str, _Asked] = {}  # by where it is mounted
        self._room_at_s = self._urgent_at_s = 0.0
        self._table_at_s = 0.0

    def start(self, desk: Desk) -> None:
        self._desk = desk
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read: {error.strerror}") from error
        self._events = PriorityEvents(desk)
        with suppress(OSError):  # a file that tells no news, in a test
            self._events.add(self._fd, self._read_table)
        self._read_table()
        self._look()
        desk.every(_LOOK_S, self._look)

    def stop(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # --- the table

    def _read_table(self) -> None:
        began_s = self._desk.now_s()
        raw = _whole(self._fd)
        if raw != self._raw:  # taking it apart costs more than to read it
            self._raw = raw
            self._take_table(parse_mounts(raw.decode("utf-8", "replace")))
        now_s = self._desk.now_s()
        self._table_at_s = now_s + max(0.0, (now_s - began_s) / _SHARE_OF_TIME - _LOOK_S)

    def _take_table(self, mounts: dict[str, Mount]) -> None:
        before, self._mounts = self._mounts, mounts
        for device, mount in self._mounts.items():
            if device not in self._names:
                self._names[device] = self._name_of(mount)
            name = self._names[device]
            if not mount.is_read_only:
                self._writable.add(device)
                if self._desk.is_in("read-only", name):
                    self._desk.left("read-only", name, f"{mount.place} can be written again")
            elif device in self._writable and not self._desk.is_in("read-only", name):
                self._tell_read_only(name, mount)
        for device in before.keys() - self._mounts.keys():
            self._gone(before[device])

    def _name_of(self, mount: Mount) -> str:
        with suppress(OSError):
            return os.path.basename(os.readlink(self._disks / mount.device))
        return os.path.basename(mount.source) if mount.source.startswith("/dev/") else mount.place

    def _tell_read_only(self, name: str, mount: Mount) -> None:
        why = sorted(mount.options & {"ro", "emergency_ro", "shutdown"})[0]
        self._desk.entered(
            Sighting(
                what="read-only",
                about=name,
                message=f"{mount.place} has become read-only ({mount.kind} on {mount.source}: {why})",
                severity=Severity.CRITICAL,
                figures={"mount": mount.place, "device": mount.source, "kind": mount.kind, "state": why},
            )
        )

    def _gone(self, mount: Mount) -> None:
        """Unmounted: whatever was wrong with it is over."""
        self._writable.discard(mount.device)
        self._rooms.pop(mount.device, None)
        name = self._names.pop(mount.device)
        for what, about in (("read-only", name), ("disk-full", mount.place), ("inodes-used-up", mount.place)):
            self._desk.left(what, about, f"{mount.place} was unmounted")

    # --- room

    def _look(self) -> None:
        now_s = self._desk.now_s()
        if now_s >= self._table_at_s:
            self._read_table()
        if self._asked is not None:
            self._look_at_hung(self._asked)
            return
        is_urgent = any(room.goes_soon() for room in self._rooms.values())
        if now_s < (self._urgent_at_s if is_urgent else self._room_at_s):
            return
        self._room_at_s = now_s + _ROOM_EVERY_S - _LOOK_S / 2
        self._urgent_at_s = now_s + _URGENT_EVERY_S - _LOOK_S / 2
        asked = self._asked = _Asked(now_s, [mount for mount in self._mounts.values() if self._has_room(mount)])
        self._desk.in_thread(lambda: _ask(asked), lambda _result: self._answered(asked))

    def _has_room(self, mount: Mount) -> bool:
        """Of its own, to be asked for."""
        return mount.is_local and not mount.is_read_only and mount.place not in self._hung

    def _look_at_hung(self, asked: _Asked) -> None:
        place = asked.asking
        if place and self._desk.now_s() - asked.at_s >= _HUNG_S:
            message = f"the file system at {place} has not answered for {_HUNG_S:g} s"
            self._desk.entered(Sighting("disk-hung", place, message, Severity.CRITICAL, figures={"mount": place}))
            self._hung[place] = asked
            self._asked = None

    def _answered(self, asked: _Asked) -> None:
        """Of a round that has hung, what was seen is old by now: the next one sees it anew."""
        if self._asked is asked:
            self._asked = None
            for mount, figures in asked.answered:
                if mount.device in self._mounts:
                    self._judge(mount, figures)
        for place in [place for place, hung in self._hung.items() if hung is asked]:
            del self._hung[place]
            self._desk.left("disk-hung", place, f"the file system at {place} answers again")

    def _judge(self, mount: Mount, figures: os.statvfs_result) -> None:
        room = self._rooms.get(mount.device)
        if room is None:
            room = self._rooms[mount.device] = _Room(_band(self._full_ratio), _band(self._inodes_ratio))
        now_s, free_bytes = self._desk.now_s(), figures.f_bavail * figures.f_frsize
        if room.looked_at_s:
            room.falls_bytes_per_s = (room.free_bytes - free_bytes) / max(now_s - room.looked_at_s, 0.001)
        room.looked_at_s, room.free_bytes = now_s, free_bytes
        used = figures.f_blocks - figures.f_bfree
        room.used_ratio = used / (used + figures.f_bavail) if used + figures.f_bavail else 0.0
        room.inodes_ratio = 1 - figures.f_favail / figures.f_files if figures.f_files else 0.0
        self._state("disk-full", mount, room.blocks.look(room.used_ratio, now_s), room)
        self._state("inodes-used-up", mount, room.inodes.look(room.inodes_ratio, now_s), room)

    def _state(self, what: str, mount: Mount, change: Change | None, room: _Room) -> None:
        ratio = room.used_ratio if what == "disk-full" else room.inodes_ratio
        thing = "of its room" if what == "disk-full" else "of its inodes"
        if change is Change.ENTERED:
            self._desk.entered(
                Sighting(
                    what=what,
                    about=mount.place,
                    message=f"{mount.place} has used {ratio:.1%} {thing}; {room.free_bytes / _GIB:.2f} GiB are left",
                    severity=Severity.HIGH,
                    figures={
                        "mount": mount.place,
                        "device": mount.source,
                        "used_ratio": room.used_ratio,
                        "inodes_ratio": room.inodes_ratio,
                        "free_bytes": float(room.free_bytes),
                    },
                )
            )
        elif change is Change.LEFT:
            self._desk.left(what, mount.place, f"{mount.place} is down to {ratio:.1%} {thing}")

    def diagnostic(self) -> Diagnostic:
        by_use = sorted(self._rooms.items(), key=lambda item: -item[1].used_ratio)
        fullest = (
            f"; the fullest is {self._mounts[by_use[0][0]].place} with {by_use[0][1].used_ratio:.0%}" if by_use else ""
        )
        bad = [mount.place for mount in self._mounts.values() if self._is_bad(mount)]
        return Diagnostic(
            "sensors",
            self.name,
            Standing.BAD if bad else Standing.GOOD,
            f"{len(self._mounts)} file systems{fullest}" + (f"; in trouble: {', '.join(bad)}" if bad else ""),
            "make room, or look in the kernel log why one became read-only" if bad else "",
            {"fullest_ratio": by_use[0][1].used_ratio if by_use else 0.0},
        )

    def _is_bad(self, mount: Mount) -> bool:
        is_in = self._desk.is_in
        return (
            is_in("read-only", self._names[mount.device])
            or is_in("disk-full", mount.place)
            or is_in("inodes-used-up", mount.place)
        )


def _band(ratio: float) -> Hysteresis:
    """Left with a fiftieth more room; 0: never entered."""
    return Hysteresis(Band(ratio, ratio - 0.02, 0.0, 5.0) if ratio else Band(2.0, 2.0))


def _ask(asked: _Asked) -> None:
    for mount in asked.mounts:
        asked.asking = mount.place
        with suppress(OSError):  # it is gone, or not for us
            asked.answered.append((mount, os.statvfs(mount.place)))
    asked.asking = ""


def _whole(fd: int) -> bytes:
    parts, at = [], 0
    while part := os.pread(fd, 1 << 16, at):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
