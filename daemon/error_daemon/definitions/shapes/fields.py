"""The types of single values in definitions: what may be written, and what is made of it.

Everything arrives as text (files/yaml_nodes.py). Paths are made absolute here: a relative one counts from the directory of the file
that holds it, which the pydantic context gives. Nothing of the host is expanded: no `~`, no `$VARIABLE`, no shell.

Variables (model/variables.py) may stand in the texts of targets, probes and strategies. A text that has some is kept as it is written:
whether it is, say, a URL shows when it is filled for a target (checks/variables.py), and then it is validated again.
"""

from __future__ import annotations

import os.path
import re
import signal
import warnings
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from error_daemon.definitions.complaints import did_you_mean, quoted
from error_daemon.model import ErrorType
from error_daemon.model.variables import OF_TARGETS, RESERVED, is_from_fault, parts_of, variables_in

WHERE = (
    "in texts of targets, probes and strategies (those of the fault: in arguments and environment of exec strategies)"
)


@dataclass(frozen=True, slots=True)
class Context:
    """Of the validation: the directory that relative paths count from, and whether variables were filled, so that none are left."""

    base: str
    is_filled: bool = False


def _context(info: ValidationInfo) -> Context:
    return cast("Context", info.context)


def _may_vary(value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    return value if _varies(value, info) else read(value)


def _varies(value: object, info: ValidationInfo) -> bool:
    """Whether it has variables that are still to be filled. Raises ValueError if they are not written as they are to be."""
    if not isinstance(value, str) or "${" not in value or _context(info).is_filled:
        return False
    for literal, name in parts_of(value.replace("$${", "")):
        if "${" in literal:
            raise ValueError(f"{quoted(value)}: a variable has no end: write ${{name}}, or $${{ for a plain ${{")
        if not literal and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*|fault\.[a-z]+|fault\.attributes\..+", name):
            raise ValueError(f"{quoted('${' + name + '}')} is not a variable: write $${{ for a plain ${{")
    return True


def _plain(text: str) -> str:
    """Where variables can't stand. What only looks like one of somebody's own may be meant: a message may have ${HOME}."""
    for name in variables_in(text):
        if name in OF_TARGETS or is_from_fault(name):
            raise ValueError(f"{quoted('${' + name + '}')}: no variable can stand here, but {WHERE}")
    return text


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("a NUL character can't be part of it")
    return text


def _path(text: str, info: ValidationInfo) -> str:
    context = _context(info)
    if not _varies(text, info):
        path = _plain_path(text, info)
        return path if context.is_filled else path.replace("${", "$${")
    if text.startswith("~"):
        raise ValueError(f"{quoted(text)}: ~ is not expanded, write the whole path")
    return text if text.startswith("${") else os.path.join(context.base.replace("${", "$${"), text)


def _plain_path(text: str, info: ValidationInfo) -> str:
    if text.startswith("~"):
        raise ValueError(f"{quoted(text)}: ~ is not expanded, write the whole path")
    return os.path.normpath(os.path.join(_context(info).base, _text(text)))


def _no_string(command: object) -> object:
    if isinstance(command, str):
        raise ValueError(f"{quoted(command)} is one string: never a shell: write a list, as in [/bin/tool, --option]")
    return command


def _command(command: list[str], info: ValidationInfo) -> list[str]:
    program = command[0]
    if not program:
        raise ValueError("the name of the program is empty")
    if program.startswith("${") and not _context(info).is_filled:
        return command  # whether it is absolute shows when it is filled
    if program.startswith(("./", "../")):
        return [_path(program, info), *command[1:]]
    if "/" in program and not program.startswith("/"):
        raise ValueError(f"{quoted(program)} is neither absolute nor a name to look up: begin it with / or ./")
    return command


def _variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{quoted(name)} is not the name of an environment variable")
    return name


def _own_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", name):
        raise ValueError(f"{quoted(name)} is not the name of a variable: letters, digits, _ and -, a letter or _ first")
    if name in RESERVED:
        raise ValueError(f"{quoted(name)} has a meaning of its own: call the variable something else")
    return name


def _variable_value(text: str) -> str:
    if "${" in text:
        raise ValueError(f"{quoted(text)}: the value of a variable is plain text, without variables")
    return _text(text)


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


def _unit(name: str) -> str:
    kinds = "service|socket|target|timer|mount|automount|path|slice|scope|swap|device"
    if not re.fullmatch(rf"[A-Za-z0-9:_.\\@-]{{1,200}}\.(?:{kinds})", name):
        raise ValueError(f"{quoted(name)} is not the name of a unit: write nginx.service, shop@1.service ...")
    return name


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


def any_or_types(value: object) -> str:
    return "any" if value == "*" else "types"


def _no_list(ladder: object) -> object:
    if isinstance(ladder, list):
        raise ValueError("a ladder is a name, or levels with their strategies, as in {3: [restart-web]}")
    return ladder


def name_or_levels(value: object) -> str:
    return "levels" if isinstance(value, dict) else "name"


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
MayVary = WrapValidator(_may_vary)
Text = Annotated[str, AfterValidator(_text), AfterValidator(_plain)]
FilledText = Annotated[str, Field(min_length=1), AfterValidator(_text), AfterValidator(_plain)]
VaryingText = Annotated[str, AfterValidator(_text), MayVary]
VaryingFilledText = Annotated[str, Field(min_length=1), AfterValidator(_text), MayVary]
VaryingTexts = Annotated[
    list[VaryingFilledText], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
AbsolutePath = Annotated[str, Field(min_length=1), AfterValidator(_path)]
PlainPath = Annotated[str, Field(min_length=1), AfterValidator(_plain), AfterValidator(_plain_path)]
Command = Annotated[list[VaryingText], Field(min_length=1), BeforeValidator(_no_string), AfterValidator(_command)]
Environment = dict[Annotated[str, AfterValidator(_variable)], VaryingText]
ExitCodes = Annotated[list[Annotated[int, Field(ge=0, le=255)]], BeforeValidator(_listed)]
Glob = Annotated[str, Field(min_length=1), AfterValidator(_plain)]
Port = Annotated[int, Field(ge=1, le=65535), MayVary]  # text, where it has variables
Regex = Annotated[str, AfterValidator(_regex), AfterValidator(_plain)]
VaryingRegex = Annotated[str, AfterValidator(_regex), MayVary]
VaryingRegexes = Annotated[
    list[Annotated[str, Field(min_length=1), AfterValidator(_regex), MayVary]],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
]
Url = Annotated[str, AfterValidator(_url), MayVary]
PlainUrl = Annotated[str, AfterValidator(_url), AfterValidator(_plain)]
Method = Annotated[str, AfterValidator(_method)]
Headers = dict[
    Annotated[str, Field(min_length=1), AfterValidator(_header)], Annotated[str, AfterValidator(_header), MayVary]
]
Body = Annotated[str, MayVary]
UnitName = Annotated[str, AfterValidator(_unit), MayVary]
UnitActionName = Literal["start", "stop", "restart", "reload", "reload-or-restart", "reset-failed"]
UnitGraph = Literal["systemd"]
ActiveState = Literal[
    "active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"
]
ActiveStates = Annotated[
    tuple[ActiveState, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=ActiveState | list[ActiveState]),
]
UnitWord = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
UnitWords = Annotated[
    tuple[UnitWord, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
SignalName = Annotated[str, AfterValidator(_signal)]
Statuses = Annotated[tuple[int, int], BeforeValidator(_statuses, json_schema_input_type=str)]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
PriorityName = Literal["critical", "high", "normal", "low"]
Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
LevelKey = Annotated[
    Literal["1", "2", "3", "4", "5"],
    BeforeValidator(_level, json_schema_input_type=Literal["1", "2", "3", "4", "5"]),
]
Group = Literal["dependents", "dependencies", "both"]
TargetKind = Literal["process", "service", "host", "database", "application"]
Names = Annotated[
    tuple[Name, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
StarredName = Annotated[str, Field(pattern=r"^[A-Za-z0-9*][A-Za-z0-9*._-]{0,63}$")]
StarredNames = Annotated[
    tuple[StarredName, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
Includes = Annotated[
    tuple[FilledText, ...], Field(min_length=1), BeforeValidator(_listed, json_schema_input_type=str | list[str])
]
VariableName = Annotated[str, AfterValidator(_own_variable)]
OwnVariables = dict[VariableName, Annotated[str, AfterValidator(_variable_value)]]
InstanceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Instances = list[InstanceName] | dict[InstanceName, OwnVariables | Literal[""]]
ACTIVE_STATES: tuple[str, ...] = get_args(ActiveState)
TARGET_KINDS: tuple[str, ...] = get_args(TargetKind)
PRIORITY_NAMES: tuple[str, ...] = get_args(PriorityName)
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
    Annotated[Annotated[Name, BeforeValidator(_no_list)], Tag("name")] | Annotated[Levels, Tag("levels")],
    Discriminator(name_or_levels),
]
HookEvent = Literal["opened", "recovered", "failed", "approval"]
HOOK_EVENTS: tuple[HookEvent, ...] = get_args(HookEvent)
HookEvents = Annotated[
    tuple[HookEvent, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=HookEvent | list[HookEvent]),
]
HookTypes = Annotated[
    Annotated[Literal["*"], Tag("any")] | Annotated[ErrorTypes, Tag("types")],
    Discriminator(any_or_types),
]
