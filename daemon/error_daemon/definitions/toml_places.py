"""Where in a TOML text each key and its value stand. TOML libraries give values, but no places.

The text was parsed before, so it is well formed, and this scanner only needs to know where things begin and end: it steps over
comments and strings, keeps the table of the last `[header]`, and descends into inline tables. Elements of arrays get no places
of their own; of the tables of an array `[[name]]`, the last one counts.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_BLANK = re.compile(r"(?:[\s,]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:\\.|[^"\\\n])*"' r"|'[^'\n]*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]+")


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Counted from 1, columns in characters."""

    key: tuple[int, int]  # line, column
    value: tuple[int, int]


def places(text: str) -> dict[tuple[str, ...], KeyPlace]:
    """The place of every key path, as `("ring", "slot_bytes")`. A table has the place of its header for both."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._found: dict[tuple[str, ...], KeyPlace] = {}

    def run(self) -> dict[tuple[str, ...], KeyPlace]:
        table: tuple[str, ...] = ()
        while self._skip(_BLANK) and self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
        return self._found

    def _header(self) -> tuple[str, ...]:
        start = self._at
        brackets = 2 if self._text.startswith("[[", start) else 1
        self._at += brackets
        table = self._dotted()
        self._at += brackets
        self._keep(KeyPlace(self._place(start), self._place(start)), table, 0)
        return table

    def _pair(self, table: tuple[str, ...]) -> None:
        self._skip(_SPACE)
        start = self._at
        path = table + self._dotted()
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._keep(KeyPlace(self._place(start), self._place(self._at)), path, len(table))
        self._value(path)

    def _keep(self, place: KeyPlace, path: tuple[str, ...], known: int) -> None:
        """`a.b = 1` makes the table a, too, and so does [a.b]; the first `known` keys of the path were there before."""
        for depth in range(known + 1, len(path)):
            self._found.setdefault(path[:depth], place)
        self._found[path] = place

    def _value(self, path: tuple[str, ...]) -> None:
        opening = self._text[self._at]
        if opening in "{[":
            self._at += 1
            while self._skip(_BLANK) and self._text[self._at] not in "}]":
                if opening == "{":
                    self._pair(path)
                else:
                    self._value(path)
            self._at += 1
        elif not self._take(_STRING):
            self._take(_BARE_VALUE)

    def _dotted(self) -> tuple[str, ...]:
        keys = []
        while True:
            self._skip(_SPACE)
            keys.append(self._take(_BARE_KEY) or tomllib.loads(f"key = {self._take(_STRING)}")["key"])
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return tuple(keys)
            self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        self._take(pattern)
        return True

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _place(self, index: int) -> tuple[int, int]:
        return self._text.count("\n", 0, index) + 1, index - self._text.rfind("\n", 0, index)
