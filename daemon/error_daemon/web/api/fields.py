"""What descriptors say of a field, for reading.py and writing.py. Each is asked only of fields of which it is so."""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor


@cache  # there are as many as there are types
def fields_of(descriptor: Any) -> dict[str, FieldDescriptor]:
    """By name, in their order."""
    return {field.name: field for field in descriptor.fields}


def is_message(field: FieldDescriptor) -> bool:
    return field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE


def is_map(field: FieldDescriptor) -> bool:
    return is_message(field) and bool(message_in(field).GetOptions().map_entry)


def message_in(field: FieldDescriptor) -> Descriptor:
    assert field.message_type is not None
    return field.message_type


def enum_of(field: FieldDescriptor) -> EnumDescriptor:
    assert field.enum_type is not None
    return field.enum_type


def key_and_value(field: FieldDescriptor) -> tuple[FieldDescriptor, FieldDescriptor]:
    """Of a map."""
    entry = fields_of(message_in(field))
    return entry["key"], entry["value"]
