"""What pydantic found wrong, in words for the person who wrote the file.

pydantic reports a *loc*, a path through the data: `("probes", "web", "http", "url")`. The tags of unions ("http") are part
of it, though nobody wrote them; whoever looks a loc up in a file steps over what is not there. A complaint says whether it is
about the key at the end of the loc or about the value behind it.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

Loc = tuple[str | int, ...]
CUT = "..."  # in the place of the end of a text

_UNIONS = (Union, types.UnionType)
_WANTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number of sensible size",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text",
    "string_unicode": "text that UTF-8 can hold",
    "list_type": "a list",
    "tuple_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "greater_than_equal": "{ge} or more",
    "greater_than": "more than {gt}",
    "less_than_equal": "{le} or less",
    "less_than": "less than {lt}",
    "multiple_of": "a multiple of {multiple_of}",
    "string_pattern_mismatch": "a name: 1 to 64 letters, digits, dots, dashes and underscores, a letter or digit first",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    loc: Loc
    message: str
    mend: str = ""
    about_key: bool = False


def complaints(error: ValidationError, model: type[BaseModel]) -> list[Complaint]:
    """All that `model` refused, in the order of the data."""
    found = [details for details in error.errors(include_url=False) if not _is_short_for_what_was_refused(details)]
    return [_complaint(details, model) for details in found]


def _is_short_for_what_was_refused(details: ErrorDetails) -> bool:
    """pydantic counts only the items that are right, and each wrong one is told by itself."""
    return details["type"] == "too_short" and bool(details["input"])


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The mend for a word that is not known: the nearest one that is, else all of them when they are few."""
    by_lower = {candidate.lower(): candidate for candidate in known}
    near = get_close_matches(word.lower(), by_lower, n=1)
    if near:
        return f"did you mean {quoted(by_lower[near[0]])}?"
    return f"known: {', '.join(by_lower.values())}" if 0 < len(by_lower) <= 20 else ""


def _kinds(word: str, known: Sequence[str]) -> str:
    """The mend for a kind that is not known: all there are, after those that were likely meant. A kind that has the word in its
    name was more likely meant (`restart`: process_restart) than one that looks like it (retry)."""
    likely = [kind for kind in known if word.lower() in kind.split("_")]
    likely = likely or get_close_matches(word.lower(), known, n=1, cutoff=0.75)
    meant = f"did you mean {' or '.join(map(quoted, likely))}? " if likely else ""
    return f"{meant}known: {', '.join(known)}"


def quoted(value: object, longest: int = 60) -> str:
    """`value` on one line between backquotes, shortened, and safe to print."""
    text = str(value)
    return f"`{one_line(text if len(text) <= longest else text[: longest - len(CUT)] + CUT)}`"


def one_line(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _complaint(details: ErrorDetails, model: type[BaseModel]) -> Complaint:
    loc, kind, context = details["loc"], details["type"], details.get("ctx", {})
    about_key = bool(loc) and loc[-1] == "[key]"
    if about_key:
        loc = loc[:-1]
    written = details["input"]
    if kind == "missing":
        return Complaint(loc[:-1], f"{quoted(loc[-1])} is missing", about_key=True)
    if kind == "extra_forbidden":
        return Complaint(
            loc, f"unknown key {quoted(loc[-1])}", did_you_mean(str(loc[-1]), _keys_at(model, loc[:-1])), True
        )
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return _about_tag(loc, context)
    if kind in ("literal_error", "enum"):
        known = re.findall(r"'([^']*)'", context["expected"])
        return Complaint(loc, f"{_described(written)} is not known here", did_you_mean(str(written), known), about_key)
    if kind == "value_error":
        return Complaint(loc, str(context["error"]), about_key=about_key)
    if kind in ("too_short", "string_too_short"):
        return Complaint(loc, "must not be empty", about_key=about_key)
    if kind == "too_long":
        return Complaint(
            loc, f"has {context['actual_length']} entries; at most {context['max_length']}", about_key=about_key
        )
    bounds = {name: f"{bound:g}" if isinstance(bound, float) else bound for name, bound in context.items()}
    wanted = _WANTED[kind].format(**bounds) if kind in _WANTED else details["msg"]
    return Complaint(loc, f"{_described(written)} is not {wanted}", _mend(loc, written), about_key)


def _mend(loc: Loc, written: object) -> str:
    """For what looks as if it were meant to stand for something else."""
    if not isinstance(written, str):
        return ""
    if "${" in written:
        return "variables stand in texts, and in port"
    if "*" in written and loc[-1:] == ("target",):
        return f"for a family leave target out, and write when: {{target: {written}}}"
    return ""


def _about_tag(loc: Loc, context: dict[str, Any]) -> Complaint:
    key = context["discriminator"].strip("'")
    if "tag" not in context:
        return Complaint(loc, f"{quoted(key)} is missing", about_key=True)
    known = re.findall(r"'([^']*)'", context["expected_tags"])
    return Complaint((*loc, key), f"unknown {key} {quoted(context['tag'])}", _kinds(context["tag"], known))


def _described(written: object) -> str:
    if isinstance(written, dict):
        return "a mapping"
    return "a list" if isinstance(written, list | tuple) else quoted(written)


def written_key(key: str, field: FieldInfo) -> str:
    """How a key of a model is written: some have a name that Python keeps for itself."""
    return field.alias or key


def _keys_at(annotation: Any, loc: Sequence[str | int]) -> list[str]:
    """The keys that may be written in the mapping at `loc`; empty where any may be."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _keys_at(arguments[0], loc)
    if origin in _UNIONS:
        return _keys_of_union(arguments, loc)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if not loc:
            return [written_key(key, field) for key, field in annotation.model_fields.items()]
        field = next((each for key, each in annotation.model_fields.items() if written_key(key, each) == loc[0]), None)
        return _keys_at(field.annotation, loc[1:]) if field else []
    if origin in (dict, list, tuple) and loc:
        return _keys_at(arguments[1] if origin is dict else arguments[0], loc[1:])
    return []


def _keys_of_union(members: Sequence[Any], loc: Sequence[str | int]) -> list[str]:
    for member in members:
        if loc and loc[0] in _tags(member):
            return _keys_at(member, loc[1:])
    untagged = [member for member in members if member is not types.NoneType and not _tags(member)]
    return _keys_at(untagged[0], loc) if len(untagged) == 1 else []


def _tags(member: Any) -> tuple[str, ...]:
    """What pydantic puts into a loc for this member of a union."""
    if get_origin(member) is Annotated:
        return tuple(mark.tag for mark in get_args(member)[1:] if isinstance(mark, Tag))
    kind = getattr(member, "model_fields", {}).get("kind")
    return get_args(kind.annotation) if kind and get_origin(kind.annotation) is Literal else ()
