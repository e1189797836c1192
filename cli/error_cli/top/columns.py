"""Lines of so many columns. What does not fit is cut, and an ellipsis stands for it."""

from __future__ import annotations

from collections.abc import Iterable

from error_cli.lines import Cell, Styled, end_within, printable, style_of, text_of, text_width

Line = list[Styled]


def in_columns(cells: Iterable[Cell], columns: int) -> Line:
    """The cells in one line of so many columns."""
    found: Line = []
    left = columns
    for cell in cells:
        text = cut(printable(text_of(cell)), left)
        if text:
            found.append(Styled(text, style_of(cell)))
        left -= text_width(text)
        if left <= 0:
            break
    return found


def cut(text: str, columns: int) -> str:
    """Of a text that is printable."""
    if text_width(text) <= columns:
        return text
    if columns < 1:
        return ""
    return text[: end_within(text, 0, columns - 1)] + "…" if columns > 1 else "…"


def column(text: str, width: int) -> str:
    """In so many columns and one more, that keeps it from the next."""
    shown = cut(printable(text), width)
    return shown + " " * (width + 1 - text_width(shown))
