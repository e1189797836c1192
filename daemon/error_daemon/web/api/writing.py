"""
Messages as JSON, in protobuf's own mapping, with the names that the fields have in proto/ and fields that are zero: what
`error-cli --output json` prints, escapes of what is not ASCII included.

json_format does the same (a test compares them), by reflection on every field of every message, which takes the daemon's loop three times
as long. Here what is to be done with a message's fields is worked out once for its type. Long lists are written in turns, so that nobody's
thousand errors hold up a fault for ten milliseconds.
Source: https://protobuf.dev/programming-guides/json/
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from math import isfinite, isnan
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from error_daemon.web.api.fields import enum_of, fields_of, is_map, is_message, key_and_value

Write = Callable[[Any], object]
_IN_A_TURN = 50  # a millisecond's worth
_WIDE = (FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64)
_FLOATING = (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT)


def json_text(message: Message) -> str:
    return _text(content(message))


async def json_in_turns(message: Message) -> str:
    """The same, giving way to others between the items of long lists."""
    written = []
    for name, is_optional, write in _fields(message.DESCRIPTOR):
        if is_optional and not message.HasField(name):
            continue
        value = getattr(message, name)
        is_long = isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and len(value) > _IN_A_TURN
        written.append(f"{_text(name)}:{await _list_in_turns(value, write) if is_long else _text(write(value))}")
    return f"{{{','.join(written)}}}"


async def _list_in_turns(items: Sequence[Any], write: Write) -> str:
    written = []
    for begin in range(0, len(items), _IN_A_TURN):
        written.append(_text(write(items[begin : begin + _IN_A_TURN]))[1:-1])
        await asyncio.sleep(0)
    return f"[{','.join(written)}]"


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def content(message: Message) -> dict[str, object]:
    """What json.dumps takes."""
    return {
        name: write(getattr(message, name))
        for name, is_optional, write in _fields(message.DESCRIPTOR)
        if not is_optional or message.HasField(name)
    }


@cache
def _fields(descriptor: Any) -> tuple[tuple[str, bool, Write], ...]:
    return tuple((name, field.has_presence, _writer(field)) for name, field in fields_of(descriptor).items())


def _writer(field: FieldDescriptor) -> Write:
    if is_map(field):
        of_key, of_value = key_and_value(field)
        key, write = _key(of_key), _single(of_value)
        return lambda entries: {key(name): write(entries[name]) for name in entries}
    write = _single(field)
    if field.is_repeated:
        return lambda items: [write(item) for item in items]
    return write


def _single(field: FieldDescriptor) -> Write:
    if is_message(field):
        return content
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        names = {number: value.name for number, value in enum_of(field).values_by_number.items()}
        return lambda number: names.get(number, number)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return lambda data: b64encode(data).decode()
    if field.cpp_type in _WIDE:
        return str
    return _number if field.cpp_type in _FLOATING else _as_it_is


def _key(field: FieldDescriptor) -> Callable[[Any], str]:
    return (lambda flag: "true" if flag else "false") if field.type == FieldDescriptor.TYPE_BOOL else str


def _number(number: float) -> object:
    if isfinite(number):
        return number
    return "NaN" if isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _as_it_is(plain: object) -> object:
    return plain
