"""The source around where an exception was raised, for the end of its stack trace.

    Source of sell (/srv/shop/stock.py:12):
        10 |     stock = read(path)
        11 |     for item in order:
      > 12 |         stock[item] -= 1
        13 |     write(path, stock)
      with item = 'apple', order = ['apple']

Told of the two innermost frames of the application, for that is where a reader looks first. The last line is there only
where values of local variables are asked for; their keys and values are scrubbed like attributes, and each is cut.
"""

from __future__ import annotations

import linecache
import reprlib
from collections.abc import Sequence
from types import FrameType

from error_recovery.disclosure import Disclosure

_FRAMES = 2
_LINE_CHARACTERS = 120
_LOCALS = 16

_short = reprlib.Repr()
_short.maxstring = _short.maxother = _short.maxlong = 80


def source_of(frames: Sequence[tuple[FrameType, int]], disclosure: Disclosure) -> str:
    """The text for `frames` (with their lines), which are the application's, innermost last. Never raises."""
    if disclosure.source_lines <= 0 and not disclosure.tells_locals:
        return ""
    try:
        return "".join(_of_frame(frame, line, disclosure) for frame, line in frames[: -_FRAMES - 1 : -1])
    except Exception as problem:  # noqa: BLE001  source is read by loaders of others, values are printed by their own __repr__
        return f"(the source cannot be shown: {type(problem).__name__})\n"


def _of_frame(frame: FrameType, line: int, disclosure: Disclosure) -> str:
    file = frame.f_code.co_filename
    head = f"Source of {frame.f_code.co_name} ({file}:{line}):\n"
    shown = []
    for number in range(max(1, line - disclosure.source_lines), line + disclosure.source_lines + 1):
        text = linecache.getline(file, number, frame.f_globals).rstrip()
        if text or number == line:
            shown.append(f"  {'>' if number == line else ' '} {number} | {text[:_LINE_CHARACTERS]}\n")
    lines = disclosure.cleaned("".join(shown)) if disclosure.source_lines > 0 and len(shown) > 0 else ""
    return head + lines + (_locals_of(frame, disclosure) if disclosure.tells_locals else "")


def _locals_of(frame: FrameType, disclosure: Disclosure) -> str:
    names = [name for name in frame.f_locals if not name.startswith("__")][:_LOCALS]
    values = [f"{name} = {disclosure.cleaned_value(name, _short.repr(frame.f_locals[name]))}" for name in names]
    return f"  with {', '.join(values)}\n" if values else ""
