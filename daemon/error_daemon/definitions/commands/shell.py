"""The commands in a script for a shell, as far as that can be told without being one.

Words end at blanks and operators; quotes and backslashes are taken off; redirections and comments are no words. What is put together of
variables stays as it is written. The commands of a substitution are commands, too. What follows a here-document, and a script with
a quote that nothing closes, is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_QUOTED = r"'[^']*'|\"(?:\\.|[^\"\\])*\""
_WORD = rf"(?:\\.|{_QUOTED}|[^\s;&|()<>'\"\\`])+"
_TOKEN = re.compile(
    rf"""(?P<blank>[ \t\r]+|\\\n)
    |(?P<comment>\#[^\n]*)
    |(?P<document>\d*<<-?(?!<).*)
    |(?P<redirection>(?:\d*(?:<<<|<>|<&|>>|>&|>\||<|>)|&>>?)[ \t]*(?:{_WORD})?)
    |(?P<operator>[;&|()\n`]+)
    |(?P<word>{_WORD})""",
    re.VERBOSE | re.DOTALL,
)
_SUBSTITUTION = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\+?=")
_RESERVED = frozenset(
    ["!", "{", "}", "if", "then", "else", "elif", "fi", "while", "until", "do", "done", "esac", "exec", "command"]
)


def commands_in(script: str) -> Iterator[tuple[str, ...]]:
    """Program and arguments of each, in their order."""
    words: list[str] = []
    for kind, text in _tokens(script):
        if kind == "word":
            if words or not (text in _RESERVED or _ASSIGNMENT.match(text)):
                words.append(_plain(text))
            for substitution in _SUBSTITUTION.finditer("".join(re.findall(r'"(?:\\.|[^"\\])*"', text))):
                yield from commands_in(substitution[1] or substitution[2] or "")
        elif kind == "operator" and words:
            yield tuple(words)
            words = []
    if words:
        yield tuple(words)


def _tokens(script: str) -> list[tuple[str, str]]:
    """None of a script that can't be read to its end."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(script):
        token = _TOKEN.match(script, at)
        if token is None:
            return []
        found.append((str(token.lastgroup), token[0]))
        at = token.end()
    return found


def _plain(word: str) -> str:
    """Without quotes and backslashes."""
    return re.sub(rf"{_QUOTED}|\\.", lambda found: _unquoted(found[0]), word, flags=re.DOTALL)


def _unquoted(text: str) -> str:
    if text[0] == "'":
        return text[1:-1]
    return re.sub(r'\\([$`"\\])', r"\1", text[1:-1]) if text[0] == '"' else text[1:]
