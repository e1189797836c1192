"""What error-cli prints: lines, facts, tables, JSON.

On a terminal: colours and tables that fit its width. Into a pipe or file: plain aligned columns at full width, no colour,
no bars. NO_COLOR (https://no-color.org) and TERM=dumb turn colours off.

Texts of faults come from anywhere. Whatever is printed goes through `printable`, which shows control characters and
direction overrides instead of sending them to the operator's terminal. In JSON they are escaped by JSON itself.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from google.protobuf.message import Message

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\r\n]+")
_GAP = "  "
_INDENT = "    "
_BAR_WIDTH = 24
_FLEXIBLE_WIDTH = 24  # narrower than this, a text is better wrapped by the terminal itself


class Styled(NamedTuple):
    """A text and its look on a terminal: a colour name, `bold` or `dim`."""

    text: str
    style: str = ""


Cell = str | Styled


class Column(NamedTuple):
    """`right` aligns numbers. `flexible`: the one column of a table whose texts may be wrapped."""

    title: str
    right: bool = False
    flexible: bool = False


def printable(text: str) -> str:
    """`text` as one line, with everything that would steer a terminal made visible."""
    return _UNPRINTABLE.sub(_visible, _BREAKS.sub(" ", text))


def on_terminal() -> bool:
    return sys.stdout.isatty()


def coloured() -> bool:
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def line(*parts: Cell) -> None:
    """One line on standard output."""
    sys.stdout.write("".join(_render(part) for part in parts).rstrip() + "\n")
    sys.stdout.flush()  # somebody may be watching, through a pipe too


def note(sentence: str) -> None:
    """One line on standard error: said to a person, and no part of the answer."""
    print(printable(sentence), file=sys.stderr)


def heading(text: str) -> None:
    line()
    line(Styled(text, "bold"))


def block(text: str, indent: str = "    ") -> None:
    """A text of several lines, such as a stack trace, indented."""
    for one in text.rstrip().splitlines():
        line(indent, one.expandtabs(4))


def facts(pairs: Iterable[tuple[str, Cell]]) -> None:
    """Aligned `label  text` lines; pairs with an empty text are left out."""
    kept = [(label, cell) for label, cell in pairs if _text(cell)]
    width = max((len(label) for label, _ in kept), default=0)
    for label, cell in kept:
        first, *others = wrapped(printable(_text(cell)), " " * (width + 2 * len(_GAP)))
        line(_GAP, Styled(label.ljust(width), "dim"), _GAP, Styled(first, _style(cell)))
        for one in others:
            line(_GAP, " " * width, _GAP, Styled(one, _style(cell)))


def table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    """A table with a header; nothing at all without rows."""
    if not rows:
        return
    if on_terminal():
        _rich_table(columns, rows)
    else:
        _plain_table(columns, rows)


def stacked(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], below: Sequence[Sequence[Cell]]) -> None:
    """A table of short columns for a terminal, with `below[i]`, the long texts of row i, as indented and wrapped lines under it."""
    texts = [[column.title for column in columns], *([_flat(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[index]) for row in texts) for index in range(len(columns))]
    titles = (_pad(column.title, width, column.right) for column, width in zip(columns, widths, strict=True))
    line(Styled(_GAP.join(titles).rstrip(), "bold"))
    for row, more in zip(rows, below, strict=True):
        parts: list[Cell] = []
        for cell, width, column in zip(row, widths, columns, strict=True):
            parts += [Styled(_pad(_flat(cell), width, column.right), _style(cell)), _GAP]
        line(*parts)
        for cell in more:
            for one in wrapped(_flat(cell)):
                line(_INDENT, Styled(one, _style(cell)))


def wrapped(text: str, indent: str = _INDENT) -> list[str]:
    """`text` in lines that fit a terminal with `indent` before them; into a pipe one line. Words that are too long stay whole."""
    if not on_terminal():
        return [text]
    room = max(_FLEXIBLE_WIDTH, shutil.get_terminal_size().columns - len(indent))
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)


def paragraph(text: str, indent: str = "  ") -> None:
    """A sentence, wrapped; what follows its first line stands a little further in."""
    for number, one in enumerate(wrapped(printable(text), indent + "  ")):
        line(indent if number == 0 else indent + "  ", one)


def fits(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> bool:
    """Whether a table stands on the terminal without running over."""
    return _least_width(columns, rows) <= shutil.get_terminal_size().columns


class Progress:
    """A bar on standard error while something long is done; nothing at all where nobody watches."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()

    def show(self, ratio: float, text: str) -> None:
        if self._is_shown:
            full = round(_BAR_WIDTH * min(1.0, max(0.0, ratio)))
            bar = "█" * full + "░" * (_BAR_WIDTH - full)
            sys.stderr.write(f"\r\x1b[K{bar} {100 * ratio:3.0f} %  {printable(text)}")
            sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def document(message: Message) -> None:
    """A single answer as one JSON document: the protobuf JSON mapping (64-bit whole numbers are strings) with snake_case names."""
    sys.stdout.write(_json(message, indent=2) + "\n")


def document_text(json: str) -> None:
    """A JSON document that came ready, laid out as the others are."""
    from json import dumps, loads

    sys.stdout.write(dumps(loads(json), indent=2, ensure_ascii=True) + "\n")


def json_line(message: Message) -> None:
    """One message of a stream as one line of JSON."""
    sys.stdout.write(_json(message, indent=None) + "\n")
    sys.stdout.flush()


def _json(message: Message, indent: int | None) -> str:
    from google.protobuf.json_format import MessageToJson

    return MessageToJson(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True, indent=indent
    )


def _plain_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    texts = [[column.title for column in columns], *([_flat(cell) for cell in row] for row in rows)]
    widths = [max(_width(row[index]) for row in texts) for index in range(len(columns))]
    for row in texts:
        cells = (_pad(text, width, column.right) for text, width, column in zip(row, widths, columns, strict=True))
        line(_GAP.join(cells))


def _rich_table(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        wraps = column.flexible
        grid.add_column(column.title, justify="right" if column.right else "left", no_wrap=not wraps, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_flat(cell), style=_style(cell)) for cell in row))
    # Where the screen is too narrow for the columns that must not be cut, lines run over instead of losing text.
    width = max(shutil.get_terminal_size().columns, _least_width(columns, rows))
    console = Console(width=width, color_system="auto" if coloured() else None, highlight=False)
    console.print(grid)


def _least_width(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> int:
    total = 0
    for index, column in enumerate(columns):
        widest = max(len(column.title), *(_width(_flat(row[index])) for row in rows))
        total += len(_GAP) + (min(widest, _FLEXIBLE_WIDTH) if column.flexible else widest)
    return total


def _render(cell: Cell) -> str:
    text = printable(_text(cell))
    style = _style(cell)
    if not style or not coloured():
        return text
    if style in ("bold", "dim"):
        return click.style(text, bold=style == "bold" or None, dim=style == "dim" or None)
    return click.style(text, fg=style)


def _text(cell: Cell) -> str:
    return cell.text if isinstance(cell, Styled) else cell


def _style(cell: Cell) -> str:
    return cell.style if isinstance(cell, Styled) else ""


def _flat(cell: Cell) -> str:
    """A cell is one line, whatever is in it."""
    return printable(_text(cell).strip())


def _pad(text: str, width: int, right: bool) -> str:
    room = " " * (width - _width(text))
    return room + text if right else text + room


def _width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
