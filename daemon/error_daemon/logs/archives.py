"""What becomes of a log file that is full: it is renamed, compressed, and deleted when it is too old or one too many.

    recovery.log → recovery.log-20261113T115332Z → recovery.log-20261113T115332Z.gz → gone

The time in the name is when it was put aside; a second one of the same second has "-2" behind it, and so on. Names sort by age. `tidy` does
whatever is due and may be killed at any moment: what was half compressed is begun anew by the next. It runs in a thread of its own, nicer
than the rest; compression holds no lock of Python, so the loop goes on.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

_FORMAT = "%Y%m%dT%H%M%SZ"
_CHUNK_BYTES = 256 << 10
_PART = ".part"
_MODE = 0o640


@dataclass(frozen=True, slots=True)
class Keep:
    """How many archives, and how old they may become."""

    files: int
    age_s: float


@dataclass(frozen=True, slots=True)
class Archive:
    name: str
    at: float
    number: int  # of those of the same second, from 1

    @property
    def is_compressed(self) -> bool:
        return self.name.endswith(".gz")


def archive_name(file: str, at: float, taken: Iterable[str]) -> str:
    """For a log file that is put aside now; `taken`: the names in its directory."""
    base = f"{file}-{datetime.fromtimestamp(int(at), timezone.utc).strftime(_FORMAT)}"
    numbers = [archive.number for archive in archives_of(file, taken) if archive.name.startswith(base)]
    return f"{base}-{max(numbers) + 1}" if numbers else base


def archives_of(file: str, names: Iterable[str]) -> list[Archive]:
    """Those of `names` that are archives of the log file, oldest first."""
    shape = re.compile(re.escape(file) + r"-(\d{8}T\d{6}Z)(?:-(\d{1,9}))?(?:\.gz)?", re.ASCII)
    found = []
    for name in names:
        match = shape.fullmatch(name)
        if match:
            with suppress(ValueError):  # the 99th of a month
                at = datetime.strptime(match[1], _FORMAT).replace(tzinfo=timezone.utc).timestamp()
                found.append(Archive(name, at, int(match[2] or 1)))
    return sorted(found, key=lambda archive: (archive.at, archive.number, archive.name))


def too_many(archives: Sequence[Archive], now: float, keep: Keep) -> list[Archive]:
    """Those to delete: beyond the newest `keep.files`, and older than `keep.age_s`."""
    beyond = len(archives) - keep.files
    return [
        archive
        for position, archive in enumerate(archives)
        if position < beyond or (keep.age_s and archive.at < now - keep.age_s)
    ]


def tidy(path: Path, now: float, keep: Keep) -> None:
    """Delete and compress what is due. Raises OSError; what was done stays done."""
    directory = path.parent
    names = os.listdir(directory)
    for part in names:
        if part.endswith(_PART) and archives_of(path.name, [part[: -len(_PART)]]):
            (directory / part).unlink(missing_ok=True)
    archives = archives_of(path.name, names)
    gone = too_many(archives, now, keep)
    for archive in gone:
        (directory / archive.name).unlink(missing_ok=True)
    for archive in archives:
        if archive not in gone and not archive.is_compressed:
            _compress(directory / archive.name)


def _compress(path: Path) -> None:
    part, done = Path(f"{path}.gz{_PART}"), Path(f"{path}.gz")
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, _MODE)
        with open(path, "rb") as source, open(fd, "wb") as target:
            with gzip.GzipFile("", "wb", 6, target) as packed:
                shutil.copyfileobj(source, packed, _CHUNK_BYTES)
            target.flush()
            os.fsync(target.fileno())
        os.replace(part, done)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    path.unlink()


def use_of(path: Path) -> tuple[int, int]:
    """How many archives there are, and their bytes; nothing where nobody can look."""
    try:
        archives = archives_of(path.name, os.listdir(path.parent))
    except OSError:
        return 0, 0
    sizes = []
    for archive in archives:
        with suppress(OSError):
            sizes.append((path.parent / archive.name).stat().st_size)
    return len(sizes), sum(sizes)
