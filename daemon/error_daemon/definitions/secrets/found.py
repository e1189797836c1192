"""What in a file is a secret, going by how such things are named.

A secret is:

- the value of a header that carries one (Authorization, Cookie, X-Api-Key, anything with token, secret or password in its name),
- the value of a variable whose name says so (PASSWORD, TOKEN, SECRET, API_KEY, ...),
- user:password@ in a URL, and a parameter of its query that is named so,
- an argument of a command: --password=..., --token ..., PGPASSWORD=..., a header for curl.

The name must end so: TOKEN_FILE and PASSWORD_LENGTH are about something else. A value that is filled in later (`${...}` and nothing
else) is none, and neither is one that is empty, a small number or a yes or no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from error_daemon.definitions.complaints import Loc

_WORD = r"(pass(word|wd|phrase)?|pwd|token|secret|(api|access|private|secret)[-_]?key([-_]base)?|credentials?|bearer)"
_NAME = re.compile(rf"(^|[-_.]|(?-i:(?<=[a-z])(?=[A-Z]))|pg|mysql|redis|db){_WORD}([-_.]?[0-9]+)?$", re.IGNORECASE)
_HEADER = re.compile(r"(proxy-)?authorization|(set-)?cookie|x-auth.*", re.IGNORECASE)
_NO_SECRET = re.compile(r"(old)?pwd", re.IGNORECASE)  # a directory
_NO_VALUE = re.compile(r"(true|false|yes|no|on|off|none|null|[0-9]{1,3})?", re.IGNORECASE)  # ALLOW_EMPTY_PASSWORD=yes
_IN_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^/@\s:]*:([^@/\s]+)@", re.IGNORECASE)
_IN_QUERY = re.compile(rf"[?&]({_WORD}|sig|signature|access[-_]token)=([^&#\s]+)", re.IGNORECASE)
_OPTION = re.compile(r"--?([A-Za-z][\w.-]*)(?:=(.*))?", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.+)", re.DOTALL)
_HEADER_LINE = re.compile(r"([A-Za-z][\w-]*):\s*(\S.*)", re.DOTALL)
_SIGN = re.compile(rf"{_WORD}|authorization|cookie|x-auth|signature|\bsig\b|://[^/\s]*@", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Secret:
    """`loc` leads to the text that has it, `what` says what it is."""

    loc: Loc
    what: str
    value: str


def secrets_in(data: Any, loc: Loc = ()) -> Iterator[Secret]:
    """All secrets in the plain data of a file."""
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _in_pair(str(key), value, (*loc, str(key)))
    elif isinstance(data, Sequence) and not isinstance(data, str):
        yield from _in_list(data, loc)
    elif isinstance(data, str):
        yield from _in_text(data, loc)


def may_have_a_secret(line: str) -> bool:
    """Whether anything in a line suggests one: for what can't be read as data."""
    return bool(_SIGN.search(line))


def _in_pair(key: str, value: Any, loc: Loc) -> Iterator[Secret]:
    if not isinstance(value, str):
        yield from secrets_in(value, loc)
    elif "headers" in loc[:-1] and _is_header(key):
        yield from _found(loc, f"the header {key}", value)
    elif _is_named_so(key) and "attributes" not in loc[:-1]:  # there it is a glob for what faults say
        yield from _found(loc, f"the value of {key}", value)
    else:
        yield from _in_text(value, loc)


def _in_list(items: Sequence[Any], loc: Loc) -> Iterator[Secret]:
    """A command is a list: what an option means may stand in the next argument."""
    for index, item in enumerate(items):
        at = (*loc, index)
        before = items[index - 1] if index else ""
        option = _OPTION.fullmatch(before) if isinstance(before, str) else None
        if isinstance(item, str) and option and option[2] is None and _is_named_so(option[1]):
            yield from () if item.startswith("-") else _found(at, f"the argument of {before}", item)
        else:
            yield from secrets_in(item, at)


def _in_text(text: str, loc: Loc) -> Iterator[Secret]:
    for found in _IN_URL.finditer(text):
        yield from _found(loc, "the password in a URL", found[1])
    for found in _IN_QUERY.finditer(text):
        yield from _found(loc, f"the parameter {found[1]} of a URL", found[found.lastindex or 0])
    if (match := _OPTION.fullmatch(text)) and match[2] and _is_named_so(match[1]):
        yield from _found(loc, f"the argument of --{match[1]}", match[2])
    elif (match := _ASSIGNMENT.fullmatch(text)) and _is_named_so(match[1]):
        yield from _found(loc, f"the value of {match[1]}", match[2])
    elif (match := _HEADER_LINE.fullmatch(text)) and _is_header(match[1]) and "://" not in text:
        yield from _found(loc, f"the header {match[1]}", match[2])


def _is_named_so(name: str) -> bool:
    return bool(_NAME.search(name)) and not _NO_SECRET.fullmatch(name)


def _is_header(name: str) -> bool:
    return bool(_HEADER.fullmatch(name)) or _is_named_so(name)


def _found(loc: Loc, what: str, value: str) -> Iterator[Secret]:
    if not _NO_VALUE.fullmatch(_VARIABLE.sub("", value).strip()):
        yield Secret(loc, what, value)
