"""Messages of any type of the wire contract, made up by hypothesis."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

from error_daemon.web.api.fields import enum_of, is_map, is_message, key_and_value, message_in

_FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
_PLAIN: dict[int, st.SearchStrategy[Any]] = {
    FieldDescriptor.CPPTYPE_BOOL: st.booleans(),
    FieldDescriptor.CPPTYPE_INT32: st.integers(-(1 << 31), (1 << 31) - 1),
    FieldDescriptor.CPPTYPE_INT64: st.integers(-(1 << 63), (1 << 63) - 1),
    FieldDescriptor.CPPTYPE_UINT32: st.integers(0, (1 << 32) - 1),
    FieldDescriptor.CPPTYPE_UINT64: st.integers(0, (1 << 64) - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: _FINITE,
    FieldDescriptor.CPPTYPE_STRING: st.text(max_size=5),
}


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor) -> Message:
    """Some of its fields are set."""
    message: Message = GetMessageClass(descriptor)()
    names = sorted(descriptor.fields_by_name)
    for name in draw(st.lists(st.sampled_from(names), max_size=6, unique=True)) if names else ():
        _set(draw, message, descriptor.fields_by_name[name])
    return message


def _set(draw: st.DrawFn, message: Message, field: FieldDescriptor) -> None:
    if is_map(field):
        key, value = key_and_value(field)
        for name in draw(st.lists(_plain(key), max_size=2, unique=True)):
            getattr(message, field.name)[name] = draw(_plain(value))
    elif is_message(field):
        items = draw(st.lists(messages(message_in(field)), max_size=2 if field.is_repeated else 1))
        if field.is_repeated:
            getattr(message, field.name).extend(items)
        for item in () if field.is_repeated else items:
            getattr(message, field.name).CopyFrom(item)
    elif field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(_plain(field), max_size=2)))
    else:
        setattr(message, field.name, draw(_plain(field)))


def _plain(field: FieldDescriptor) -> st.SearchStrategy[Any]:
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return st.sampled_from(sorted(enum_of(field).values_by_number))
    return _PLAIN[field.cpp_type]
