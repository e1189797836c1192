"""A few numbers as a curve in one line of text."""

from __future__ import annotations

from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"


def bars(numbers: Sequence[float], most: float = 0.0) -> str:
    """Each as a bar; `most`, or else the largest, is a whole one. What is above nothing is more than the lowest."""
    full = most or max(numbers, default=0.0)
    return "".join(_bar(number, full) for number in numbers)


def newest(numbers: Sequence[float], columns: int) -> str:
    """The last of them that have room."""
    return bars(list(numbers)[-columns:])


def _bar(number: float, full: float) -> str:
    if number <= 0.0 or full <= 0.0:
        return _BARS[0]
    return _BARS[min(len(_BARS) - 1, max(1, round((len(_BARS) - 1) * number / full)))]
