"""Memory of the control groups of targets: kills and failed allocations at their limit, and a limit that is hit all the time.

Version 2: `memory.events` of each group counts what happened; inotify says when it has changed. Version 1: an eventfd of
`memory.oom_control` says that the group ran out, six milliseconds before its process is gone. Which group a target has is looked at every
second, because systemd makes a new one with each start: of the same name, with another inode, which counts from nothing again. See
Documentation/admin-guide/cgroup-v2.rst of the kernel.

    oom_kill   a process was killed                       happened
    oom        an allocation failed at the limit          happened, where nobody was killed for it
    max        the limit was hit, and memory reclaimed    a state, once it grows in every look for 5 s
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from error_daemon.ingest.sensors import libc
from error_daemon.ingest.sensors.bands import Band, Change, Hysteresis
from error_daemon.ingest.sensors.contract import Desk, Sighting, Unavailable
from error_daemon.ingest.sensors.subjects import Subjects
from error_daemon.model import Severity
from error_daemon.model.diagnostic import Diagnostic, Standing

_LOOK_S = 1.0
_LIMIT = Band(enter=1.0, leave=0.0, enter_for_s=5.0, leave_for_s=30.0)


@dataclass(slots=True)
class _Group:
    target: str
    folder: Path
    inode: int
    watch: int = -1  # of inotify
    event_fd: int = -1  # version 1
    control_fd: int = -1
    counts: Mapping[str, int] = field(default_factory=dict)
    max_before: int = 0
    limit: Hysteresis = field(default_factory=lambda: Hysteresis(_LIMIT))


class GroupMemory:
    """`root`: where proc and sys are."""

    name = "group-memory"
    needs = "control groups with the memory controller"

    def __init__(self, subjects: Subjects, root: Path = Path("/")) -> None:
        self._subjects = subjects
        self._unified = root / "sys/fs/cgroup"
        self._version_1 = root / "sys/fs/cgroup/memory"
        self._root = root
        self._groups: dict[str, _Group] = {}  # by target
        self._met: dict[str, tuple[Path, int]] = {}  # target → the group that it last had, and its inode
        self._inotify = -1

    def start(self, desk: Desk) -> None:
        self._desk = desk
        if not self._unified.is_dir():
            raise Unavailable(f"{self._unified} is not there")
        controllers = self._unified / "cgroup.controllers"
        if controllers.exists() and "memory" not in controllers.read_text().split():
            raise Unavailable("control groups have no memory controller here")
        if not controllers.exists() and not self._version_1.is_dir():
            raise Unavailable("control groups have no memory controller here")
        self._inotify = libc.inotify()
        desk.on_readable(self._inotify, self._changed)
        self._find()
        desk.every(_LOOK_S, self._find)

    def stop(self) -> None:
        for target in list(self._groups):
            self._drop(target)
        if self._inotify >= 0:
            os.close(self._inotify)
            self._inotify = -1

    # --- which groups

    def _find(self) -> None:
        asked = self._wanted()
        wanted = {target: folder for target, folder in asked.items() if folder is not None}
        for target, group in list(self._groups.items()):
            if wanted.get(target) != group.folder or _inode_of(group.folder) != group.inode:
                self._drop(target)
        self._met = {target: met for target, met in self._met.items() if target in asked}
        for target, folder in wanted.items():
            if target not in self._groups:
                with suppress(OSError):
                    self._groups[target] = self._watched(target, folder)
        for group in self._groups.values():
            self._look_at_limit(group)

    def _wanted(self) -> dict[str, Path | None]:
        found = {target: self._folder_of_unit(unit) for unit, target in self._subjects.units.items()}
        for target in self._subjects.pid_files:
            pid = self._subjects.pid_of(target)
            group = self._memory_group_of(pid) if pid else ""
            found[target] = self._existing(group) if group not in ("", "/") else None
        return found

    def _memory_group_of(self, pid: int) -> str:
        if not self._version_1.is_dir():
            return self._subjects.group_of(pid)
        with suppress(OSError):
            for line in (self._root / f"proc/{pid}/cgroup").read_text(errors="replace").splitlines():
                _, _, rest = line.partition(":")
                names, _, path = rest.partition(":")
                if "memory" in names.split(","):
                    return path
        return ""

    def _folder_of_unit(self, unit: str) -> Path | None:
        """Where systemd puts it, unless its Slice= says otherwise."""
        prefix, _, _ = unit.partition("@")
        slices = [f"system.slice/system-{prefix.replace('-', chr(92) + 'x2d')}.slice/{unit}"] if "@" in unit else []
        for path in (*slices, f"system.slice/{unit}"):
            if (folder := self._existing(path)) is not None:
                return folder
        return None

    def _existing(self, group: str) -> Path | None:
        for base in (self._unified, self._version_1):
            folder = base / group.lstrip("/")
            if (folder / "memory.events").exists() or (folder / "memory.oom_control").exists():
                return folder
        return None

    def _watched(self, target: str, folder: Path) -> _Group:
        group = _Group(target, folder, _inode_of(folder))
        if (folder / "memory.events").exists():
            group.watch = libc.inotify_watch(self._inotify, str(folder / "memory.events"), libc.IN_MODIFY)
            self._begin_to_count(group)
        else:
            self._ask_version_1(group)
        return group

    def _begin_to_count(self, group: _Group) -> None:
        """What a group has counted before it was met is no news, but where it is new: it has taken the place of one that was met."""
        folder, inode = self._met.get(group.target, (None, 0))
        self._met[group.target] = group.folder, group.inode
        if folder == group.folder and inode != group.inode:
            self._compare(group)
        else:
            group.counts = counts_of(group.folder / "memory.events")
            group.max_before = group.counts.get("max", 0)

    def _ask_version_1(self, group: _Group) -> None:
        group.control_fd = os.open(group.folder / "memory.oom_control", os.O_RDONLY | os.O_CLOEXEC)
        try:
            group.event_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            (group.folder / "cgroup.event_control").write_text(f"{group.event_fd} {group.control_fd}")
        except OSError:
            self._close(group)
            raise
        self._desk.on_readable(group.event_fd, lambda: self._ran_out(group))

    def _drop(self, target: str) -> None:
        group = self._groups.pop(target)
        if group.watch >= 0:
            libc.inotify_unwatch(self._inotify, group.watch)
        if group.limit.is_in:
            self._desk.left("memory-limit", target, f"the control group of {target} is gone")
        self._close(group)

    def _close(self, group: _Group) -> None:
        if group.event_fd >= 0:
            self._desk.forget(group.event_fd)
            os.close(group.event_fd)
        if group.control_fd >= 0:
            os.close(group.control_fd)

    # --- what they tell

    def _changed(self) -> None:
        try:
            raw = os.read(self._inotify, 1 << 16)
        except BlockingIOError:
            return
        watches = {watch for watch, mask in libc.inotify_events(raw) if mask & libc.IN_MODIFY}
        for group in list(self._groups.values()):
            if group.watch in watches:
                self._compare(group)

    def _compare(self, group: _Group) -> None:
        before, now = group.counts, counts_of(group.folder / "memory.events")
        if not now:
            return  # it is gone, which the next look sees
        group.counts = now
        killed, failed = (now.get(name, 0) - before.get(name, 0) for name in ("oom_kill", "oom"))
        if killed > 0:
            self._tell(
                group, "oom-kill", f"out of memory: the kernel killed {killed} process(es) of {group.target}", now
            )
        elif failed > 0:
            self._tell(group, "out-of-memory", f"{group.target} got no more memory: its limit is reached", now)

    def _ran_out(self, group: _Group) -> None:
        """Version 1. The end of the group is told in the same way."""
        with suppress(BlockingIOError):
            os.eventfd_read(group.event_fd)
        if group.folder.exists():
            self._tell(group, "out-of-memory", f"{group.target} got no more memory: its limit is reached", {})

    def _tell(self, group: _Group, what: str, message: str, counts: Mapping[str, int]) -> None:
        figures: dict[str, str | float] = {"group": str(group.folder), **{name: float(n) for name, n in counts.items()}}
        self._desk.happened(Sighting(what, group.target, message, Severity.HIGH, figures=figures, target=group.target))

    def _look_at_limit(self, group: _Group) -> None:
        hits = group.counts.get("max", 0)
        change = group.limit.look(float(hits - group.max_before), self._desk.now_s())
        group.max_before = hits
        if change is Change.ENTERED:
            message = f"{group.target} hits its memory limit all the time, and is slowed down by reclaim"
            figures: dict[str, str | float] = {"group": str(group.folder), "hits": float(hits)}
            self._desk.entered(Sighting("memory-limit", group.target, message, figures=figures, target=group.target))
        elif change is Change.LEFT:
            self._desk.left("memory-limit", group.target, f"{group.target} has room below its memory limit again")

    def diagnostic(self) -> Diagnostic:
        asked = len(self._subjects.units) + len(self._subjects.pid_files)
        says = f"{len(self._groups)} of {asked} targets with a unit or process have a control group that counts memory"
        return Diagnostic("sensors", self.name, Standing.GOOD, says, figures={"groups": float(len(self._groups))})


def _inode_of(folder: Path) -> int:
    """0 where it is gone."""
    try:
        return folder.stat().st_ino
    except OSError:
        return 0


def counts_of(path: Path) -> dict[str, int]:
    """Of a memory.events; empty where it is gone."""
    try:
        pairs = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return {}
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
