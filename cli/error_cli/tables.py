"""Tables: aligned columns without boxes, at any width of the screen.

Into a pipe or file a row is one line, however long. On a terminal, what is too wide is made to fit in this order, and nothing is
ever cut:

1. the flexible column is wrapped within itself, down to 24 columns;
2. the flexible column, and then the widest texts, one after another, leave their column and stand beneath their row;
3. a subject, in the first column, that is among them stands above its row instead, with the mark that may be before it.

A command may say itself which columns leave at once, and what stands beneath the row for them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from error_cli.lines import (
    Cell,
    Styled,
    line,
    on_terminal,
    pieces,
    printable,
    screen_width,
    style_of,
    text_of,
    text_width,
)

_GAP = "  "
_INDENT = "    "
_FLEXIBLE_WIDTH = 24  # a text in a narrower column is hard to read


class Column(NamedTuple):
    """`right` aligns numbers. `flexible`: the one column of a table whose texts may be wrapped. `beneath`: where the screen is too narrow
    for all columns, it is left out for what the caller has to say beneath the row."""

    title: str
    right: bool = False
    flexible: bool = False
    beneath: bool = False


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], below: Sequence[Sequence[Cell]] | None = None
) -> None:
    """A table with a header; nothing at all without rows. `below` as `stacked` has it, where columns are `beneath`."""
    if not rows:
        return
    if below is not None and not fits(columns, rows):
        stacked(columns, rows, below)
        return
    if not on_terminal():
        _print(columns, rows, _widths(columns, rows))
        return
    widths = _widths(columns, rows)
    spare = screen_width() - _total(widths)
    for index, column in enumerate(columns):
        if column.flexible and spare < 0:
            least = min(widths[index], _FLEXIBLE_WIDTH)
            widths[index] = max(least, widths[index] + spare)
    if _total(widths) <= screen_width():
        _print(columns, rows, widths)
    else:
        stacked(columns, rows, [()] * len(rows))


def stacked(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], below: Sequence[Sequence[Cell]]) -> None:
    """A table for a terminal without the columns that are `beneath`, and `below[i]`, the long texts of row i, as indented and wrapped
    lines under that."""
    shown = [index for index, column in enumerate(columns) if not column.beneath]
    columns, rows = [columns[index] for index in shown], [[row[index] for index in shown] for row in rows]
    widths = _widths(columns, rows)
    subject = _subject(columns)
    kept = _kept(columns, widths, subject)
    is_above = subject not in kept
    indent = _INDENT if is_above else ""
    short, short_widths = [columns[index] for index in kept], [widths[index] for index in kept]
    _print_row([Styled(column.title, "bold") for column in short], short, short_widths, indent)
    for row, more in zip(rows, below, strict=True):
        if is_above:
            line(*(part for cell in row[: subject + 1] for part in (Styled(_flat(cell), style_of(cell)), _GAP)))
        _print_row([row[index] for index in kept], short, short_widths, indent)
        for index, column in enumerate(columns):
            if index > subject and index not in kept:
                _print_beneath(column, row[index])
        for cell in more:
            if _flat(cell):
                line(_INDENT, Styled(_flat(cell), style_of(cell)), hang=len(_INDENT))


def _print_beneath(column: Column, cell: Cell) -> None:
    title = "" if column.flexible or not column.title else f"{column.title.lower()}: "
    if _flat(cell):
        line(_INDENT, Styled(title, "dim"), Styled(_flat(cell), style_of(cell)), hang=2 * len(_INDENT))


def fits(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a table stands on the terminal with each row in its columns; into a pipe any does."""
    widths = _widths(columns, rows)
    least = [min(one, _FLEXIBLE_WIDTH) if column.flexible else one for one, column in zip(widths, columns, strict=True)]
    return not on_terminal() or _total(least) <= screen_width()


def _subject(columns: Sequence[Column]) -> int:
    """The column that says what a row is about: the first, or the one behind a first column of marks."""
    return 1 if len(columns) > 1 and not columns[0].title and not columns[1].right else 0


def _kept(columns: Sequence[Column], widths: Sequence[int], subject: int) -> list[int]:
    """The columns that stay columns on this screen: all but the widest texts."""
    kept = list(range(len(columns)))
    if not on_terminal():
        return kept
    texts = sorted(
        (index for index in kept[subject:] if not columns[index].right),
        key=lambda index: (columns[index].flexible, widths[index]),
    )
    while texts and len(kept) > subject + 1:
        indent = 0 if subject in kept else len(_INDENT)
        if indent + _total([widths[index] for index in kept]) <= screen_width():
            break
        widest = texts.pop()
        kept = [index for index in kept if index != widest and (index > subject or widest != subject)]
    return kept


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> list[int]:
    return [
        max(text_width(column.title), *(text_width(_flat(row[index])) for row in rows), 0)
        for index, column in enumerate(columns)
    ]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _print(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], widths: Sequence[int]) -> None:
    _print_row([Styled(column.title, "bold") for column in columns], columns, widths)
    for row in rows:
        _print_row(row, columns, widths)


def _print_row(row: Sequence[Cell], columns: Sequence[Column], widths: Sequence[int], indent: str = "") -> None:
    """A row, in as many lines as its longest cell has."""
    folded = [list(_folded(cell, room)) for cell, room in zip(row, widths, strict=True)]
    for number in range(max(map(len, folded))):
        parts: list[Cell] = [indent]
        for cell, texts, column, room in zip(row, folded, columns, widths, strict=True):
            text = texts[number] if number < len(texts) else ""
            parts += [Styled(_pad(text, room, column.right), style_of(cell)), _GAP]
        line(*_without_end(parts))


def _without_end(parts: Sequence[Cell]) -> list[Cell]:
    """Without the spaces behind the last text: coloured ones would be sent, and might be one too many for the screen."""
    kept = list(parts)
    while kept and not text_of(kept[-1]).strip():
        kept.pop()
    if kept:
        kept[-1] = Styled(text_of(kept[-1]).rstrip(), style_of(kept[-1]))
    return kept


def _folded(cell: Cell, room: int) -> Iterator[str]:
    text = _flat(cell)
    if text_width(text) <= room:
        yield text
    else:
        yield from (text[start:end] for start, end in pieces(text, room, room))


def _flat(cell: Cell) -> str:
    """A cell is one line, whatever is in it."""
    return printable(text_of(cell).strip())


def _pad(text: str, room: int, right: bool) -> str:
    spaces = " " * (room - text_width(text))
    return spaces + text if right else text + spaces
