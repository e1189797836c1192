"""What a JSON Schema has against a file, in words for the person who wrote the file.

Of the branches of an `anyOf` or `oneOf`, the one that was most likely meant is explained: not one for another type or another `kind`,
and of the others the one with the fewest complaints. Where none was meant, the whole of it is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from error_daemon.definitions.complaints import Loc, did_you_mean, quoted
from error_daemon.definitions.files.yaml_nodes import Source
from error_daemon.definitions.schema.given import Complaint
from error_daemon.errors import Problem
from error_daemon.model import Json

_KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
}
_BOUNDS = {
    "minimum": "is below {}",
    "exclusiveMinimum": "is not above {}",
    "maximum": "is above {}",
    "exclusiveMaximum": "is not below {}",
    "multipleOf": "is not a multiple of {}",
    "minLength": "has fewer than {} characters",
    "maxLength": "has more than {} characters",
    "minItems": "has fewer than {} entries",
    "maxItems": "has more than {} entries",
    "minProperties": "has fewer than {} entries",
    "maxProperties": "has more than {} entries",
}
_WORDS = {
    None: "is what the schema does not allow",  # of a schema that is just false
    "uniqueItems": "has an entry twice",
    "not": "is what the schema does not allow",
    "anyOf": "fits nothing that may stand here",
    "oneOf": "fits nothing that may stand here",
    "contains": "lacks an entry that the schema asks for",
    "propertyNames": "has a key of a wrong form",
}


@dataclass(frozen=True, slots=True)
class Found:
    """`missing` names what is missing there, which may be said beside what else is wrong with the place."""

    problem: Problem
    missing: str = ""


def found_by(source: Source, error: Complaint) -> Iterator[Found]:
    error = _meant(error)
    loc: Loc = tuple(error.absolute_path)
    if error.validator == "required":
        for name in (name for name in error.validator_value if name not in error.instance):
            about = _description(_properties(error.schema).get(name))
            yield Found(source.problem(f"{quoted(name)} is missing", about, loc, key=True), name)
    elif error.validator in ("additionalProperties", "unevaluatedProperties") and isinstance(error.instance, dict):
        known = list(_properties(error.schema))
        for name in _unexpected(error, known):
            mend = did_you_mean(name, known)
            yield Found(source.problem(f"unknown key {quoted(name)}", mend, (*loc, name), key=True))
    elif "propertyNames" in error.absolute_schema_path:
        key = (*loc, str(error.instance))
        yield Found(source.problem(_said(error), _description(error.schema), key, key=True))
    else:
        yield Found(source.problem(_said(error), _description(error.schema), loc))


def _meant(error: Complaint) -> Complaint:
    """Of the branches of anyOf and oneOf, the complaint of the one that was most likely meant."""
    while error.validator in ("anyOf", "oneOf") and error.context:
        branches: dict[object, list[Complaint]] = {}
        for one in error.context:
            branches.setdefault(one.relative_schema_path[0], []).append(one)
        likely = min(branches.values(), key=_strangeness)
        if _strangeness(likely)[0] and len(branches) > 1:
            break  # none was meant: the whole of it is wrong
        error = min(likely, key=lambda one: -len(one.absolute_path))
    return error


def _strangeness(errors: Iterable[Complaint]) -> tuple[bool, int]:
    """A branch of another type or another `kind` was not meant; of the others the one with the fewest complaints."""
    found = list(errors)
    is_other = any(
        one.validator in ("type", "const", "enum") and (not one.relative_path or list(one.relative_path) == ["kind"])
        for one in found
    )
    return is_other, len(found)


def _properties(schema: Json) -> Mapping[str, Json]:
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _unexpected(error: Complaint, known: Sequence[str]) -> list[str]:
    patterns = error.schema.get("patternProperties", {}) if isinstance(error.schema, Mapping) else {}
    named = (
        re.findall(r"'([^']*)'", error.message) if error.validator == "unevaluatedProperties" else list(error.instance)
    )
    names = [name for name in named if name in error.instance and name not in known]
    return [name for name in names if not any(re.search(pattern, name) for pattern in patterns)]


def _said(error: Complaint) -> str:
    wanted, instance = error.validator_value, _shown(error.instance)
    if error.validator == "type":
        kinds = [wanted] if isinstance(wanted, str) else list(wanted)
        return f"{instance} is not {' or '.join(_KINDS.get(kind, kind) for kind in kinds)}"
    if error.validator == "enum":
        return f"{instance} is not known here (known: {', '.join(str(one) for one in wanted)})"
    if error.validator == "const":
        return f"{instance} is not {_shown(wanted)}"
    if error.validator == "pattern":
        return f"{instance} does not match {quoted(wanted)}"
    if error.validator in _BOUNDS:
        return f"{instance} {_BOUNDS[error.validator].format(wanted)}"
    return f"{instance} {_WORDS.get(error.validator, f'does not fit {error.validator} of the schema')}"


def _shown(value: Json) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return "nothing" if value is None else quoted(str(value).lower() if isinstance(value, bool) else value)


def _description(schema: Json) -> str:
    """What the schema says that it is for."""
    text = schema.get("description") if isinstance(schema, Mapping) else None
    return text.rstrip(".") if isinstance(text, str) else ""
