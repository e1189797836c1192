"""What pages for people are made of beside lines (lines.py) and tables (tables.py); documents for programs are in documents.py.

No pager is ever started: who wants one pipes into it.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable

from error_cli.lines import Cell, Styled, line, printable, text_of

_GAP = "  "
_BAR_WIDTH = 24


def heading(text: str) -> None:
    line()
    line(Styled(text, "bold"))


def block(text: str, indent: str = "    ") -> None:
    """A text of several lines, such as a stack trace, indented."""
    for one in text.rstrip().splitlines():
        line(indent, one.expandtabs(4))


def facts(pairs: Iterable[tuple[str, Cell]]) -> None:
    """Aligned `label  text` lines; pairs with an empty text are left out."""
    kept = [(label, cell) for label, cell in pairs if text_of(cell)]
    width = max((len(label) for label, _ in kept), default=0)
    for label, cell in kept:
        line(_GAP, Styled(label.ljust(width), "dim"), _GAP, cell, hang=width + 2 * len(_GAP))


def paragraph(text: str, indent: str = "  ") -> None:
    """A sentence; what follows its first line stands a little further in."""
    line(indent, text, hang=len(indent) + 2)


class Progress:
    """A bar on standard error while something long is done; nothing at all where nobody watches, or no line can be written over."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def show(self, ratio: float, text: str) -> None:
        if self._is_shown:
            full = round(_BAR_WIDTH * min(1.0, max(0.0, ratio)))
            bar = "█" * full + "░" * (_BAR_WIDTH - full)
            said = f"{bar} {100 * ratio:3.0f} %  {printable(text)}"
            sys.stderr.write(f"\r\x1b[K{said[: shutil.get_terminal_size().columns - 1]}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
