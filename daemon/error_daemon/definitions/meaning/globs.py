"""Whether one glob takes every text that another takes.

A glob is a small automaton: after some letters it may be at several of its parts at once. `narrow` is within `wide` if no text
leads narrow to its end and wide not to its end, so both are walked together, over sets of places, and every pair of sets is looked at
once. Infinitely many letters behave in only finitely many ways: what two letters do differs only where a character that is written
in one of the globs, or the one right before or behind it, lies between them. So those characters, and one that is like no other, stand
for all.

Most globs have nothing to do with each other, and a text or two that narrow takes and wide does not shows that at once.
Sets of places can be many (2 to the number of parts), so the walk ends after `MOST_STEPS`; the answer is then no, which is safe: it
means "not known to be".
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

MOST_STEPS = 10_000
_LAST = 0x10FFFF
_OTHER = "\N{SYMBOL FOR NULL}"  # hardly anybody writes it
_Takes = Callable[[str], object]  # a letter; true where the part takes it
_Parts = tuple[_Takes | None, ...]  # None is a star
_Places = frozenset[int]


def is_within(narrow: str, wide: str) -> bool:
    """Whether `wide` takes every text that `narrow` takes. True is sure; False may mean: not known."""
    if narrow == wide or wide.strip("*") == "" != wide:
        return True
    takes = _pattern(wide).match
    return all(map(takes, _examples(narrow))) and _walk(narrow, wide)


@lru_cache(maxsize=8192)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(glob))


@lru_cache(maxsize=8192)
def _examples(glob: str) -> tuple[str, ...]:
    """Some texts that the glob takes; none where it takes nothing, or that is not easily seen."""
    letters = _letters(glob)
    found = []
    for star in ("", _OTHER):
        chosen = (star if part is None else next(filter(part, (_OTHER, *letters)), None) for part in _parts(glob))
        text = [letter for letter in chosen if letter is not None]
        if len(text) == len(_parts(glob)):
            found.append("".join(text))
    return tuple(found)


@lru_cache(maxsize=8192)
def _walk(narrow: str, wide: str) -> bool:
    first, second = _parts(narrow), _parts(wide)
    letters = _letters(narrow + wide)
    start = _closed(first, {0}), _closed(second, {0})
    seen, ahead, steps = {start}, [start], 0
    while ahead:
        here, there = ahead.pop()
        if len(first) in here and len(second) not in there:
            return False
        for letter in letters:
            steps += 1
            pair = _step(first, here, letter), _step(second, there, letter)
            if pair[0] and pair not in seen:
                seen.add(pair)
                ahead.append(pair)
        if steps > MOST_STEPS:
            return False
    return True


@lru_cache(maxsize=8192)
def _parts(glob: str) -> _Parts:
    return tuple(_part(token) for token in _tokens(glob))


def _part(token: str) -> _Takes | None:
    if token == "*":
        return None
    if len(token) == 1 and token != "?":
        return lambda letter: letter == token
    return _pattern(token).match  # `?` or a set, and what is in the set is for fnmatch to say


def _tokens(glob: str) -> Iterator[str]:
    """A star, a question mark, a set with its brackets, or a letter; a bracket that nothing closes is a letter."""
    at = 0
    while at < len(glob):
        end = at + 1
        if glob[at] == "[":
            inside = at + 1 + (glob[at + 1 : at + 2] == "!")
            close = glob.find("]", inside + 1)  # one that stands first is a member
            end = close + 1 if close > 0 else end
        yield glob[at:end]
        at = end


def _letters(text: str) -> list[str]:
    """One for every way in which a letter may behave."""
    codes = {code for letter in text for code in (ord(letter) - 1, ord(letter), ord(letter) + 1)}
    codes |= {0, _LAST}
    return [chr(code) for code in sorted(codes) if 0 <= code <= _LAST]


def _closed(parts: _Parts, places: set[int]) -> _Places:
    """With the places behind the stars, which take nothing if they like."""
    ahead = list(places)
    while ahead:
        place = ahead.pop()
        if place < len(parts) and parts[place] is None and place + 1 not in places:
            places.add(place + 1)
            ahead.append(place + 1)
    return frozenset(places)


def _step(parts: _Parts, places: _Places, letter: str) -> _Places:
    reached = set()
    for place in places:
        if place == len(parts):
            continue
        takes = parts[place]
        if takes is None:
            reached.add(place)
        elif takes(letter):
            reached.add(place + 1)
    return _closed(parts, reached)
