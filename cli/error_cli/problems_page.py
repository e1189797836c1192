"""What is wrong in files that a person wrote, with the line as it stands there and what of it is meant:

    etc/shop.yaml:12:13: error: no probe is called `shop-sels` (did you mean `shop-sells`?)
       12 |     probes: [shop-sels]
          |              ^^^^^^^^^

A line that is too long for the terminal is cut around what is meant, and a cut shows as `…`. Whatever a terminal would take for a
command is shown instead (lines.py); the carets stand below what is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from error_cli.failure import Exit, Failure
from error_cli.lines import Cell, Styled, line, printable, screen_width, text_of, text_width
from error_cli.phrase import count

_STYLES = {False: "red", True: "yellow"}
_NUMBER_WIDTH = 5
_BEFORE = 20  # what is left of what is meant is kept to this, where a line has to be cut
_LONGEST = 200  # into a pipe, where there is no width: beyond this nobody reads


class Problem(Protocol):
    """As the wire has it (DefinitionProblem), and as `python -m error_daemon.runtime.validation` says it."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def message(self) -> str: ...
    @property
    def mend(self) -> str: ...
    @property
    def width(self) -> int: ...
    @property
    def text(self) -> str: ...
    @property
    def is_warning(self) -> bool: ...


def print_problems(problems: Sequence[Problem]) -> None:
    """All of them on standard output, and how many there are."""
    for problem in problems:
        for parts in _lines(problem):
            line(*parts)
    if problems:
        line(Styled(counted(problems), "bold"))


def problem_lines(problems: Sequence[Problem]) -> list[str]:
    """The same lines without any look, and without the last one."""
    return ["".join(text_of(part) for part in parts) for problem in problems for parts in _lines(problem)]


def refused(problems: Sequence[Problem], *more: str) -> Failure:
    """The daemon takes none of these definitions. `more`: sentences at the end."""
    return Failure(Exit.REFUSED, f"{counted(problems)} in the definitions", *problem_lines(problems), *more)


def counted(problems: Sequence[Problem]) -> str:
    """ "1 error, 2 warnings"; what there is none of is left out."""
    warnings = sum(problem.is_warning for problem in problems)
    errors = len(problems) - warnings
    said = [count(number, noun) for number, noun in ((errors, "error"), (warnings, "warning")) if number]
    return ", ".join(said) or "no errors"


def _lines(problem: Problem) -> Iterator[Sequence[Cell]]:
    place = f"{problem.file}:{problem.line}:{problem.column}: " if problem.line else f"{problem.file}: "
    style = _STYLES[problem.is_warning]
    word = Styled("warning:" if problem.is_warning else "error:", style)
    mend = f" ({problem.mend})" if problem.mend else ""
    yield Styled(place, "bold"), word, f" {problem.message}{mend}"
    if not problem.line or not problem.width:
        return
    before, meant, after = _shown(problem)
    number = Styled(f"{problem.line:>{_NUMBER_WIDTH}} | ", "dim")
    yield number, before, Styled(meant, style), after
    margin = Styled(" " * _NUMBER_WIDTH + " | ", "dim")
    yield margin, " " * text_width(before), Styled("^" * max(1, text_width(meant)), style)


def _shown(problem: Problem) -> tuple[str, str, str]:
    """The line before what is meant, what is meant, and what follows, as they are shown."""
    start = problem.column - 1
    parts = problem.text[:start], problem.text[start : start + problem.width], problem.text[start + problem.width :]
    before, meant, after = (printable(part.replace("\t", " ")) for part in parts)
    room = (screen_width() or _LONGEST) - _NUMBER_WIDTH - len(" | ")
    after = after.rstrip()
    if text_width(before) + text_width(meant) + text_width(after) <= room:
        return before, meant, after
    if len(before) > _BEFORE and text_width(before) + text_width(meant) > room:
        before = "…" + before[1 - _BEFORE :]
    meant = _cut(meant, room - text_width(before))
    return before, meant, _cut(after, room - text_width(before) - text_width(meant))


def _cut(text: str, room: int) -> str:
    """`text`, with its end replaced where it does not fit."""
    if text_width(text) <= room:
        return text
    while text and text_width(text) >= room:
        text = text[: min(len(text) - 1, room)]
    return text + "…" if room > 0 else ""
