"""The control groups of a box: one below the root of cgroup v2, which is the box's own root; and, where its memory or CPU is to be
limited on a machine that has these controllers on v1, one in each hierarchy of v1 (`is_hybrid`), as the machine's own systemd has it.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress

from tests.box.kernel import MS_NODEV, MS_NOEXEC, MS_NOSUID, mount

_REMOVE_S = 2.0
_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC


class BoxCgroups:
    """Raises LookupError where there is no cgroup v2."""

    def __init__(self, name: str, is_hybrid: bool) -> None:
        mounts = _mounts()
        unified = [place for place, kind in mounts if kind == "cgroup2"]
        if not unified:
            raise LookupError("no cgroup v2 hierarchy is mounted")
        self._old = [(place, kind) for place, kind in mounts if kind != "cgroup2"] if is_hybrid else []
        self._is_hybrid = is_hybrid
        _delegate(unified[0])
        self.directories: list[str] = []
        for place, kind in [(unified[0], "cgroup2"), *self._old]:
            directory = os.path.join(place, name)
            os.mkdir(directory)
            self.directories.append(directory)
            if "cpuset" in kind.split(","):  # a new one of v1 is empty, and takes no process then
                for file in ("cpuset.cpus", "cpuset.mems"):
                    shutil.copyfile(os.path.join(place, file), os.path.join(directory, file))

    def enter(self) -> None:
        """This process, before the cgroup namespace makes them its root."""
        for directory in self.directories:
            with open(f"{directory}/cgroup.procs", "w", encoding="ascii") as file:
                file.write("0")

    def mount(self, place: str) -> None:
        """In the box: what its systemd finds at /sys/fs/cgroup."""
        if not self._is_hybrid:
            mount("cgroup2", place, "cgroup2", _FLAGS)
            return
        mount("tmpfs", place, "tmpfs", _FLAGS, "mode=0755")
        os.mkdir(f"{place}/unified")
        mount("cgroup2", f"{place}/unified", "cgroup2", _FLAGS)
        for old, kind in self._old:
            directory = f"{place}/{os.path.basename(old)}"
            os.mkdir(directory)
            mount("cgroup", directory, "cgroup", _FLAGS, kind)
        if not os.path.exists(f"{place}/systemd"):  # as systemd itself would, so that it finds nothing left to make
            os.mkdir(f"{place}/systemd")
            mount("cgroup", f"{place}/systemd", "cgroup", _FLAGS, "none,name=systemd")

    def remove(self) -> None:
        for directory in self.directories:
            _remove(directory)
        self.directories = []


def _mounts() -> list[tuple[str, str]]:
    """Where a hierarchy is mounted, and "cgroup2" or the controllers of v1."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            left, right = line.rstrip("\n").split(" - ", 1)
            kind, _, options = right.split(" ")[:3]
            place = left.split(" ")[4]
            if kind == "cgroup2":
                found.append((place, kind))
            elif kind == "cgroup":
                others = ("release_agent", "xattr", "clone_children")
                kept = [one for one in options.split(",") if one not in ("rw", "ro") and not one.startswith(others)]
                found.append((place, ",".join(kept)))
    return found


def _delegate(root: str) -> None:
    """Every controller that there is, as far as that goes."""
    with suppress(OSError):
        with open(f"{root}/cgroup.controllers", encoding="ascii") as file:
            controllers = file.read().split()
        for controller in controllers:
            with suppress(OSError), open(f"{root}/cgroup.subtree_control", "w", encoding="ascii") as file:
                file.write(f"+{controller}")


def _remove(top: str) -> None:
    """The processes in there were killed: it is empty in a moment."""
    end = time.monotonic() + _REMOVE_S
    while os.path.isdir(top) and time.monotonic() < end:
        for directory, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                os.rmdir(directory)
        time.sleep(0.002)
