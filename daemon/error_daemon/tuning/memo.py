"""What tuning has set, and what was there before: the file that `error-cli tune --undo` goes by.

It is root's alone, and not in the daemon's own directory: who could write in it could have root restore whatever they like. Each entry is
on the disk before its knob is touched, so that a tuning that is killed half-way can be undone, too.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from error_daemon.errors import Refused
from error_daemon.tuning.change import Area

DIRECTORY = "/var/lib/error-recovery-tune"
_VERSION = 1
_OTHERS_WRITE = 0o022


@dataclass(frozen=True, slots=True)
class Kept:
    """A knob that was set. `before` None: it was not there. `values`: what it may have been set to: while a value of ours is replaced by
    another, either."""

    area: Area
    knob: str
    before: str | None
    values: tuple[str | None, ...]
    then: str = ""


class Memo:
    """What was set, in its order. Make one with `opened`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = {kept.knob: kept for kept in _read(path)}

    def all(self) -> list[Kept]:
        return list(self._kept.values())

    def of(self, knob: str) -> Kept | None:
        return self._kept.get(knob)

    def keep(self, kept: Kept) -> None:
        self._kept[kept.knob] = kept
        self._save()

    def drop(self, knob: str) -> None:
        if self._kept.pop(knob, None) is not None:
            self._save()

    def _save(self) -> None:
        if not self._kept:
            self._path.unlink(missing_ok=True)
            return
        part = self._path.with_suffix(".part")
        with part.open("w") as file:
            os.fchmod(file.fileno(), 0o600)
            json.dump({"version": _VERSION, "set": [asdict(kept) for kept in self.all()]}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        part.replace(self._path)


@contextmanager
def opened(root: Path) -> Iterator[Memo]:
    """For one tuning at a time. Raises Refused."""
    directory = root / DIRECTORY.lstrip("/")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid() or status.st_mode & _OTHERS_WRITE:
            raise Refused(f"others than root may write in {directory}: what it says is not to be trusted")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused("another tuning is running: wait for it") from None
        yield Memo(directory / "set.json")
        if not any(directory.iterdir()):
            directory.rmdir()
    finally:
        os.close(handle)


def kept_on(root: Path) -> list[Kept]:
    """What was set, for who only looks. Nothing where it may not be read."""
    try:
        return _read(root / DIRECTORY.lstrip("/") / "set.json")
    except (OSError, Refused):
        return []


def _read(path: Path) -> list[Kept]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return []
    except ValueError as error:
        raise Refused(f"{path} can't be read: {error}") from error
    try:
        if found["version"] != _VERSION:
            raise Refused(f"{path} was written by another version of this program")
        return [Kept(**{**one, "values": tuple(one["values"])}) for one in found["set"]]
    except (KeyError, TypeError) as error:
        raise Refused(f"{path} can't be read: {error!r}") from error
