"""What a JSON Schema says of single values: one line for each type of shapes/fields.py that says more than its Python type.

Patterns are those that JSON Schema validators of all languages read alike (no lookbehind, no inline flags). They are meant for editors,
so they are about the mistakes that people make; each of them takes all that the reader takes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from error_daemon.definitions.shapes import fields, patterns
from error_daemon.definitions.shapes.fields import NAME_PATTERN, STARRED_NAME_PATTERN
from error_daemon.model import ErrorType
from error_daemon.model.hook import EVENT_TYPES
from error_daemon.setting_values import Duration

Schema = dict[str, Any]

_VARIES = r"\$\{"
_NUMBER = r"^\s*[+-]?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][+-]?[0-9]+)?\s*$"
_WHOLE = r"^\s*[+-]?[0-9][0-9_]*(\.0*)?\s*$"
_DURATION = r"\s*\+?([0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)([eE][+-]?[0-9]+)?\s*(us|ms|s|m|h|d)\s*$"
_NOTHING = r"(?!\s*\+?[0_]*\.?[0_]*([eE][+-]?[0-9]+)?\s*[a-z]+\s*$)"
_URL = r"^[hH][tT][tT][pP][sS]?://[^\s/]"
_STATUS = r"^([1-5]xx|[1-5][0-9][0-9](-[1-5][0-9][0-9])?)$"
_EXIT_CODE: Schema = {
    "anyOf": [{"type": "integer", "minimum": 0, "maximum": 255}, {"type": "string", "pattern": _WHOLE}]
}
_SCALARS = ["string", "number", "boolean"]


def text(pattern: str = "", *, is_filled: bool = True, examples: Sequence[Any] = ()) -> Schema:
    """Any scalar; the pattern is for those that an editor takes for text."""
    types = _SCALARS if is_filled else [*_SCALARS, "null"]
    return {
        "type": list(types),
        **({"minLength": 1} if is_filled else {}),
        **({"pattern": pattern} if pattern else {}),
        **({"examples": list(examples)} if examples else {}),
    }


def one_or_list(one: Schema) -> Schema:
    return _where("array", {"items": one, "minItems": 1}, one)


def _where(kind: str, then: Schema, otherwise: Schema) -> Schema:
    """What is said of a value that is an array, say, and of any other: so what is wrong is told where it stands, and not of the whole."""
    return {"if": {"type": kind}, "then": then, "else": otherwise}


def enum_of(values: Sequence[str]) -> Schema:
    """Words; those that look like numbers may be written as numbers."""
    return {"enum": [*values, *(int(value) for value in values if value.isdigit())]}


def whole_number(**bounds: float) -> Schema:
    return {"anyOf": [{"type": "integer", **_bounded(bounds)}, {"type": "string", "pattern": _WHOLE}]}


def number(**bounds: float) -> Schema:
    return {"anyOf": [{"type": "number", **_bounded(bounds)}, {"type": "string", "pattern": _NUMBER}]}


def _bounded(bounds: dict[str, float]) -> Schema:
    names = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
    return {names[key]: bound for key, bound in bounds.items()}


def duration(is_positive: bool) -> Schema:
    pattern = f"^{_NOTHING if is_positive else ''}{_DURATION}"
    return {"type": "string", "pattern": pattern, "examples": ["500ms", "5s", "2m", "1h"]}


def written_duration(seconds: float) -> str:
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds else "0s"


def _mapping(names: str, values: Schema, examples: Sequence[Any] = ()) -> Schema:
    given = {"examples": list(examples)} if examples else {}
    return {"type": "object", "propertyNames": {"pattern": names}, "additionalProperties": values, **given}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _one_of(*shapes: Schema) -> Schema:
    return {"anyOf": list(shapes)}


_PATH = text(r"^[^~]", examples=["/srv/shop/server.py", "run/shop.pid"])
_word = text(is_filled=False)
_variables = _mapping(r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$", _word, [{"port": 8081}])
_instance = text(r"^[A-Za-z0-9._-]{1,64}$")
_regex = {
    "type": "object",
    "properties": {
        "regex": {**_word, "description": "Regular expression for the whole text: write .* where anything may stand."}
    },
    "required": ["regex"],
    "additionalProperties": False,
    "examples": [{"regex": ".*refused.*"}],
}

# What the schema calls a type, the type, and what its value looks like. A value of a family may have a star in its names.
KNOWN: list[tuple[str, Any, Schema]] = [
    ("name", fields.Name, text(NAME_PATTERN)),
    ("names", fields.Names, one_or_list(text(STARRED_NAME_PATTERN))),
    ("names", fields.StarredNames, one_or_list(text(STARRED_NAME_PATTERN))),
    ("files", fields.Includes, one_or_list(text(r"^[^~]", examples=["../common/*.yaml"]))),
    ("variables", fields.OwnVariables, _variables),
    ("instances", fields.Instances, _where(
        "array",
        {"items": _instance, "minItems": 1, "examples": [["blue", "green"]]},
        {**_mapping(r"^[A-Za-z0-9._-]{1,64}$", {**_variables, "type": ["object", "null"]}), "minProperties": 1},
    )),
    ("text", fields.Text, _word),
    ("text", fields.VaryingText, _word),
    ("text", fields.Body, _word),
    ("filledText", fields.FilledText, text()),
    ("filledText", fields.VaryingFilledText, text()),
    ("path", fields.AbsolutePath, _PATH),
    ("path", fields.PlainPath, _PATH),
    ("command", fields.Command, {
        "type": "array",
        "items": _word,
        "minItems": 1,
        "examples": [["/usr/local/bin/tool", "--option", "value"]],
    }),
    ("environment", fields.Environment, _mapping("^[A-Za-z_][A-Za-z0-9_]*$", _word, [{"LANG": "C.UTF-8"}])),
    ("exitCodes", fields.ExitCodes, _where("array", {"items": _EXIT_CODE}, _EXIT_CODE)),
    ("glob", fields.Glob, text(examples=["shop-*"])),
    ("port", fields.Port, _one_of(
        {"type": "integer", "minimum": 1, "maximum": 65535},
        {"type": "string", "pattern": f"{_WHOLE}|{_VARIES}", "examples": ["${port}"]},
    )),
    ("filledTexts", fields.VaryingTexts, one_or_list(text())),
    ("filledTexts", fields.VaryingRegexes, one_or_list(text())),
    ("regex", fields.Regex, _word),
    ("regex", fields.VaryingRegex, _word),
    ("url", fields.Url, {"type": "string", "pattern": f"{_URL}|{_VARIES}", "examples": ["http://127.0.0.1:8080/healthz"]}),
    ("plainUrl", fields.PlainUrl, {"type": "string", "pattern": _URL, "examples": ["https://ops.example/hook"]}),
    ("method", fields.Method, text("^[A-Za-z]+$", examples=["GET", "POST", "HEAD"])),
    ("headers", fields.Headers, _mapping(r"^[^\r\n]+$", text(r"^[^\r\n]*$", is_filled=False), [{"Accept": "application/json"}])),
    ("unit", fields.UnitName, text(rf"\.[a-z]+$|{_VARIES}", examples=["nginx.service"])),
    ("activeStates", fields.ActiveStates, one_or_list(enum_of(fields.ACTIVE_STATES))),
    ("unitWords", fields.UnitWords, one_or_list(text(r"^[a-z][a-z0-9-]*$", examples=["running", "exited", "success"]))),
    ("signal", fields.SignalName, text("^SIG[A-Z0-9+-]+$", examples=["SIGTERM", "SIGINT", "SIGHUP", "SIGKILL"])),
    ("statuses", fields.Statuses, _one_of(
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": _STATUS, "examples": ["2xx", "204", "200-399"]},
    )),
    ("weight", fields.Weight, number(gt=0, le=1000)),
    ("errorTypes", fields.ErrorTypes, one_or_list(enum_of([each.value for each in ErrorType]))),
    ("hookTypes", fields.HookTypes, _where(
        "array",
        {"items": enum_of([each.value for each in ErrorType]), "minItems": 1},
        enum_of(["*", *(each.value for each in ErrorType)]),
    )),
    ("hookEvents", fields.HookEvents, _where(
        "array", {"items": enum_of(EVENT_TYPES), "minItems": 1}, enum_of(["*", *EVENT_TYPES])
    )),
    ("mailAddress", fields.MailAddress, text(r"^[^@]+@[^@]+$", examples=["ops@example.org"])),
    ("mailAddresses", fields.MailAddresses, one_or_list(text(r"^[^@]+@[^@]+$", examples=["ops@example.org"]))),
    ("options", fields.Options, _mapping(r"^[A-Za-z_][A-Za-z0-9_]*$", _word, [{"channel": "ops"}])),
    ("targetKinds", fields.TargetKinds, one_or_list(enum_of(fields.TARGET_KINDS))),
    ("priorities", fields.Priorities, one_or_list(enum_of(fields.PRIORITY_NAMES))),
    ("levels", fields.LevelKeys, one_or_list(enum_of("12345"))),
    ("ladder", fields.Levels, {
        "type": "object",
        "minProperties": 1,
        "properties": {level: _ref("names") for level in "12345"},
        "additionalProperties": False,
        "examples": [{"1": ["look-again"], "3": ["restart"]}],
    }),
    ("nameOrLadder", fields.NameOrLevels, _where("object", _ref("ladder"), _ref("name"))),
    ("pattern", patterns.Pattern, _where("object", _regex, text(examples=["*refused*"]))),
    ("attributes", dict[fields.FilledText, fields.Glob], {"type": "object", "additionalProperties": _ref("glob")}),
    ("duration", Duration, duration(False)),
]  # fmt: skip
POSITIVE = "positiveDuration"
DEFS: dict[str, Schema] = {**{name: made for name, _, made in KNOWN}, POSITIVE: duration(True)}
