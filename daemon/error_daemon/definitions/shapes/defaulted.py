"""Models of what entries may leave to their file: every key of some models, none of them needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import create_model
from pydantic.fields import FieldInfo

from error_daemon.definitions.shapes.entry import Entry

OWN_KEYS = ("kind", "id", "when", "instances")  # every entry says these itself


def defaulted(name: str, models: Iterable[type[Entry]], **hints: Any) -> type[Entry]:
    """A model of all keys of `models` but those that every entry says itself. A key of several has one meaning in all of them.
    `hints` are for keys that have another type here."""
    keys: dict[str, Any] = {}
    for model in models:
        written = {**get_type_hints(model, include_extras=True), **hints}
        for key, field in model.model_fields.items():
            if key not in OWN_KEYS:
                optional = FieldInfo(default=None, description=field.description)
                of_type = get_args(written[key])[1:] if get_origin(written[key]) is Annotated else ()
                optional.metadata = [] if key in hints else [mark for mark in field.metadata if mark not in of_type]
                keys.setdefault(key, (written[key], optional))
    return create_model(name, __base__=Entry, **keys)
