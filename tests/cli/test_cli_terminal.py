"""What a person at a terminal sees: colours that can be turned off, tables that lose nothing, a question before forgetting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from error_recovery.v1 import recovery_pb2

if TYPE_CHECKING:
    from tests.cli.conftest import CannedDaemon, Cli


def test_a_table_on_a_terminal_has_colours_and_no_boxes(cli: Cli) -> None:
    code, seen = cli.run_on_terminal("errors", "list")
    assert code == 0
    assert "\x1b[31mfailed" in seen
    assert "\\x1b[31mred" in seen  # what came with the fault is shown, and does nothing
    assert not set("│─┃━") & set(seen)


@pytest.mark.parametrize("off", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_turned_off(cli: Cli, off: dict[str, str]) -> None:
    _, listed = cli.run_on_terminal("errors", "list", **off)
    _, status = cli.run_on_terminal("status", **off)
    assert "\x1b" not in listed + status
    assert "failed" in listed


def test_the_rings_are_drawn_as_bars(cli: Cli) -> None:
    _, seen = cli.run_on_terminal("status", NO_COLOR="1")
    assert "critical      0  1,024   0 %  ░░░░░░░░░░░░░░░░░░░░" in seen
    assert "high      3,072  4,096  75 %  ███████████████░░░░░" in seen


def test_a_narrow_screen_loses_nothing(cli: Cli, daemon: CannedDaemon) -> None:
    answer = daemon.answers["ListErrors"]
    assert isinstance(answer, recovery_pb2.ListErrorsResponse)
    answer.errors[0].message = " ".join(f"word{number}" for number in range(40))
    _, seen = cli.run_on_terminal("errors", "list", COLUMNS="60", NO_COLOR="1")
    for expected in ("3f2a9c0d11e4b7aa", "shop-web", "postgres", "verifying", "word39"):
        assert expected in seen
    assert "…" not in seen


@pytest.mark.parametrize(("typed", "exit_code", "said"), [("y\n", 0, "forgot 12 scores"), ("n\n", 1, "nothing was")])
def test_it_asks_before_it_forgets(cli: Cli, daemon: CannedDaemon, typed: str, exit_code: int, said: str) -> None:
    code, seen = cli.run_on_terminal("reset", "--learned", typed=typed)
    assert code == exit_code
    assert "Forget everything learned about all strategies? [y/N]" in seen
    assert said in seen
    assert len(daemon.requests) == (0 if exit_code else 1)


def test_a_watch_says_what_it_watches(cli: Cli, daemon: CannedDaemon) -> None:
    _, seen = cli.run_on_terminal("errors", "watch", "--once")
    assert f"watching all errors at {daemon.address}; Ctrl-C ends it\n" in seen
