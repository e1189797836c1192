"""The files of a box: this machine's root below, a tmpfs on top, so that every program is there and no write reaches the disk.

`lay` makes that, in a mount namespace of its own. `assemble` puts on top what is of the box alone: /proc, /sys, /dev, /run, /tmp, an empty
/root (with ~/.pyenv in it, so that its interpreters run), what is shown from outside, read only, and what was copied; and goes into it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.box.box_cgroups import BoxCgroups
from tests.box.kernel import (
    MS_BIND,
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
    MS_SHARED,
    bind,
    change_root_to,
    mount,
)

_FLAGS = MS_NOSUID | MS_NODEV
_MASKED = (
    *("getty.target", "console-getty.service", "systemd-firstboot.service"),
    *("systemd-pcrphase.service", "systemd-pcrphase-sysinit.service"),
)
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}


@dataclass(frozen=True)
class BoxRoot:
    """`base`: a directory of its own. `shown`: shown read only, at their own paths. `copied`: (file or directory, its path there)."""

    base: Path
    shown: Sequence[str]
    copied: Sequence[tuple[Path, str]]

    @property
    def _files(self) -> str:
        return str(self.base / "fs")

    @property
    def _root(self) -> str:
        return f"{self._files}/root"

    def lay(self) -> None:
        mount("tmpfs", self._files, "tmpfs", MS_NODEV, "mode=0755")
        upper, work = f"{self._files}/upper", f"{self._files}/work"
        for directory in (upper, work, self._root):
            os.mkdir(directory, 0o755)
        mount("overlay", self._root, "overlay", 0, f"lowerdir=/,upperdir={upper},workdir={work}")
        self._put("/etc/machine-id", f"{uuid.uuid4().hex}\n")
        self._put("/etc/hostname", "systemd-box\n")
        self._put("/etc/hosts", "127.0.0.1 localhost systemd-box\n::1 localhost\n")
        for path in ("/etc/fstab", "/etc/.updated", "/var/.updated"):  # ConditionNeedsUpdate=: no jobs of a first boot
            self._put(path, "")
        self._quieten(f"{self._root}/etc/systemd/system")
        for source, place in self.copied:
            copy = Path(f"{self._files}/copied{place}")
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy2(source, copy)

    def _put(self, path: str, text: str) -> None:
        place = Path(self._root + path)
        if place.is_symlink():
            place.unlink()
        place.write_text(text)

    def _quieten(self, units: str) -> None:
        """Nothing that this machine has enabled is started in there, and nobody waits at a console."""
        for name in os.listdir(units):
            if name.endswith((".wants", ".requires")):
                shutil.rmtree(f"{units}/{name}")
        for place in Path(f"{self._root}/etc").glob("rc[S0-6].d"):
            shutil.rmtree(place)  # what has an init script alone
        for unit in _MASKED:
            if not os.path.lexists(f"{units}/{unit}"):
                os.symlink("/dev/null", f"{units}/{unit}")

    def assemble(self, console: str, cgroups: BoxCgroups) -> None:
        """By the box's pid 1, before it turns into systemd."""
        root = self._root
        mount(root, root, None, MS_BIND)  # only a mount point can become the root
        self._mount_kernel()
        cgroups.mount(f"{root}/sys/fs/cgroup")
        self._mount_devices(console)
        for place, mode in (("/run", "0755"), ("/tmp", "1777"), ("/root", "0711")):
            mount("tmpfs", root + place, "tmpfs", _FLAGS, f"mode={mode}")
        os.makedirs(f"{root}/run/host")
        bind(str(self.base / "notify"), f"{root}/run/host/notify")
        if os.path.isdir("/root/.pyenv"):
            bind("/root/.pyenv", f"{root}/root/.pyenv", is_read_only=True)
        for path in self.shown:
            bind(path, root + path, is_read_only=True)
        for _, place in self.copied:
            bind(f"{self._files}/copied{place}", root + place)
        change_root_to(root)
        mount(None, "/", None, MS_REC | MS_SHARED)  # what systemd expects at boot

    def _mount_kernel(self) -> None:
        root = self._root
        mount("proc", f"{root}/proc", "proc", _FLAGS | MS_NOEXEC)
        for name in ("sys", "sysrq-trigger", "irq", "bus"):
            place = f"{root}/proc/{name}"
            if os.path.exists(place):
                mount(place, place, None, MS_BIND)
                mount(None, place, None, MS_BIND | MS_REMOUNT | MS_RDONLY | _FLAGS | MS_NOEXEC)
        mount("/proc/sys/net", f"{root}/proc/sys/net", None, MS_BIND)
        mount("sysfs", f"{root}/sys", "sysfs", _FLAGS | MS_NOEXEC | MS_RDONLY)
        for place in ("/sys/kernel/tracing", "/sys/kernel/debug", "/sys/fs/bpf"):
            if os.path.ismount(place):
                bind(place, root + place)

    def _mount_devices(self, console: str) -> None:
        devices = f"{self._root}/dev"
        mount("tmpfs", devices, "tmpfs", MS_NOSUID, "mode=0755")
        before = os.umask(0)
        for name in _DEVICES:
            known = os.stat(f"/dev/{name}")
            os.mknod(f"{devices}/{name}", known.st_mode, known.st_rdev)
        os.umask(before)
        for name, to in _LINKS.items():
            os.symlink(to, f"{devices}/{name}")
        bind(console, f"{devices}/console")
        for name in ("pts", "shm", "mqueue"):
            os.mkdir(f"{devices}/{name}")
        options = "newinstance,ptmxmode=0666,mode=0620,gid=5"
        mount("devpts", f"{devices}/pts", "devpts", MS_NOSUID | MS_NOEXEC, options)
        mount("tmpfs", f"{devices}/shm", "tmpfs", _FLAGS, "mode=1777")
        mount("mqueue", f"{devices}/mqueue", "mqueue", _FLAGS | MS_NOEXEC)
