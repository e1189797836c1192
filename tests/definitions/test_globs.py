"""Whether one glob is within another: never wrongly yes, and yes wherever people would see it."""

from __future__ import annotations

import fnmatch
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_daemon.definitions.meaning import globs
from error_daemon.definitions.meaning.globs import is_within

ALPHABET = "abc-]!"
glob = st.lists(st.sampled_from([*"ab*?-", "[ab]", "[!a]", "[a-c]", "[", "[]a]", "[!]"]), max_size=4).map("".join)
TEXTS = ["".join(letters) for length in range(5) for letters in product(ALPHABET, repeat=length)]


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("shop", "shop"),
        ("shop", "*"),
        ("shop-web", "shop-*"),
        ("shop-*", "shop*"),
        ("shop-?", "shop-*"),
        ("*-web-*", "*web*"),
        ("[a-c]x", "[a-z]?"),
        ("[!a]", "?"),
        ("a*b*c", "a*c"),
        ("**", "*"),
        ("", "*"),
        ("db[12]", "db[0-9]"),
    ],
)
def test_a_glob_is_within_one_that_takes_all_of_it(narrow: str, wide: str) -> None:
    assert is_within(narrow, wide)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("*", "shop"),
        ("shop*", "shop-*"),
        ("*", "?*"),
        ("?", "[!a]"),
        ("Shop", "shop"),
        ("a*", "*b"),
        ("[a-z]", "[a-y]"),
    ],
)
def test_a_glob_is_not_within_one_that_leaves_something_out(narrow: str, wide: str) -> None:
    assert not is_within(narrow, wide)


@given(glob, glob)
def test_it_is_what_fnmatch_says_of_every_short_text(narrow: str, wide: str) -> None:
    taken = [text for text in TEXTS if fnmatch.fnmatchcase(text, narrow)]
    missed = [text for text in taken if not fnmatch.fnmatchcase(text, wide)]
    if is_within(narrow, wide):
        assert missed == []


plain = st.lists(st.sampled_from("ab*?"), max_size=3).map("".join)
WITNESSES = ["".join(letters) for length in range(6) for letters in product("ab-", repeat=length)]


@given(plain, plain)
def test_no_is_said_only_where_a_text_shows_it(narrow: str, wide: str) -> None:
    if not is_within(narrow, wide):
        taken = (text for text in WITNESSES if fnmatch.fnmatchcase(text, narrow))
        assert any(not fnmatch.fnmatchcase(text, wide) for text in taken)


def test_a_walk_that_gets_too_long_says_no(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(globs, "MOST_STEPS", 10)
    globs._walk.cache_clear()
    assert not is_within("a*b*c", "a*c")
    globs._walk.cache_clear()


def test_the_worst_globs_are_decided_soon() -> None:
    assert not is_within("*a" + "?" * 60, "*b" + "?" * 61)
