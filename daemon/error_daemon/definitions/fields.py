"""The types of single values in definitions: what may be written, and what is made of it.

Everything arrives as text (yaml_nodes.py). Paths are made absolute here: a relative one counts from the directory of the file
that holds it, which is given as the pydantic context. Nothing is expanded: no `~`, no `$VARIABLE`, no shell.
"""

from __future__ import annotations

import os.path
import re
import signal
import warnings
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, ValidationInfo

from error_daemon.definitions.complaints import did_you_mean, quoted
from error_daemon.model import ErrorType


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character can't be part of it")
    return text


def _path(text: str, info: ValidationInfo) -> str:
    if text.startswith("~"):
        raise ValueError(f"{quoted(text)}: ~ is not expanded, write the whole path")
    return os.path.normpath(os.path.join(str(info.context), _text(text)))


def _no_string(command: object) -> object:
    if isinstance(command, str):
        raise ValueError(f"{quoted(command)} is one string: never a shell: write a list, as in [/bin/tool, --option]")
    return command


def _command(command: list[str], info: ValidationInfo) -> list[str]:
    program = command[0]
    if not program:
        raise ValueError("the name of the program is empty")
    if program.startswith(("./", "../")):
        return [_path(program, info), *command[1:]]
    if "/" in program and not program.startswith("/"):
        raise ValueError(f"{quoted(program)} is neither absolute nor a name to look up: begin it with / or ./")
    return command


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{quoted(name)} is not the name of an environment variable")
    return name


def _regex(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python may read differently one day is no pattern to rely on
            re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"{quoted(text)} is not a regular expression: {error}") from error
    return text


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(f"{quoted(text)} is not a URL: {error}") from error
    if not is_whole or re.search(r"[\x00-\x20\x7f]", text):
        raise ValueError(f"{quoted(text)} is not a URL: write http://host:port/path or https://...")
    return text


def _method(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]+", text):
        raise ValueError(f"{quoted(text)} is not an HTTP method")
    return text.upper()


def _header(text: str) -> str:
    if re.search(r"[\x00\r\n]", text):
        raise ValueError("a header is one line")
    return text


def _signal(name: str) -> str:
    if name not in signal.Signals.__members__:
        mend = did_you_mean(name, signal.Signals.__members__)
        raise ValueError(f"{quoted(name)} is not a signal" + (f": {mend}" if mend else ""))
    return name


def _statuses(text: object) -> object:
    """ "2xx" → (200, 299), "204" → (204, 204), "200-399" → (200, 399)."""
    match = re.fullmatch(r"([1-5])xx|([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{quoted(text)} is not an HTTP status: write 204, 2xx or 200-399")
    if match[1]:
        return int(match[1]) * 100, int(match[1]) * 100 + 99
    low, high = int(match[2]), int(match[3] or match[2])
    if low > high:
        raise ValueError(f"{quoted(text)} is empty: {low} is above {high}")
    return low, high


def _level(text: object) -> object:
    if text not in ("1", "2", "3", "4", "5"):
        raise ValueError(f"{quoted(text)} is not a level: levels are 1 to 5")
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def glob_or_regex(value: object) -> str:
    return "regex" if isinstance(value, dict) else "glob"


def name_or_levels(value: object) -> str:
    return "levels" if isinstance(value, dict) else "name"


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Text = Annotated[str, AfterValidator(_text)]
FilledText = Annotated[str, Field(min_length=1), AfterValidator(_text)]
AbsolutePath = Annotated[str, Field(min_length=1), AfterValidator(_path)]
Command = Annotated[list[Text], Field(min_length=1), BeforeValidator(_no_string), AfterValidator(_command)]
Environment = dict[Annotated[str, AfterValidator(_variable)], Text]
ExitCodes = Annotated[list[Annotated[int, Field(ge=0, le=255)]], BeforeValidator(_listed)]
Glob = Annotated[str, Field(min_length=1)]
Port = Annotated[int, Field(ge=1, le=65535)]
Regex = Annotated[str, AfterValidator(_regex)]
Url = Annotated[str, AfterValidator(_url)]
Method = Annotated[str, AfterValidator(_method)]
Headers = dict[Annotated[str, Field(min_length=1), AfterValidator(_header)], Annotated[str, AfterValidator(_header)]]
SignalName = Annotated[str, AfterValidator(_signal)]
Statuses = Annotated[tuple[int, int], BeforeValidator(_statuses, json_schema_input_type=str)]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
PriorityName = Literal["critical", "high", "normal", "low"]
Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
LevelKey = Annotated[
    Literal["1", "2", "3", "4", "5"],
    BeforeValidator(_level, json_schema_input_type=Literal["1", "2", "3", "4", "5"]),
]
Include = Literal["dependents", "dependencies", "both"]
TargetKind = Literal["process", "service", "host", "database", "application"]
Names = Annotated[
    tuple[Name, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
ErrorTypes = Annotated[
    frozenset[ErrorType],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=ErrorType | list[ErrorType]),
]
TargetKinds = Annotated[
    frozenset[TargetKind],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=TargetKind | list[TargetKind]),
]
Priorities = Annotated[
    frozenset[PriorityName],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=PriorityName | list[PriorityName]),
]
LevelKeys = Annotated[
    frozenset[LevelKey],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=LevelKey | list[LevelKey]),
]
Levels = Annotated[dict[LevelKey, Names], Field(min_length=1)]
NameOrLevels = Annotated[
    Annotated[Name, Tag("name")] | Annotated[Levels, Tag("levels")],
    Discriminator(name_or_levels),
]
