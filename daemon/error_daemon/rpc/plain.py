"""Values as what JSON knows: how the pure parts' reports cross the edge without the edge knowing their types.

dataclass          its fields and its properties, by name; names with a leading underscore stay inside
enum               its value
mapping            keys as text: what an enum key's value, or another key's `str`, says
list, tuple        a list
infinity, NaN      None: there is no such figure
everything else    as it is
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from enum import Enum
from math import isfinite
from typing import Any

from error_daemon.model import Json


def plain(value: Any) -> Json:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in _names(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, Set)):
        return [plain(item) for item in value]
    return value


def _names(value: Any) -> Iterator[str]:
    yield from (field.name for field in fields(value) if not field.name.startswith("_"))
    for kind in type(value).__mro__:
        for name, member in vars(kind).items():
            if isinstance(member, property) and not name.startswith("_"):
                yield name
