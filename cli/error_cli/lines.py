"""One line for a person: its colours, and how it is kept within the terminal.

On a terminal: colours, and no line is wider than the screen. A line that would be is broken at a space, else in the middle of a
word, and goes on further in: the terminal would break it too, and anywhere. Into a pipe or file: no colour, and nothing is broken.
NO_COLOR (https://no-color.org) and TERM=dumb turn colours off.

Texts of faults come from anywhere. Whatever is printed goes through `printable`, which shows control characters and
direction overrides instead of sending them to the operator's terminal.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import click

_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_BREAKS = re.compile(r"[\t\r\n]+")
_LEAST_ROOM = 8  # columns for a text beside what is before it, however narrow the screen is
HANG = 4  # how much further in a broken line goes on


class Styled(NamedTuple):
    """A text and its look on a terminal: a colour name, `bold` or `dim`."""

    text: str
    style: str = ""


Cell = str | Styled


def printable(text: str) -> str:
    """`text` as one line, with everything that would steer a terminal made visible."""
    return _UNPRINTABLE.sub(_visible, _BREAKS.sub(" ", text))


def on_terminal() -> bool:
    return sys.stdout.isatty()


def coloured() -> bool:
    return on_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def screen_width() -> int:
    """Columns of the terminal (COLUMNS, else what it says, else 80); 0 into a pipe or a file, which have none."""
    return shutil.get_terminal_size().columns if on_terminal() else 0


def line(*parts: Cell, hang: int | None = None) -> None:
    """One line on standard output. Where it must be broken, it goes on `hang` columns in; by default a little more than it began."""
    clean = [Styled(printable(text_of(part)), style_of(part)) for part in parts]
    for one in fitted(clean, screen_width(), hang) if on_terminal() else [clean]:
        sys.stdout.write("".join(map(_render, one)).rstrip() + "\n")
    sys.stdout.flush()  # somebody may be watching, through a pipe too


def note(sentence: str) -> None:
    """One line on standard error: said to a person, and no part of the answer."""
    text = printable(sentence)
    if not sys.stderr.isatty():
        print(text, file=sys.stderr)
        return
    for one in fitted([Styled(text)], shutil.get_terminal_size().columns, None):
        print("".join(part.text for part in one), file=sys.stderr)


def text_width(text: str) -> int:
    """Columns that `text` takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def text_of(cell: Cell) -> str:
    return cell.text if isinstance(cell, Styled) else cell


def style_of(cell: Cell) -> str:
    return cell.style if isinstance(cell, Styled) else ""


def pieces(text: str, room: int, later_room: int) -> Iterator[tuple[int, int]]:
    """Where the lines of `text` begin and end, without the spaces between them: the first within `room` columns."""
    start = 0
    while start < len(text):
        end = end_within(text, start, room)
        if end < len(text):
            end = _word_end(text, start, end, later_room)
        yield start, end
        start = end
        while start < len(text) and text[start] == " ":
            start += 1
        room = later_room


def _word_end(text: str, start: int, end: int, later_room: int) -> int:
    """Where to break `text` at `end` or before: at a space, unless the word behind it would have to be broken anyway."""
    space = text.rfind(" ", start, end + 1)
    if space <= start or not text[start:space].strip():  # nothing but the spaces that it begins with
        return end
    next_space = text.find(" ", space + 1)
    word = text[space + 1 : next_space if next_space >= 0 else len(text)]
    return space if text_width(word) <= later_room else end


def fitted(parts: Sequence[Styled], columns: int, hang: int | None) -> Iterator[list[Styled]]:
    """The parts of each line of a text that may be wider than the screen."""
    text = "".join(part.text for part in parts).rstrip()
    if text_width(text) <= columns:
        yield list(parts)
        return
    inward = len(text) - len(text.lstrip()) + HANG if hang is None else hang
    inward = max(0, min(inward, columns - 2 * _LEAST_ROOM))
    for start, end in pieces(text, columns, columns - inward):
        indent = [Styled(" " * inward)] if start else []
        yield [*indent, *_cut(parts, start, end)]


def _cut(parts: Sequence[Styled], start: int, end: int) -> Iterator[Styled]:
    """What of `parts` stands from `start` to `end` of their joined text."""
    at = 0
    for part in parts:
        text = part.text[max(0, start - at) : max(0, end - at)]
        at += len(part.text)
        if text:
            yield Styled(text, part.style)


def end_within(text: str, start: int, room: int) -> int:
    """Behind the last character that fits; at least one does."""
    if text.isascii():
        return min(len(text), start + max(1, room))
    taken = 0
    for at in range(start, len(text)):
        taken += _char_width(text[at])
        if taken > room and at > start:
            return at
    return len(text)


def _char_width(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _render(part: Styled) -> str:
    text, style = part
    if not style or not coloured():
        return text
    if style in ("bold", "dim"):
        return click.style(text, bold=style == "bold" or None, dim=style == "dim" or None)
    return click.style(text, fg=style)


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
