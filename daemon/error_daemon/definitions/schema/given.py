"""The JSON Schema that definitions are checked against: a file, and what it refers to beside it. Nothing is fetched from a network."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from jsonschema.validators import validator_for
from referencing import Registry, Resource
from referencing.exceptions import NoSuchResource, Unresolvable
from referencing.jsonschema import DRAFT202012

from error_daemon.errors import ErrorRecoveryError
from error_daemon.model import Json

_MOST_BYTES = 16 << 20
Complaint = Any  # a jsonschema.ValidationError: its attributes have no types of use


class SchemaUnusable(ErrorRecoveryError):
    """The schema cannot be read, or is none. The text is for a person."""


@dataclass(frozen=True, slots=True)
class Schema:
    file: str
    validator: Any  # of the draft that the schema names

    def complaints(self, data: Json) -> list[Complaint]:
        """In the order of the data. Raises SchemaUnusable."""
        try:
            return sorted(
                self.validator.iter_errors(data), key=lambda error: [str(part) for part in error.absolute_path]
            )
        except Unresolvable as error:
            raise SchemaUnusable(f"{self.file} refers to {error.ref}, which is not there") from error
        except RecursionError as error:
            raise SchemaUnusable(f"{self.file} refers to itself without end") from error


def read_schema(path: Path) -> Schema:
    """Raises SchemaUnusable."""
    document = _json_of(path)
    kind = validator_for(document, default=Draft202012Validator)
    try:
        kind.check_schema(document)
    except SchemaError as error:
        at = "/".join(str(part) for part in error.absolute_path)
        raise SchemaUnusable(f"{path} is not a JSON Schema: {f'at {at}: ' if at else ''}{error.message}") from error
    registry: Registry[Any] = Registry(retrieve=_beside)  # type: ignore[call-arg]  # attrs has it under another name
    if isinstance(document, bool):
        return Schema(str(path), kind(document, registry=registry))
    whole = Resource.from_contents(document, default_specification=DRAFT202012)
    published = document.get("$id", "")  # how it may refer to itself, while what it refers to is looked for beside it
    registry = registry.with_resource(published, whole) if published else registry
    return Schema(str(path), kind({**document, "$id": path.absolute().as_uri()}, registry=registry))


def _json_of(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            raw = file.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            raise SchemaUnusable(f"{path} is larger than {_MOST_BYTES} bytes: no schema")
        document = json.loads(raw)
    except OSError as error:
        raise SchemaUnusable(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise SchemaUnusable(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict | bool):
        raise SchemaUnusable(f"{path} is not a JSON Schema: it is neither a mapping nor true or false")
    return document


def _beside(uri: str) -> Resource[Any]:
    """What a schema refers to by `$ref`: files only."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        raise NoSuchResource(uri)
    document = _json_of(Path(unquote(parts.path)))
    return Resource.from_contents(document, default_specification=DRAFT202012)
