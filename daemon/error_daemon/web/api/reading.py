"""
What a request says, as the message of its method: parts of the path, and the query (GET) or a body of JSON (POST).

Strict, so that a filter with a slip of the pen is not an answer without the filter: a name that the message does not have, a value of
another kind, a name that is there twice, are InputError with the field, what was wrong and what there is. Values of an enum are said as in
answers (STATUS_OPEN) or in short (open). What the values mean is for the method to judge (rpc/requests.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from math import isfinite
from typing import Any, NoReturn

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message

from error_daemon.errors import InputError
from error_daemon.web.api.fields import enum_of, fields_of, is_map, is_message, key_and_value

_INTEGER = re.compile(r"-?[0-9]{1,20}")
_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?")
_WORD_END = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_MOST_ITEMS = 10_000
_SHOWN = 60
RANGES = {
    FieldDescriptor.CPPTYPE_INT32: (-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, (1 << 64) - 1),
}
_FLOATING = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def fill_from_texts(message: Message, texts: Mapping[str, str]) -> None:
    """The query, or parts of the path. Raises InputError."""
    for name, text in texts.items():
        field = _field(message, name, name)
        if field.is_repeated or is_message(field):
            raise InputError(name, "can't be said in a query")
        _set(message, field, _plain(field, _meant(field, text), name), name)


def fill_from_body(message: Message, body: bytes, in_path: Sequence[str]) -> None:
    """A JSON object; nothing at all is an empty one. `in_path`: fields that the path has said. Raises InputError."""
    given = _parsed(body) if body else {}
    if not isinstance(given, dict):
        raise InputError("body", "is not a JSON object")
    for name in in_path:
        if name in given:
            raise InputError(name, "is said by the path already")
    _fill(message, given, "")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body.decode(), object_pairs_hook=_object, parse_constant=_no_number)
    except UnicodeDecodeError as error:
        raise InputError("body", f"is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise InputError("body", f"is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from error
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, brackets in brackets
        raise InputError("body", "is not JSON that anybody would write") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(twice[:_SHOWN], "is there twice")
    return made


def _no_number(word: str) -> NoReturn:
    raise InputError("body", f"{word} is not JSON")


def _fill(message: Message, given: Mapping[str, object], prefix: str) -> None:
    for name, value in given.items():
        path = f"{prefix}{name}"
        field = _field(message, name, path)
        if is_map(field):
            _fill_map(getattr(message, name), field, value, path)
        elif field.is_repeated:
            _fill_list(getattr(message, name), field, value, path)
        elif is_message(field):
            _fill_one(getattr(message, name), value, path)
        else:
            _set(message, field, _plain(field, value, path), path)


def _fill_one(message: Message, value: object, path: str) -> None:
    if not isinstance(value, dict):
        raise InputError(path, "is not an object")
    message.SetInParent()
    _fill(message, value, f"{path}.")


def _fill_list(items: Any, field: FieldDescriptor, value: object, path: str) -> None:
    if not isinstance(value, list):
        raise InputError(path, "is not a list")
    if len(value) > _MOST_ITEMS:
        raise InputError(path, f"has {len(value)} items; at most {_MOST_ITEMS}")
    for index, item in enumerate(value):
        at = f"{path}[{index}]"
        if is_message(field):
            _fill_one(items.add(), item, at)
        else:
            items.append(_plain(field, item, at))


def _fill_map(entries: Any, field: FieldDescriptor, value: object, path: str) -> None:
    if not isinstance(value, dict):
        raise InputError(path, "is not an object")
    key, of = key_and_value(field)
    for name, item in value.items():
        at = f"{path}.{name[:_SHOWN]}"
        if is_message(of):
            _fill_one(entries[_plain(key, _meant(key, name), at)], item, at)
        else:
            entries[_plain(key, _meant(key, name), at)] = _plain(of, item, at)


def _field(message: Message, name: str, path: str) -> FieldDescriptor:
    fields = fields_of(message.DESCRIPTOR)
    field = fields.get(name)
    if field is None:
        there_are = ", ".join(fields) or "none"
        raise InputError(path[:200], f"is not known here; there are: {there_are}")
    return field


def _set(message: Message, field: FieldDescriptor, value: object, path: str) -> None:
    try:
        setattr(message, field.name, value)
    except ValueError as error:  # half of a character that takes two
        raise InputError(path, "is not text that UTF-8 can hold") from error


# --- single values


def _meant(field: FieldDescriptor, text: str) -> object:
    """The text of a query as the value of JSON that it stands for. What it can't stand for is left to `_plain` to refuse."""
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return {"true": True, "false": False}.get(text, text)
    if field.cpp_type in _FLOATING and _DECIMAL.fullmatch(text):
        return float(text)
    return text


def _plain(field: FieldDescriptor, value: object, path: str) -> object:
    if field.cpp_type in RANGES:
        return _integer(value, RANGES[field.cpp_type], path)
    if field.cpp_type in _FLOATING:
        return _floating(value, path)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return _enum_number(enum_of(field), value, path)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            raise InputError(path, f"{_shown(value)} is neither true nor false")
        return value
    if not isinstance(value, str) or field.type == FieldDescriptor.TYPE_BYTES:
        raise InputError(path, f"{_shown(value)} is not a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InputError(path, "is not text that UTF-8 can hold") from error
    return value


def _integer(value: object, bounds: tuple[int, int], path: str) -> int:
    """A number, or a text of it: that is how answers have those of 64 bits."""
    if isinstance(value, str) and _INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(path, f"{_shown(value)} is not a whole number")
    least, most = bounds
    if not least <= value <= most:
        raise InputError(path, f"{_shown(value)} is not between {least} and {most}")
    return value


def _floating(value: object, path: str) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or abs(value) > 1e300 or not isfinite(value):
        raise InputError(path, f"{_shown(value)} is not a number")
    return float(value)


def _enum_number(enum: EnumDescriptor, value: object, path: str) -> int:
    numbers = _numbers(enum)
    number = numbers.get(value.lower()) if isinstance(value, str) else None
    if number is None:
        raise InputError(path, f"{_shown(value)} is none of {', '.join(short_names(enum))}")
    return number


@cache
def _numbers(enum: EnumDescriptor) -> Mapping[str, int]:
    full = {name.lower(): value.number for name, value in enum.values_by_name.items()}
    return {**full, **short_names(enum)}


@cache
def short_names(enum: EnumDescriptor) -> Mapping[str, int]:
    """Of ErrorType: "network" for ERROR_TYPE_NETWORK. Not of what stands for nothing said."""
    prefix = _WORD_END.sub("_", enum.name).upper() + "_"
    return {
        name.removeprefix(prefix).lower(): value.number for name, value in enum.values_by_name.items() if value.number
    }


def _shown(value: object) -> str:
    shown = repr(value) if isinstance(value, str) else json.dumps(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."
