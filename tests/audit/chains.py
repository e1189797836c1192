"""Chains to be broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from error_daemon.audit.chain import Line
from error_daemon.audit.entry import NOTHING_YET, chained
from error_daemon.model.audit import Act, Head


def act(number: int, **more: object) -> Act:
    return Act(1_790_000_000.0 + number, "ann", "pause", f"target-{number}", **more)  # type: ignore[arg-type]


def chain_of(acts: Sequence[Act], head: Head = NOTHING_YET) -> tuple[list[bytes], Head]:
    """Their lines, without newlines, and where they have come to."""
    lines = []
    for each in acts:
        entry, line = chained(each, head)
        head = entry.head
        lines.append(line[:-1])
    return lines, head


def in_files(lines: Sequence[bytes], each: int) -> Iterator[Line]:
    """So many lines a file."""
    for place, text in enumerate(lines):
        yield Line(f"file {place // each}", place % each + 1, text)


def place(line: Line, each: int) -> int:
    return int(line.file.split()[1]) * each + line.number - 1
