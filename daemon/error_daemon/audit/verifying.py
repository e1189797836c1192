"""A chain on this host is verified: all files beside each other, or some that somebody has copied. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from error_daemon.audit.chain import check, lines_of
from error_daemon.audit.entry import read
from error_daemon.audit.files import FILE_NAME, lines_in, opened_together
from error_daemon.model.audit import Checked, Head


def verify_all(path: Path, heads: Sequence[Head]) -> tuple[Checked, list[str]]:
    """All that there is of the audit whose file is `path`, from its first entry or what is left of it; and the names of the files. Raises
    OSError."""
    with opened_together(path) as found:
        return check(lines_in(found), heads), [name for name, _ in found]


def verify_some(paths: Sequence[Path], heads: Sequence[Head]) -> tuple[Checked, list[str]]:
    """Files, in whatever order they are named: a directory stands for all of the audit in it. Raises OSError."""
    if len(paths) == 1 and paths[0].is_dir():
        return verify_all(paths[0] / FILE_NAME, heads)
    ordered = sorted(paths, key=_first_sequence)
    with ExitStack() as stack:
        found = [(str(path), stack.enter_context(open(path, "rb"))) for path in ordered]
        return check(lines_in(found), heads, is_all=False), [name for name, _ in found]


def _first_sequence(path: Path) -> int:
    with open(path, "rb") as file:
        entries = (read(line.text) for line in lines_of(path.name, file))
        return next((entry.sequence for entry in entries if entry), 0)
