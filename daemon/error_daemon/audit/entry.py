"""One entry of the audit, and its line. Pure.

A line is one JSON object: its fields in the order of `Entry`, and at last the hash of all that stands before it,

    {"sequence":7,"at":1790000000.5,"actor":"ann", ... ,"previous":"<hash of entry 6>","hash":"<64 hexadecimal digits>"}

The hash is the SHA-256 of the line's bytes without `,"hash":"..."`: what was written is what is hashed, so nobody needs our program or
our way of writing JSON to check it (docs/audit.md has the shell command). Each entry has the hash of the one before it, as in the chains
of Haber and Stornetta, "How to time-stamp a digital document" (1991): whoever changes one has to change all that follow.

An entry is bounded: what is too large is left out, and its size and SHA-256 stand in its place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from hashlib import sha256
from typing import Any

from error_daemon.model import Json
from error_daemon.model.audit import Act, Entry, Head

MOST_SUBJECT_CHARACTERS = 256
MOST_WHY_CHARACTERS = 1000
_MOST_PART_BYTES = 4 << 10
_HASH_DIGITS = 64
_HASH_KEY = b',"hash":"'
_HASH = re.compile(r"[0-9a-f]{64}")
_TAIL_BYTES = len(_HASH_KEY) + _HASH_DIGITS + len(b'"}')
_PARTS = ("before", "after", "detail")
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode  # ASCII: no text can be torn within a letter
NOTHING_YET = Head(0, "0" * _HASH_DIGITS)
_NAMES = tuple(field.name for field in fields(Entry))
_TEXTS = ("actor", "action", "subject", "why", "previous", "hash")


def parse_head(text: str) -> Head:
    """`SEQUENCE:HASH`, as a Head is written. Raises ValueError."""
    sequence, _, digest = text.partition(":")
    if not sequence.isascii() or not sequence.isdecimal() or not int(sequence) or not _HASH.fullmatch(digest):
        raise ValueError(f"{text!r} is no head: SEQUENCE:HASH, as `error-cli audit head` prints it")
    return Head(int(sequence), digest)


def chained(act: Act, head: Head) -> tuple[Entry, bytes]:
    """The entry that follows `head`, and its line."""
    values: dict[str, Any] = {
        "sequence": head.sequence + 1,
        "at": act.at,
        "actor": act.actor[:MOST_SUBJECT_CHARACTERS],
        "action": act.action,
        "subject": act.subject[:MOST_SUBJECT_CHARACTERS],
        "why": act.why[:MOST_WHY_CHARACTERS],
        "before": act.before,
        "after": act.after,
        "detail": act.detail,
        "previous": head.hash,
    }
    body = _body(values)
    digest = sha256(body).hexdigest()
    line = body[:-1] + _HASH_KEY + digest.encode() + b'"}\n'
    return Entry(**values, hash=digest), line


def _body(values: dict[str, Any]) -> bytes:
    """The line without its hash; `values` are what is in it afterwards."""
    try:
        body = _encode(values).encode()
    except (TypeError, ValueError):  # no value of JSON, NaN, infinity
        for part in _PARTS:
            values[part] = _plain(values[part])
        body = _encode(values).encode()
    if len(body) > _MOST_PART_BYTES:
        for part in _PARTS:
            values[part] = _bounded(values[part])
        body = _encode(values).encode()
    return body


def _plain(value: Any) -> Json:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float) and value - value == 0.0:
        return value
    return str(value)


def _bounded(part: Json) -> Json:
    text = _encode(part).encode()
    if len(text) <= _MOST_PART_BYTES:
        return part
    return {"left_out_bytes": len(text), "sha256": sha256(text).hexdigest()}


def read(line: bytes) -> Entry | None:
    """The entry of a line, without its newline; None where it is none. Whether it is as it was written, `is_whole` says."""
    if line[-_TAIL_BYTES : -_TAIL_BYTES + len(_HASH_KEY)] != _HASH_KEY:
        return None
    try:
        values = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or tuple(values) != _NAMES or not _has_types(values):
        return None
    return Entry(**values)


def _has_types(values: Mapping[str, Any]) -> bool:
    sequence, at = values["sequence"], values["at"]
    return (
        type(sequence) is int
        and sequence > 0
        and type(at) in (int, float)
        and at - at == 0.0
        and all(type(values[name]) is str for name in _TEXTS)
    )


def is_whole(line: bytes, entry: Entry) -> bool:
    """Whether the hash at the end of the line is that of what stands before it."""
    return sha256(line[:-_TAIL_BYTES] + b"}").hexdigest() == entry.hash
