"""Documents of which one is made for every fault: they travel as their values alone, and are given their names by the writer.

A document that is a tuple has the values of its table's shape, in order. Where a value is a list of smaller documents, it is a tuple of
such tuples, and has a shape of its own. In the file a document is JSON, with names and all: what travels is not what is kept, and may
change with any version.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from error_daemon.model import Candidate, Decision, ErrorView, Evidence, Json
from error_daemon.store.schema import TABLES


class Shape:
    """The names of a document's values. `written`: what some of them are written as."""

    def __init__(self, names: tuple[str, ...], **written: Callable[[Any], Json]) -> None:
        self.names = names
        self._written = tuple(written.items())

    def named(self, values: tuple[Any, ...]) -> dict[str, Json]:
        found = dict(zip(self.names, values, strict=True))
        for name, write in self._written:
            found[name] = write(found[name])
        return found

    def each_named(self, documents: tuple[tuple[Any, ...], ...]) -> list[dict[str, Json]]:
        return [self.named(one) for one in documents]


def _names(kind: type[Any], *columns: str) -> tuple[str, ...]:
    """The fields of a dataclass, but those that are columns of their own."""
    return tuple(field.name for field in fields(kind) if field.name not in columns)


def _base64(payload: bytes) -> str:
    return b2a_base64(payload, newline=False).decode()


_EVIDENCE = Shape(_names(Evidence))
_CANDIDATE = Shape(_names(Candidate), evidence=_EVIDENCE.each_named)
DOCUMENTS: Mapping[str, Shape] = {  # by table
    "faults": Shape(("payload",), payload=_base64),
    "errors": Shape(_names(ErrorView, *TABLES["errors"].names)),
    "decisions": Shape(_names(Decision, "decision_id", *TABLES["decisions"].names), candidates=_CANDIDATE.each_named),
}
