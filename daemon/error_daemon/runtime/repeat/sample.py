"""A text that a pattern matches, so that a fault can be made that a rule is for.

Globs and regular expressions are patterns of Python by now. Python's own reading of one (the parser of the module `re`) is walked, and
the least is taken of everything: no repetition that need not be, the first branch, the first character of a class. What comes out is tried:
look-arounds and anchors in odd places may want more than that, and then there is no text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

if sys.version_info >= (3, 11):
    from re import _constants as _c  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
else:
    import sre_constants as _c
    import sre_parse as _parser

_CATEGORIES = {"CATEGORY_DIGIT": "0", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a"}
_ANY = "x"
_PLAIN = "xa0-_ .:/" + "".join(map(chr, range(33, 127))) + "é\n"  # what a class that says what it is not may be


def text_for(pattern: re.Pattern[str] | None, *likely: str) -> str | None:
    """The first of `likely` that fits, else a text that does; None where none was found. Without a pattern everything fits."""
    for text in likely:
        if pattern is None or pattern.fullmatch(text):
            return text
    if pattern is None:
        return ""
    try:
        text = _Sample().of(_parser.parse(pattern.pattern, pattern.flags & ~re.DEBUG))
    except (KeyError, ValueError, RecursionError, re.error):
        return None
    return text if pattern.fullmatch(text) else None


class _Sample:
    def __init__(self) -> None:
        self._groups: dict[int, str] = {}

    def of(self, parsed: Any) -> str:
        return "".join(self._one(name, what) for name, what in parsed)

    def _one(self, name: Any, what: Any) -> str:
        if name is _c.LITERAL:
            return chr(what)
        if name is _c.NOT_LITERAL:
            return _plain(lambda char: ord(char) != what)
        if name is _c.ANY:
            return _ANY
        if name is _c.IN:
            return _of_class(what)
        if name in (_c.MAX_REPEAT, _c.MIN_REPEAT, getattr(_c, "POSSESSIVE_REPEAT", None)):
            least, _, inner = what
            return "".join(self.of(inner) for _ in range(least))
        if name is _c.BRANCH:
            return self.of(what[1][0])
        return self._grouped(name, what)

    def _grouped(self, name: Any, what: Any) -> str:
        if name is _c.SUBPATTERN:
            text = self.of(what[3])
            if what[0] is not None:
                self._groups[what[0]] = text
            return text
        if name is getattr(_c, "ATOMIC_GROUP", None):
            return self.of(what)
        if name is _c.GROUPREF:
            return self._groups[what]
        if name is _c.ASSERT:  # what is seen ahead is taken by what follows: globs of Python 3.10 are written so
            self.of(what[1])
        return ""


def _of_class(members: list[Any]) -> str:
    if members[0][0] is _c.NEGATE:
        taken = re.compile(f"[^{''.join(map(_written, members[1:]))}]")
        return _plain(lambda char: taken.fullmatch(char) is not None)
    name, what = members[0]
    if name is _c.RANGE:
        return chr(what[0])
    return chr(what) if name is _c.LITERAL else _CATEGORIES[str(what)]


def _plain(is_taken: Callable[[str], bool]) -> str:
    """Raises ValueError where no plain character is."""
    for char in _PLAIN:
        if is_taken(char):
            return char
    raise ValueError("no plain character fits")


def _written(member: tuple[Any, Any]) -> str:
    """A member of a class, as a pattern has it."""
    name, what = member
    if name is _c.RANGE:
        return f"{re.escape(chr(what[0]))}-{re.escape(chr(what[1]))}"
    if name is _c.LITERAL:
        return re.escape(chr(what))
    return {"CATEGORY_DIGIT": r"\d", "CATEGORY_SPACE": r"\s", "CATEGORY_WORD": r"\w"}[str(what)]
