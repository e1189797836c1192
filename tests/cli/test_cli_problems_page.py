"""Problems with the line that they stand in, and carets below what is meant: whatever the line is made of, and however narrow the
terminal is."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from error_cli import lines, problems_page
from error_cli.lines import text_width
from error_cli.problems_page import counted, problem_lines
from error_recovery.v1.recovery_pb2 import DefinitionProblem


def test_a_problem_stands_with_its_line_and_carets_below_what_is_meant() -> None:
    problem = DefinitionProblem(
        file="etc/shop.yaml",
        line=12,
        column=14,
        message="no probe is called `shop-sels`",
        mend="did you mean `shop-sells`?",
        width=9,
        text="    probes: [shop-sels]",
    )
    assert problem_lines([problem]) == [
        "etc/shop.yaml:12:14: error: no probe is called `shop-sels` (did you mean `shop-sells`?)",
        "   12 |     probes: [shop-sels]",
        "      |              ^^^^^^^^^",
    ]


def test_a_problem_without_a_place_is_one_line() -> None:
    problem = DefinitionProblem(file="etc", message="there is no such directory", is_warning=True)
    assert problem_lines([problem]) == ["etc: warning: there is no such directory"]


@pytest.mark.parametrize(
    ("errors", "warnings", "said"),
    [(0, 0, "no errors"), (1, 0, "1 error"), (0, 2, "2 warnings"), (2, 1, "2 errors, 1 warning")],
)
def test_errors_and_warnings_are_counted_apart(errors: int, warnings: int, said: str) -> None:
    assert counted([*[DefinitionProblem()] * errors, *[DefinitionProblem(is_warning=True)] * warnings]) == said


def test_wide_characters_tabs_and_controls_do_not_move_the_carets() -> None:
    text = "\tname: 漢字\x1b[31m wrong"
    problem = DefinitionProblem(file="a", line=1, column=text.index("wrong") + 1, message="m", width=5, text=text)
    _, shown, carets = problem_lines([problem])
    assert "\x1b" not in shown
    assert text_width(shown[: shown.index("wrong")]) == carets.index("^")
    assert carets.count("^") == 5


@given(
    before=st.text(st.characters(blacklist_categories=["Cs"]), max_size=300),
    meant=st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=300),
    after=st.text(st.characters(blacklist_categories=["Cs"]), max_size=300),
    columns=st.integers(40, 200),
)
def test_no_line_of_the_file_runs_over_the_terminal(before: str, meant: str, after: str, columns: int) -> None:
    problem = DefinitionProblem(
        file="a", line=1, column=len(before) + 1, message="m", width=len(meant), text=before + meant + after
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(problems_page, "screen_width", lambda: columns)
        _, shown, carets = problem_lines([problem])
    assert text_width(shown) <= columns
    assert text_width(carets) <= columns
    assert "^" in carets


def test_into_a_pipe_there_is_no_width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"COLUMNS": "40"})
    assert lines.screen_width() == 0
