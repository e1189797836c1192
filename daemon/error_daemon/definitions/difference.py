"""What is other in one set of definitions than in another, and a digest by which two sets are told apart.

Both go by what is meant, not by how it is written: a comment, another file or another order of keys is no difference. Each definition is
made flat: dotted keys, and values as texts. The ladders that rules share are part of each rule here. The order of rules and of
bulkheads means something, so it belongs to both.

Secrets (secrets/found.py) are compared and not shown.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

from error_daemon.definitions.secrets.found import secrets_in
from error_daemon.model import DefinitionChange, Definitions, KeyChange

_KINDS = ("target", "probe", "strategy", "rule", "bulkhead", "workflow", "hook")
_ORDERED = ("rule", "bulkhead")
_DIGEST_CHARACTERS = 16
_AS_WRITTEN = {"params": "", "observers": "observe"}  # params stand beside the other keys


@dataclass(frozen=True, slots=True)
class Shown:
    """A value as text. What is a secret depends on the key, too, so it is decided before keys are joined."""

    text: str
    is_secret: bool


Flat = Mapping[str, Shown]


def digest(definitions: Definitions) -> str:
    """Equal where the definitions mean the same."""
    all_flat = [
        [kind, name, sorted((key, one.text) for key, one in flat.items())]
        for kind in _KINDS
        for name, flat in _in_order(definitions, kind)
    ]
    return hashlib.sha256(json.dumps(all_flat).encode()).hexdigest()[:_DIGEST_CHARACTERS]


def difference(old: Definitions, new: Definitions) -> tuple[DefinitionChange, ...]:
    """By kind, in the order of the new ones; what was removed after them."""
    return tuple(change for kind in _KINDS for change in _of_kind(kind, old, new))


def _of_kind(kind: str, old: Definitions, new: Definitions) -> Iterator[DefinitionChange]:
    before, after = dict(_flat(old, kind)), dict(_flat(new, kind))
    for name, flat in after.items():
        if name not in before:
            yield DefinitionChange(kind, name, "added")
        elif flat != before[name]:
            yield DefinitionChange(kind, name, "changed", tuple(_keys(before[name], flat)))
    for name in before:
        if name not in after:
            yield DefinitionChange(kind, name, "removed")
    if kind in _ORDERED:
        yield from _order(kind, [name for name in before if name in after], [name for name in after if name in before])


def _order(kind: str, before: Sequence[str], after: Sequence[str]) -> Iterator[DefinitionChange]:
    if before != after:
        yield DefinitionChange(kind, "", "changed", (KeyChange("order", ", ".join(before), ", ".join(after)),))


def _keys(before: Flat, after: Flat) -> Iterator[KeyChange]:
    for key in dict.fromkeys((*before, *after)):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if (old and old.is_secret) or (new and new.is_secret):
            yield KeyChange(key, "***", "***")
        else:  # an empty text is something, where there was none
            empty = "" if old and new else '""'
            yield KeyChange(key, *((one.text or empty) if one else "" for one in (old, new)))


# --- flat


def _in_order(definitions: Definitions, kind: str) -> Iterable[tuple[str, Flat]]:
    """In the operator's order where that means something."""
    found = _flat(definitions, kind)
    return found if kind in _ORDERED else sorted(found, key=lambda each: each[0])


def _flat(definitions: Definitions, kind: str) -> Iterator[tuple[str, Flat]]:
    if kind in _ORDERED:
        defined: Iterable[Any] = definitions.rules if kind == "rule" else definitions.bulkheads
    else:
        named: Mapping[str, Mapping[str, Any]] = {
            "target": definitions.targets,
            "probe": definitions.probes,
            "strategy": definitions.strategies,
            "workflow": {one.id: one for one in definitions.workflows},
            "hook": {hook.id: hook for hook in definitions.hooks},
        }
        defined = named[kind].values()
    for one in defined:
        values = ((path, value) for path, value in _values((), one) if path != ("id",))
        yield one.id, {".".join(path): Shown(_text(value), _is_secret(path, value)) for path, value in values}


def _values(path: tuple[str, ...], value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The keys to each value, and that. What is not set, and lists of nothing, are left out."""
    if is_dataclass(value):
        for item in fields(value):
            name = _AS_WRITTEN.get(item.name, item.name)
            yield from _values((*path, name) if name else path, getattr(value, item.name))
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):  # observers, steps
        for one in value:
            yield from ((at, each) for at, each in _values((*path, one.id), one) if at != (*path, one.id, "id"))
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _values((*path, str(name)), one)
    elif value is not None and value not in ((), frozenset(), []):
        yield path, value


def _is_secret(path: Sequence[str], value: Any) -> bool:
    for key in reversed(path):
        value = {key: value}
    return any(secrets_in(value))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, re.Pattern):
        return _written(value.pattern)
    if isinstance(value, Enum):
        return value.name.lower() if isinstance(value, int) else str(value.value)
    if isinstance(value, frozenset):
        return json.dumps(sorted(map(_text, value)))
    if isinstance(value, (list, tuple)):
        return json.dumps([_text(one) for one in value], ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _written(pattern: str) -> str:
    """A glob as it was written, where it was one."""
    body = re.sub(r"\\(.)|\.\*|\.", _unescaped, pattern[len("(?s:") : -len(")\\Z")])
    return body if fnmatch.translate(body) == pattern else pattern


def _unescaped(match: re.Match[str]) -> str:
    return match[1] or {".*": "*", ".": "?"}[match[0]]
