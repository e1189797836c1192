"""On a terminal no line is wider than the screen, however long the names are, and nothing of them is lost."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from error_cli.lines import pieces, text_width
from tests.cli.test_cli_answers import COMMANDS

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli

DEFINITIONS = str(Path(__file__).parents[2] / "etc" / "recovery" / "definitions")
LONG = "shop-database-cluster-of-the-warehouse-in-frankfurt-primary-replica-0123456789"
NAMES = {"target", "subject", "strategy_id", "component", "rule", "probe", "operation", "node"}
ARGUMENTS = [
    *(arguments for _, arguments in COMMANDS.values()),
    ["errors", "watch", "--once"],
    ["report", "disk full", "--wait=1"],
    ["metrics", "--all"],
    ["diagnose"],
    ["diagnose", "--all"],
    ["tune", "show"],
    ["replay", "--definitions", DEFINITIONS],
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_no_line_is_wider_than_80_columns(cli: Cli, daemon: CannedDaemon, arguments: list[str]) -> None:
    _, plain = cli.run_on_terminal(*arguments, COLUMNS="80", TERM="dumb")
    for answer in _all(daemon.answers.values()):
        _lengthen(answer)
    _, seen = cli.run_on_terminal(*arguments, COLUMNS="80", TERM="dumb")
    for line in (plain + seen).splitlines():
        assert len(line) <= 80, line
    assert "\x1b" not in plain + seen  # TERM=dumb: neither colours nor a line that is written over


@pytest.mark.parametrize("arguments", [["brakes"], ["approvals"], ["errors", "list"], ["explain", "a1"]], ids=" ".join)
def test_a_long_name_is_broken_and_not_cut(cli: Cli, daemon: CannedDaemon, arguments: list[str]) -> None:
    for answer in _all(daemon.answers.values()):
        _lengthen(answer)
    _, seen = cli.run_on_terminal(*arguments, COLUMNS="80", NO_COLOR="1")
    assert LONG in re.sub(r"\n *", "", seen)


def test_into_a_pipe_a_row_is_one_line_at_any_length(cli: Cli, daemon: CannedDaemon) -> None:
    for answer in _all(daemon.answers.values()):
        _lengthen(answer)
    rows = cli.run("brakes", COLUMNS="80").stdout.splitlines()
    assert len(rows) == 4
    assert any(len(row) > 120 for row in rows)


def test_a_wide_screen_shows_a_table_and_a_narrow_one_its_texts_beneath(cli: Cli) -> None:
    _, wide = cli.run_on_terminal("errors", "list", NO_COLOR="1")
    assert re.search(r"COMPONENT +TARGET +MESSAGE\n", wide)
    _, narrow = cli.run_on_terminal("errors", "list", COLUMNS="80", NO_COLOR="1")
    assert "\n    shop-web → postgres: no answer on 5432\n" in narrow


def test_the_timeline_goes_on_under_its_text(cli: Cli) -> None:
    _, seen = cli.run_on_terminal("errors", "show", "3f2a9c0d11e4b7aa", COLUMNS="80", NO_COLOR="1")
    assert re.search(r"\n  2023-11-14 22:13:20  level 2  attempt   restart-db: .*\n {23}\S.*persisting\n", seen)


def test_no_pager_is_started(cli: Cli) -> None:
    code, seen = cli.run_on_terminal("metrics", "--all", PAGER="false", LESS="")
    assert code == 0
    assert "learned so far" in seen


@given(st.text(alphabet="ab - 日é\u0301", max_size=80), st.integers(2, 12), st.integers(2, 12))
def test_the_pieces_of_a_text_fit_and_lose_nothing_but_spaces(text: str, room: int, later_room: int) -> None:
    found = [text[start:end] for start, end in pieces(text, room, later_room)]
    assert "".join(found).replace(" ", "") == text.replace(" ", "")
    for number, one in enumerate(found):
        assert text_width(one) <= (later_room if number else room)
    assert text_width(text) == sum(2 if char == "日" else 0 if unicodedata.combining(char) else 1 for char in text)


def _all(answers: object) -> Iterator[Message]:
    for answer in answers:  # type: ignore[attr-defined]
        yield from answer if isinstance(answer, Sequence) else [answer]


def _lengthen(message: Message) -> None:
    """Every name in it becomes one that fills a screen."""
    for field, value in message.ListFields():
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        if field.message_type is not None and not is_map:
            for part in value if isinstance(value, Sequence) else [value]:
                _lengthen(part)
        elif field.name in NAMES:
            setattr(message, field.name, f"{value}-{LONG}")
