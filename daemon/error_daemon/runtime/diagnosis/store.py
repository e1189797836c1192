"""The record: its writer, what waits to be written, its file and the disk below it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from error_daemon.model import Diagnostic, Json
from error_daemon.runtime.diagnosis.area import Area, size, some

_AREA = Area("store")
_MANY_WAITING = 0.5
_LITTLE_BYTES, _LITTLE_RATIO = 512 << 20, 0.05
_NEXT_TO_NOTHING_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Disk:
    """Bytes of the record's files, and of the file system that they are on. `aside`: names of what was put aside."""

    record: int
    free: int
    total: int
    aside: tuple[str, ...] = ()


def store(state: Mapping[str, Json], writer_pid: int | None, most_waiting: int, disk: Disk | None) -> list[Diagnostic]:
    """`state`: as GetStatus has it. `most_waiting`: rows above which new faults are refused."""
    return [_writer(state, writer_pid), _waiting(int(state["rows_waiting"]), most_waiting), *judge_disk(disk)]


def _writer(state: Mapping[str, Json], writer_pid: int | None) -> Diagnostic:
    written = some(int(state["rows_written"]), "row")
    if state["available"] and writer_pid:
        return _AREA.good(
            "writer", f"process {writer_pid} has it open; {written} written", rows_written=state["rows_written"]
        )
    why = state["detail"] or "its process is not there"
    mend = "recoveries go on, and rows wait in memory: mend what it says; it is tried again by itself"
    return _AREA.bad("writer", f"nothing can be written: {why}", mend)


def _waiting(rows: int, most: int) -> Diagnostic:
    ratio = rows / max(1, most)
    says = f"{some(rows, 'row')} of at most {most:,}"
    if ratio >= 1.0:
        return _AREA.bad(
            "rows that wait", f"{says}: new faults are refused", "see its writer and the disk", waiting_ratio=ratio
        )
    if ratio > _MANY_WAITING:
        mend = "the record is written more slowly than it grows: see its writer and the disk"
        return _AREA.notice("rows that wait", says, mend, waiting_ratio=ratio)
    return _AREA.good("rows that wait", says, waiting_ratio=ratio)


def judge_disk(disk: Disk | None) -> Iterator[Diagnostic]:
    if disk is None:
        yield _AREA.unavailable("disk", "the state directory can't be looked at")
        return
    says = f"the record has {size(disk.record)}; {size(disk.free)} of {size(disk.total)} are free"
    figures = {"record_bytes": float(disk.record), "free_bytes": float(disk.free)}
    if disk.free < _NEXT_TO_NOTHING_BYTES:
        yield _AREA.bad(
            "disk", says, "make room: without it nothing is recorded, and then faults are refused", **figures
        )
    elif disk.free < min(_LITTLE_BYTES, _LITTLE_RATIO * disk.total):
        yield _AREA.notice("disk", says, "make room before it is full", **figures)
    else:
        yield _AREA.good("disk", says, **figures)
    if disk.aside:
        mend = "what is in it is not lost: look at it with DuckDB, then move it away"
        yield _AREA.notice("put aside", ", ".join(disk.aside), mend, files=float(len(disk.aside)))


def disk_of(state_dir: Path) -> Disk | None:
    try:
        names: Sequence[str] = sorted(os.listdir(state_dir))
        room = os.statvfs(state_dir)
        record = sum(
            (state_dir / name).stat().st_size for name in names if name in ("recovery.duckdb", "recovery.duckdb.wal")
        )
    except OSError:
        return None
    aside = tuple(name for name in names if name.startswith(("recovery.duckdb.damaged", "recovery.duckdb.refused")))
    return Disk(record, room.f_bavail * room.f_frsize, room.f_blocks * room.f_frsize, aside)
