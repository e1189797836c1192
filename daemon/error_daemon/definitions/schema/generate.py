"""The JSON Schema (2020-12) of a definitions file, for editors and for `error-cli validate`, made from the models of what may be written.

An editor reads YAML by the looks of its scalars: `port: 80` is an integer to it, `version: 1` too, `name: true` a boolean. To us all
of it is text first. So a number may be written as an integer or as text that is one, and text may be anything but a list or mapping.
The schema is about the shape of a single file as it is written, with its families and defaults. It is never stricter than the
reader; what it can't say (names that must be there, a regular expression that must compile) the reader does.

`python -m error_daemon.definitions.schema.generate > etc/recovery/schema.json` writes it; a test keeps the file current.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from error_daemon.definitions.complaints import written_key
from error_daemon.definitions.schema.value_types import (
    DEFS,
    KNOWN,
    POSITIVE,
    Schema,
    enum_of,
    number,
    whole_number,
    written_duration,
)
from error_daemon.definitions.shapes import document, entry, hooks, observers, probes, strategies, targets
from error_daemon.definitions.shapes.defaulted import OWN_KEYS
from error_daemon.definitions.shapes.fields import NAME_PATTERN
from error_daemon.setting_values import Duration

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TITLE = "Definitions of error-recovery"

# entries whose kind decides which keys they have, and what the schema calls them
_BY_KIND: dict[Any, str] = {
    targets.TargetEntry: "Target",
    probes.ProbeEntry: "Probe",
    strategies.StrategyEntry: "Strategy",
    strategies.OperationEntry: "Operation",
    observers.ObserverEntry: "Observer",
    hooks.HookEntry: "Hook",
}
# sections, and what of their entries may come from the defaults of the file instead
_SECTIONS: dict[str, Sequence[type[BaseModel]]] = {
    "targets": [*entry.models_by_kind(targets.TargetEntry).values()],
    "probes": [*entry.models_by_kind(probes.ProbeEntry).values()],
    "strategies": [*entry.models_by_kind(strategies.StrategyEntry).values()],
    "rules": [document.RuleEntry],
    "bulkheads": [document.BulkheadEntry],
}


def schema() -> dict[str, Any]:
    """The whole of it, as plain data."""
    return _Schema().document()


class _Schema:
    """Collects the definitions that are referred to, by the names of their models."""

    def __init__(self) -> None:
        self._defs = dict(DEFS)

    def document(self) -> dict[str, Any]:
        whole = self._object(document.Document, required=[])
        properties = whole["properties"]
        properties["targets"] = {**self._targets(), **_about(document.Document.model_fields["targets"])}
        about_defaults = _about(document.Document.model_fields["defaults"])
        properties["defaults"] = {**self._defs.pop(document.DefaultsEntry.__name__), **about_defaults}
        for key in [key for key in properties if key != "version"]:
            properties[key] = _or_nothing(properties[key])  # with nothing but comments below it
        return {
            "$schema": DIALECT,
            "title": TITLE,
            **_or_nothing(whole),
            "if": {"minProperties": 1},
            "then": {"required": ["version"]},
            "allOf": [self._needs(section, models) for section, models in _SECTIONS.items()],
            "$defs": dict(sorted(self._defs.items())),
        }

    def _targets(self) -> Schema:
        """A name with a star is a family's, which has instances; nobody else has any."""
        entry = self._of(targets.TargetEntry)
        return {
            "type": "object",
            "patternProperties": {
                NAME_PATTERN: {**entry, "not": {"required": ["instances"]}},
                r"^(?=.{1,64}$)(?![._-])[A-Za-z0-9._-]*\*[A-Za-z0-9._-]*$": {**entry, "required": ["instances"]},
            },
            "additionalProperties": False,
        }

    def _needs(self, section: str, models: Sequence[type[BaseModel]]) -> Schema:
        """What each entry of a section writes, where the file has no defaults for it."""
        needed = [(model, [key for key in _required(model) if key not in OWN_KEYS]) for model in models]
        if len(models) > 1:
            parts = [_if_kind(_kinds(model), {"required": keys}) for model, keys in dict(needed).items() if keys]
            entry: Schema = {"type": "object", "allOf": parts}
        else:
            entry = {"required": needed[0][1]}
        where = "items" if section in ("rules", "bulkheads") else "additionalProperties"
        without = {"properties": {"defaults": {"not": {"required": [section]}}}}
        return {"if": without, "then": {"properties": {section: {where: entry}}}}

    def _of(self, hint: Any, marks: Sequence[Any] = ()) -> Schema:
        """What may stand behind a key of this type. `marks` are the bounds that its field has."""
        for name, known, _ in KNOWN:
            if hint == known:
                is_positive = hint == Duration and _bounds(marks).get("gt") == 0
                return {"$ref": f"#/$defs/{POSITIVE if is_positive else name}"}
        if hint in _BY_KIND:
            return self._by_kind(_BY_KIND[hint], entry.models_by_kind(hint))
        origin, arguments = get_origin(hint), get_args(hint)
        if origin is Annotated:
            return self._of(arguments[0], [*arguments[1:], *marks])
        if origin in (Union, types.UnionType):
            return self._any_of([each for each in arguments if each is not types.NoneType], marks)
        if origin is Literal:
            return enum_of(arguments)
        if origin is dict:
            return self._mapping(arguments[1])
        if origin in (list, tuple, frozenset):
            return {"type": "array", "items": self._of(arguments[0]), **_lengths(marks)}
        return self._of_class(hint, marks)

    def _of_class(self, hint: Any, marks: Sequence[Any]) -> Schema:
        if isinstance(hint, type) and issubclass(hint, Enum):
            return enum_of([each.value for each in hint])
        if isinstance(hint, type) and issubclass(hint, BaseModel):
            return self._ref(hint)
        if hint is bool:
            return {"anyOf": [{"type": "boolean"}, {"enum": ["yes", "no", "on", "off"]}]}
        if hint is int:
            return whole_number(**_bounds(marks))
        if hint is float:
            return number(**_bounds(marks))
        raise TypeError(f"no schema for {hint}: add it to value_types.py")

    def _any_of(self, hints: Sequence[Any], marks: Sequence[Any]) -> Schema:
        if len(hints) == 1:
            return self._of(hints[0], marks)
        return {"anyOf": [self._of(hint) for hint in hints]}

    def _mapping(self, value: Any) -> Schema:
        return {"type": "object", "propertyNames": {"pattern": NAME_PATTERN}, "additionalProperties": self._of(value)}

    def _by_kind(self, name: str, models: Mapping[str, type[BaseModel]]) -> Schema:
        if name not in self._defs:
            self._defs[name] = {}
            branches = [_if_kind(_kinds(model), self._ref(model)) for model in dict.fromkeys(models.values())]
            self._defs[name] = {
                "type": "object",
                "required": ["kind"],
                "properties": {
                    "kind": {"description": "What sort it is: decides which keys it has.", **enum_of([*models])}
                },
                "allOf": branches,
            }
        return {"$ref": f"#/$defs/{name}"}

    def _ref(self, model: type[BaseModel]) -> Schema:
        if model.__name__ not in self._defs:
            self._defs[model.__name__] = {}  # it is being made
            in_section = any(model in models for models in _SECTIONS.values())
            required = [key for key in _required(model) if not in_section or key in OWN_KEYS]
            self._defs[model.__name__] = self._object(model, required)
        return {"$ref": f"#/$defs/{model.__name__}"}

    def _object(self, model: type[BaseModel], required: Sequence[str]) -> Schema:
        hints = get_type_hints(model, include_extras=True)
        properties = {
            written_key(key, field): {**self._of(hints[key], field.metadata), **_about(field)}
            for key, field in model.model_fields.items()
        }
        needed = {"required": list(required)} if required else {}
        described = {"description": " ".join((model.__doc__ or "").split())} if model.__doc__ else {}
        return {"type": "object", **described, "properties": properties, **needed, "additionalProperties": False}


def _about(field: FieldInfo) -> Schema:
    """The description of a key, and its default as it would be written."""
    written = _written(field.annotation, field.metadata, field.default)
    default: Schema = {} if field.is_required() or written in (None, "", [], {}) else {"default": written}
    about: Schema = {"description": field.description or ""}
    return {**about, **default}


def _written(annotation: Any, marks: Sequence[Any], value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple) and value and all(isinstance(each, int) for each in value):
        return "{}-{}".format(*value)  # statuses
    if isinstance(value, BaseModel | frozenset | tuple):
        return None
    is_duration = annotation == Duration or any(mark in get_args(Duration)[1:] for mark in marks)
    if isinstance(value, float):
        return written_duration(value) if is_duration else value
    return value


def _required(model: type[BaseModel]) -> list[str]:
    return [written_key(key, field) for key, field in model.model_fields.items() if field.is_required()]


def _kinds(model: type[BaseModel]) -> tuple[str, ...]:
    return get_args(model.model_fields["kind"].annotation)


def _if_kind(names: Sequence[str], then: Schema) -> Schema:
    return {"if": {"properties": {"kind": {"enum": list(names)}}, "required": ["kind"]}, "then": then}


def _or_nothing(entry: Schema) -> Schema:
    if "type" in entry:
        return {**entry, "type": [entry["type"], "null"]}
    about: Schema = {key: entry[key] for key in ("description", "default") if key in entry}
    shape = {key: value for key, value in entry.items() if key not in about}
    return {"anyOf": [shape, {"type": "null"}], **about}


def _lengths(marks: Sequence[Any]) -> Schema:
    names = {"min_length": "minItems", "max_length": "maxItems"}
    return {names[name]: getattr(mark, name) for mark in marks for name in names if getattr(mark, name, None)}


def _bounds(marks: Sequence[Any]) -> dict[str, float]:
    """ge, gt, le, lt of a field."""
    return {
        name: getattr(mark, name)
        for mark in marks
        for name in ("ge", "gt", "le", "lt")
        if getattr(mark, name, None) is not None
    }


if __name__ == "__main__":
    json.dump(schema(), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")
