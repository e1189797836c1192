"""The folder in which one process spools, and the taking over of what dead processes left.

    <spool directory>/            mode 0700, and refused when it belongs to another user
        4711-9f3a61c2/            one home for each reporter; its name only has to be unique
            lock                  held with flock() for as long as its owner lives
            normal-500000000.seg  segments: lane, then a number that grows in the order of delivery

Processes never write to each other's files. Whoever gets the lock of a home that is not its own knows the owner to be dead,
and moves the segments to its own home: before its own ones, for they are older. flock() and not fcntl() locks, for those
would be given up as soon as any part of the owner's process closed the file. A home is built under a hidden name and
renamed once it is locked, so that nobody takes it for an abandoned one meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

_FIRST_NUMBER = 500_000_000  # own segments count up from here, adopted ones down


class SpoolHome:
    """This process's folder below the spool directory. Nothing is made before something has to be written.

    Not safe for several threads at once: the owner holds a lock.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._folder: Path | None = None
        self._lock_fd = -1
        self._newest = _FIRST_NUMBER
        self._oldest = _FIRST_NUMBER

    def newest_path(self, lane: str) -> Path:
        """The name of a new segment behind all others. Raises OSError where the folder cannot be made."""
        self._newest += 1
        return self._made() / f"{lane}-{self._newest:09}.seg"

    def oldest_path(self, lane: str) -> Path:
        """The name of a new segment before all others. Raises OSError where the folder cannot be made."""
        self._oldest -= 1
        return self._made() / f"{lane}-{self._oldest:09}.seg"

    def adopt(self, lane_names: frozenset[str]) -> Iterator[tuple[str, Path]]:
        """Moves the segments of dead processes here, one by one: (lane, path), newest first, so that each goes before the
        last one. Raises OSError."""
        for home in self._others():
            lock_fd = _locked(home / "lock")
            if lock_fd < 0:
                continue
            try:
                for path in sorted(home.glob("*.seg"), reverse=True):
                    if _lane(path) in lane_names:
                        yield self._move(path)
                _remove_folder(home)
            finally:
                os.close(lock_fd)

    def close(self) -> None:
        """Gives the home up: what is in it may be adopted from now on; an empty one goes. The next use makes a new one."""
        if self._folder is not None:
            _remove_folder(self._folder)
        self.abandon()

    def abandon(self) -> None:
        """For the child of a fork: closes its copy of the lock, which would outlive the owner, and touches nothing else."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
        self._lock_fd = -1
        self._folder = None

    def _made(self) -> Path:
        if self._folder is None:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.directory.stat().st_uid != os.geteuid():
                raise PermissionError(f"the spool directory {self.directory} belongs to another user")
            self._folder = self._built(f"{os.getpid()}-{secrets.token_hex(4)}")
        return self._folder

    def _built(self, name: str) -> Path:
        hidden = self.directory / f".{name}"
        hidden.mkdir(mode=0o700)
        try:
            self._lock_fd = os.open(hidden / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return hidden.rename(self.directory / name)
        except OSError:
            _remove_folder(hidden)
            self.abandon()
            raise

    def _others(self) -> Iterator[Path]:
        if not self.directory.is_dir() or self.directory.stat().st_uid != os.geteuid():
            return
        for home in sorted(self.directory.iterdir(), key=_age, reverse=True):
            if home != self._folder and not home.name.startswith(".") and home.is_dir():
                yield home

    def _move(self, path: Path) -> tuple[str, Path]:
        lane = _lane(path)
        return lane, path.rename(self.oldest_path(lane))


def _locked(path: Path) -> int:
    """A descriptor that holds the lock, or -1 when its owner lives or another process was faster."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    return fd


def _remove_folder(folder: Path) -> None:
    """Removes a home without segments; one in which anything else is left stays as it is."""
    if all(path.name == "lock" for path in folder.iterdir()):
        (folder / "lock").unlink(missing_ok=True)
        folder.rmdir()


def _lane(path: Path) -> str:
    return path.name.partition("-")[0]


def _age(home: Path) -> float:
    """When the home last changed; 0 where another process has just removed it."""
    try:
        return home.stat().st_mtime
    except FileNotFoundError:
        return 0.0
