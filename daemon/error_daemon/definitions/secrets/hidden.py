"""Whatever is said of a file is printed and logged, so the secrets in it are starred out of that.

- In a message a value may be cut short and its control characters escaped (`complaints.quoted`): a beginning of a secret before a cut is
  starred, too. A secret of one or two letters is in every other word, and is starred only where a message quotes it alone.
- The line that is shown of a file has stars of the same length, so that columns stay as they are. Where a secret does not stand in one
  line just as it is (it is short, has an escape in it, or goes over several lines), none of its lines is shown.
- What could not be read (a key that is written twice; a whole file) was not looked through: no line of it is shown that may have a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from error_daemon.definitions.complaints import CUT, one_line
from error_daemon.definitions.files.yaml_nodes import Source
from error_daemon.definitions.secrets.found import may_have_a_secret, secrets_in
from error_daemon.errors import Problem

_SHORTEST = 3  # shorter ones are in every other word
_END = f"{CUT}`"


@dataclass(frozen=True, slots=True)
class Hiding:
    """Secrets, the lines that can't be shown for them (file and number of each), and the files that were looked through."""

    values: frozenset[str] = frozenset()
    lines: frozenset[tuple[str, int]] = frozenset()
    files: frozenset[str] = frozenset()


def hiding(sources: Iterable[Source]) -> Hiding:
    """All that is to be hidden of these files."""
    values: set[str] = set()
    dark: set[tuple[str, int]] = set()
    files: set[str] = set()
    for source in sources:
        files.add(source.file)
        dark.update((source.file, line) for line in source.skipped if may_have_a_secret(source.lines[line - 1]))
        for secret in secrets_in(source.data):
            values.add(secret.value)
            lines = source.lines_of(secret.loc)
            is_starred = len(secret.value) >= _SHORTEST and len(lines) == 1
            if not is_starred or secret.value not in source.lines[lines[0] - 1]:
                dark.update((source.file, line) for line in lines)
    return Hiding(frozenset(values), frozenset(dark), frozenset(files))


def hidden(problems: Iterable[Problem], secrets: Hiding) -> Iterator[Problem]:
    """The same problems, with stars where a secret was."""
    forms = {form for value in secrets.values for form in (value, one_line(value))}
    longest_first = sorted(forms, key=len, reverse=True)
    for problem in problems:
        shown = problem if _can_be_shown(problem, secrets) else replace(problem, width=0, text="")
        message, mend, text = (_starred(part, longest_first) for part in (shown.message, shown.mend, shown.text))
        yield replace(shown, message=message, mend=mend, text=text)


def _can_be_shown(problem: Problem, secrets: Hiding) -> bool:
    if (problem.file, problem.line) in secrets.lines:
        return False
    return problem.file in secrets.files or not may_have_a_secret(problem.text)


def _starred(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        stars = "*" * len(secret)
        if len(secret) < _SHORTEST:
            text = text.replace(f"`{secret}`", f"`{stars}`")
        else:
            text = _without_beginning(text.replace(secret, stars), secret)
    return text


def _without_beginning(text: str, secret: str) -> str:
    """Without the beginning of the secret before a cut."""
    at = text.find(_END)
    while at >= 0:
        most = min(at, len(secret) - 1)
        length = next((length for length in range(most, 0, -1) if text.endswith(secret[:length], 0, at)), 0)
        text = text[: at - length] + "*" * length + text[at:]
        at = text.find(_END, at + 1)
    return text
