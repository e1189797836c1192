"""The terminal, by curses: it sends what has changed and nothing else, which is what a slow link needs; it knows every TERM; and it is in
every Python's standard library (docs/decisions/ has what else was weighed).

Whatever ends the program, the terminal is left as it was: on the way out of `terminal`, be it by an exception, Ctrl-C or SIGTERM.
"""

from __future__ import annotations

import curses
import locale
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType

from error_cli.failure import Exit, Failure
from error_cli.lines import Styled
from error_cli.top import screen
from error_cli.top.page import CHOSEN

_WAIT_MS = 100  # for a key, before it is looked for what the daemon has answered
_KEYS = {
    curses.KEY_UP: screen.UP,
    curses.KEY_DOWN: screen.DOWN,
    curses.KEY_PPAGE: screen.PAGE_UP,
    curses.KEY_NPAGE: screen.PAGE_DOWN,
    curses.KEY_HOME: screen.HOME,
    curses.KEY_END: screen.END,
    curses.KEY_ENTER: screen.ENTER,
    curses.KEY_BACKSPACE: screen.BACKSPACE,
    curses.KEY_LEFT: screen.LEFT,
    curses.KEY_RIGHT: screen.ENTER,
}
_CHARACTERS = {
    "\n": screen.ENTER,
    "\r": screen.ENTER,
    "\x1b": screen.ESCAPE,
    "\x7f": screen.BACKSPACE,
    "\b": screen.BACKSPACE,
}
_COLOURS = {
    "red": curses.COLOR_RED,
    "green": curses.COLOR_GREEN,
    "yellow": curses.COLOR_YELLOW,
    "cyan": curses.COLOR_CYAN,
}


class Terminal:
    def __init__(self, window: curses.window, *, coloured: bool) -> None:
        self._window = window
        self._window.keypad(True)
        self._window.timeout(_WAIT_MS)
        self._looks = {"": curses.A_NORMAL, "bold": curses.A_BOLD, "dim": curses.A_DIM, CHOSEN: curses.A_REVERSE}
        with suppress(curses.error):
            curses.curs_set(0)
        if coloured and curses.has_colors():
            curses.use_default_colors()
            for number, (name, colour) in enumerate(_COLOURS.items(), 1):
                curses.init_pair(number, colour, -1)
                self._looks[name] = curses.color_pair(number)
        self._encoding = locale.getpreferredencoding(False)

    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        rows, columns = self._window.getmaxyx()
        return columns, rows

    def draw(self, lines: Sequence[Sequence[Styled]]) -> None:
        """Send what has changed since the last time."""
        self._window.erase()
        for row, line in enumerate(lines):
            with suppress(
                curses.error
            ):  # the terminal has become smaller, or the last cell was written: the cursor cannot go on
                self._window.move(row, 0)
                for text, style in line:
                    self._window.addstr(self._sendable(text), self._look(style))
        self._window.refresh()

    def _look(self, style: str) -> int:
        look = curses.A_NORMAL
        for name in style.split():
            look |= self._looks.get(name, curses.A_NORMAL)
        return look

    def _sendable(self, text: str) -> str:
        return text.encode(self._encoding, "replace").decode(self._encoding)

    def key(self) -> str:
        """A key, screen.RESIZED, or "" when none was pressed for a moment."""
        try:
            pressed = self._window.get_wch()
        except curses.error:
            return ""
        if pressed == curses.KEY_RESIZE:
            return screen.RESIZED
        if isinstance(pressed, int):
            return _KEYS.get(pressed, "")
        return _CHARACTERS.get(pressed, pressed)


@contextmanager
def terminal() -> Iterator[Terminal]:
    """Raises Failure where it is none that anything can be drawn on."""
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    os.environ.setdefault("ESCDELAY", "25")
    for name in (
        "LINES",
        "COLUMNS",
    ):  # of who started it, as readline leaves them: curses would keep to them whatever the size is
        os.unsetenv(name)
    try:
        window = curses.initscr()
    except curses.error as error:
        name = os.environ.get("TERM", "")
        raise Failure(
            Exit.USAGE, f"the terminal {name!r} is not known here: {error}", "see: error-cli top --once"
        ) from error
    before = signal.signal(signal.SIGTERM, _ended)
    try:
        curses.noecho()
        curses.cbreak()
        with suppress(curses.error):
            curses.start_color()
        yield Terminal(window, coloured=not os.environ.get("NO_COLOR"))
    finally:
        signal.signal(signal.SIGTERM, before)
        window.keypad(False)
        with suppress(curses.error):
            curses.nocbreak()
            curses.echo()
            curses.endwin()


def _ended(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)
