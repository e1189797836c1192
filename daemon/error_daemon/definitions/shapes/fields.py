"""The types of single values in definitions. Everything arrives as text (files/yaml_nodes.py); values.py has what is made of it."""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WrapValidator

from error_daemon.definitions.shapes import values
from error_daemon.model import ErrorType
from error_daemon.model.hook import EventType

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
STARRED_NAME_PATTERN = r"^[A-Za-z0-9*][A-Za-z0-9*._-]{0,63}$"

Name = Annotated[str, Field(pattern=NAME_PATTERN)]
MayVary = WrapValidator(values.may_vary)
Text = Annotated[str, AfterValidator(values.without_nul), AfterValidator(values.plain)]
FilledText = Annotated[str, Field(min_length=1), AfterValidator(values.without_nul), AfterValidator(values.plain)]
VaryingText = Annotated[str, AfterValidator(values.without_nul), MayVary]
VaryingFilledText = Annotated[str, Field(min_length=1), AfterValidator(values.without_nul), MayVary]
VaryingTexts = Annotated[
    list[VaryingFilledText], Field(min_length=1), BeforeValidator(values.listed, json_schema_input_type=str | list[str])
]
AbsolutePath = Annotated[str, Field(min_length=1), AfterValidator(values.varying_path)]
PlainPath = Annotated[str, Field(min_length=1), AfterValidator(values.plain), AfterValidator(values.plain_path)]
Command = Annotated[
    list[VaryingText], Field(min_length=1), BeforeValidator(values.no_string), AfterValidator(values.command)
]
Environment = dict[Annotated[str, AfterValidator(values.variable)], VaryingText]
ExitCodes = Annotated[list[Annotated[int, Field(ge=0, le=255)]], BeforeValidator(values.listed)]
Glob = Annotated[str, Field(min_length=1), AfterValidator(values.plain)]
Port = Annotated[int, Field(ge=1, le=65535), MayVary]  # text, where it has variables
Regex = Annotated[str, AfterValidator(values.regex), AfterValidator(values.plain)]
VaryingRegex = Annotated[str, AfterValidator(values.regex), MayVary]
VaryingRegexes = Annotated[
    list[Annotated[str, Field(min_length=1), AfterValidator(values.regex), MayVary]],
    Field(min_length=1),
    BeforeValidator(values.listed, json_schema_input_type=str | list[str]),
]
Url = Annotated[str, AfterValidator(values.url), MayVary]
PlainUrl = Annotated[str, AfterValidator(values.url), AfterValidator(values.plain)]
Method = Annotated[str, AfterValidator(values.method)]
Headers = dict[
    Annotated[str, Field(min_length=1), AfterValidator(values.header)],
    Annotated[str, AfterValidator(values.header), MayVary],
]
Body = Annotated[str, MayVary]
UnitName = Annotated[str, AfterValidator(values.unit), MayVary]
UnitActionName = Literal["start", "stop", "restart", "reload", "reload-or-restart", "reset-failed"]
UnitGraph = Literal["systemd"]
ActiveState = Literal[
    "active", "reloading", "inactive", "failed", "activating", "deactivating", "maintenance", "refreshing"
]
ActiveStates = Annotated[
    tuple[ActiveState, ...],
    Field(min_length=1),
    BeforeValidator(values.listed, json_schema_input_type=ActiveState | list[ActiveState]),
]
UnitWord = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
UnitWords = Annotated[
    tuple[UnitWord, ...], Field(min_length=1), BeforeValidator(values.listed, json_schema_input_type=str | list[str])
]
SignalName = Annotated[str, AfterValidator(values.signal_name)]
Statuses = Annotated[tuple[int, int], BeforeValidator(values.statuses, json_schema_input_type=str)]
SeverityName = Literal["info", "low", "medium", "high", "critical"]
PriorityName = Literal["critical", "high", "normal", "low"]
Weight = Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)]
LevelKey = Annotated[
    Literal["1", "2", "3", "4", "5"],
    BeforeValidator(values.level, json_schema_input_type=Literal["1", "2", "3", "4", "5"]),
]
Group = Literal["dependents", "dependencies", "both"]
TargetKind = Literal["process", "service", "host", "database", "application"]
Names = Annotated[
    tuple[Name, ...], Field(min_length=1), BeforeValidator(values.listed, json_schema_input_type=str | list[str])
]
StarredName = Annotated[str, Field(pattern=STARRED_NAME_PATTERN)]
StarredNames = Annotated[
    tuple[StarredName, ...], Field(min_length=1), BeforeValidator(values.listed, json_schema_input_type=str | list[str])
]
Includes = Annotated[
    tuple[FilledText, ...], Field(min_length=1), BeforeValidator(values.listed, json_schema_input_type=str | list[str])
]
VariableName = Annotated[str, AfterValidator(values.own_variable)]
OwnVariables = dict[VariableName, Annotated[str, AfterValidator(values.variable_value)]]
InstanceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Instances = list[InstanceName] | dict[InstanceName, OwnVariables | Literal[""]]
ACTIVE_STATES: tuple[str, ...] = get_args(ActiveState)
TARGET_KINDS: tuple[str, ...] = get_args(TargetKind)
PRIORITY_NAMES: tuple[str, ...] = get_args(PriorityName)
ErrorTypes = Annotated[
    frozenset[ErrorType],
    Field(min_length=1),
    BeforeValidator(values.listed, json_schema_input_type=ErrorType | list[ErrorType]),
]
TargetKinds = Annotated[
    frozenset[TargetKind],
    Field(min_length=1),
    BeforeValidator(values.listed, json_schema_input_type=TargetKind | list[TargetKind]),
]
Priorities = Annotated[
    frozenset[PriorityName],
    Field(min_length=1),
    BeforeValidator(values.listed, json_schema_input_type=PriorityName | list[PriorityName]),
]
LevelKeys = Annotated[
    frozenset[LevelKey],
    Field(min_length=1),
    BeforeValidator(values.listed, json_schema_input_type=LevelKey | list[LevelKey]),
]
Levels = Annotated[dict[LevelKey, Names], Field(min_length=1)]
NameOrLevels = Annotated[
    Annotated[Annotated[Name, BeforeValidator(values.no_list)], Tag("name")] | Annotated[Levels, Tag("levels")],
    Discriminator(values.name_or_levels),
]
HookEvents = Annotated[
    Annotated[Literal["*"], Tag("any")]
    | Annotated[
        tuple[EventType, ...],
        Field(min_length=1),
        BeforeValidator(values.listed, json_schema_input_type=EventType | list[EventType]),
        Tag("types"),
    ],
    Discriminator(values.any_or_types),
]
MailAddress = Annotated[str, AfterValidator(values.mail_address)]
MailAddresses = Annotated[
    tuple[MailAddress, ...], Field(min_length=1), BeforeValidator(values.listed, json_schema_input_type=str | list[str])
]
Options = dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], Text]
HookTypes = Annotated[
    Annotated[Literal["*"], Tag("any")] | Annotated[ErrorTypes, Tag("types")],
    Discriminator(values.any_or_types),
]
