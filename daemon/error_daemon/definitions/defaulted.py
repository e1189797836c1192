"""Models of what entries may leave to their file: every key of some models, none of them needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field, create_model

from error_daemon.definitions.kinds import Entry

OWN_KEYS = ("kind", "id", "when", "instances")  # every entry says these itself


def defaulted(name: str, models: Iterable[type[Entry]], **hints: Any) -> type[Entry]:
    """A model of all keys of `models` but those that every entry says itself. A key of several has one meaning in all of them.
    `hints` are for keys that have another type here."""
    keys: dict[str, Any] = {}
    for model in models:
        for key, field in model.model_fields.items():
            if key not in OWN_KEYS:
                marks = (*field.metadata, Field(description=field.description))
                parts: Any = (hints[key], marks[-1]) if key in hints else (field.annotation, *marks)
                keys.setdefault(key, (Annotated[parts], None))
    return create_model(name, __base__=Entry, **keys)
