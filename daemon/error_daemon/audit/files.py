"""The files of the audit: `audit.log`, which is appended to, and those that were put aside, `audit.log.<sequence of its last entry>`.

`read_together` opens all of them at one moment, so that a file that is put aside meanwhile is neither read twice nor left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from error_daemon.audit.chain import Line, lines_of

FILE_NAME = "audit.log"
_DIGITS = 12
_CHUNK_BYTES = 1 << 18
_MOST_TRIES = 5


def archive_name(path: Path, last: int) -> Path:
    return path.with_name(f"{path.name}.{last:0{_DIGITS}d}")


def archives(path: Path) -> list[Path]:
    """Oldest first."""
    found = (each for each in path.parent.glob(f"{path.name}.*") if last_of(each) > 0)
    return sorted(found, key=last_of)


def last_of(archive: Path) -> int:
    """The sequence of its last entry, by its name; 0: that is not an archive's."""
    ending = archive.name.rpartition(".")[2]
    return int(ending) if len(ending) >= _DIGITS and ending.isdecimal() else 0


def files(path: Path) -> list[Path]:
    """All that there are, oldest first."""
    return [*archives(path), *([path] if path.exists() else [])]


def files_from(path: Path, sequence: int) -> list[Path]:
    """Those that may have entries from that sequence on."""
    return [*(each for each in archives(path) if last_of(each) >= sequence), path]


@contextmanager
def opened_together(path: Path) -> Iterator[list[tuple[str, IO[bytes]]]]:
    """Raises OSError."""
    for _ in range(_MOST_TRIES):
        with ExitStack() as stack:
            names = files(path)
            found: list[tuple[str, IO[bytes]]] = []
            try:
                found += [(name.name, stack.enter_context(open(name, "rb"))) for name in names]
            except FileNotFoundError:  # put aside, or deleted for its age, at this moment
                continue
            if files(path) == names:
                yield found
                return
    raise OSError(f"the files of {path} do not stand still")


def lines_in(named: Sequence[tuple[str, IO[bytes]]]) -> Iterator[Line]:
    for name, file in named:
        yield from lines_of(name, iter(lambda file=file: file.read(_CHUNK_BYTES), b""))  # type: ignore[misc]


def sync_directory(path: Path) -> None:
    """What was created or renamed in it stays so, whatever becomes of the power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
