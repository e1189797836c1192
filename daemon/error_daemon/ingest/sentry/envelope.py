"""
Sentry's envelopes, from bytes as they come to items: a state machine without I/O.

    HEAD ──line──► ITEM HEAD ──line──► PAYLOAD of `length` bytes ──and a newline, if there is one──► ITEM HEAD
                                  └──► PAYLOAD up to a newline (no `length`: Node's SDK) ──────────► ITEM HEAD

A head is one line of JSON. Only payloads of the kinds that are wanted are kept, each up to its limit; attachments, replays and profiles run
through, so an envelope of 200 MiB holds no more memory than one with a single event. What is too long for a wanted item makes that item
`None`, not the envelope wrong: Sentry's own relay drops the item, too.

Format: https://develop.sentry.dev/sdk/foundations/data-model/envelopes/
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from error_daemon.errors import InputError

MOST_ITEM_BYTES = 1 << 20
_MOST_HEAD_BYTES = 64 << 10
_MOST_ITEMS = 1000
_WITHOUT_LENGTH = -1
_BLANK = re.compile(rb"[ \t\r\n]+")  # between items; and JSON may begin with it


@dataclass(frozen=True, slots=True)
class Item:
    """`payload` None: it was too long, or is of a kind that nobody wants."""

    kind: str
    payload: bytes | None


class EnvelopeReader:
    """`feed` bytes, then take `drain()`; after the last ones call `end()`. `head` is known once it was fed. Raises InputError."""

    def __init__(self, wanted: Collection[str]) -> None:
        self._wanted = wanted
        self._held = bytearray()
        self.head: Mapping[str, Any] | None = None
        self._kind = ""  # of the item whose payload comes; empty: a head comes
        self._is_kept = False
        self._left_bytes = 0  # of the payload; _WITHOUT_LENGTH: up to a newline
        self._may_end_line = False  # the newline after a payload with a length
        self._items: list[Item] = []
        self._count = 0

    @property
    def held_bytes(self) -> int:
        return len(self._held) + sum(len(item.payload or b"") for item in self._items)

    def feed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            at = self._take(data, at)

    def drain(self) -> list[Item]:
        """The items that became whole since the last time."""
        items, self._items = self._items, []
        return items

    def end(self) -> None:
        """Nothing more comes: an item without a length ends here, too."""
        if self._kind and self._left_bytes > 0:
            raise InputError("envelope", f"breaks off: an item of type {self._kind!r} lacks {self._left_bytes} bytes")
        if self._kind:
            self._payload_ends()
        elif bytes(self._held).strip():
            self._head_ends()
            if self._kind:
                raise InputError("envelope", f"breaks off after the head of an item of type {self._kind!r}")
        if self.head is None:
            raise InputError("envelope", "is empty")

    def _take(self, data: bytes, at: int) -> int:
        """Up to where bytes were used."""
        if self._may_end_line:
            self._may_end_line = False
            if data[at] == 0x0A:
                return at + 1
        if not self._kind:
            blank = _BLANK.match(data, at)
            if self.head is not None and not self._held and blank is not None:
                return blank.end()  # all at once: a packed megabyte of them is a kilobyte
            return self._line(data, at, self._head_ends)
        if self._left_bytes == _WITHOUT_LENGTH:
            return self._line(data, at, self._payload_ends)
        end = min(len(data), at + self._left_bytes)
        self._keep(data[at:end])
        self._left_bytes -= end - at
        if not self._left_bytes:
            self._may_end_line = True
            self._payload_ends()
        return end

    def _line(self, data: bytes, at: int, ends: Any) -> int:
        newline = data.find(b"\n", at)
        self._keep(data[at : newline if newline >= 0 else len(data)])
        if newline < 0:
            return len(data)
        ends()
        return newline + 1

    def _keep(self, piece: bytes) -> None:
        if not self._kind:
            self._held += piece
            if len(self._held) > _MOST_HEAD_BYTES:
                raise InputError("envelope", f"has a head of more than {_MOST_HEAD_BYTES} bytes: is it an envelope?")
        elif self._is_kept:
            self._held += piece
            if len(self._held) > MOST_ITEM_BYTES:
                self._is_kept = False
                self._held.clear()

    def _head_ends(self) -> None:
        line = bytes(self._held).strip()
        self._held.clear()
        if self.head is None:
            self.head = _json_object(line, "envelope") if line else {}
            return
        if not line:
            return  # between items, and at the end
        self._count += 1
        if self._count > _MOST_ITEMS:
            raise InputError("envelope", f"has more than {_MOST_ITEMS} items")
        head = _json_object(line, f"envelope.items[{self._count - 1}]")
        self._kind, self._left_bytes = _kind_and_length(head, self._count - 1)
        self._is_kept = self._kind in self._wanted
        if not self._left_bytes:
            self._may_end_line = True
            self._payload_ends()

    def _payload_ends(self) -> None:
        self._items.append(Item(self._kind, bytes(self._held) if self._is_kept else None))
        self._held.clear()
        self._kind = ""


def _kind_and_length(head: Mapping[str, Any], index: int) -> tuple[str, int]:
    kind, length = head.get("type"), head.get("length")
    if not isinstance(kind, str) or not kind:
        raise InputError(f"envelope.items[{index}].type", "is missing")
    if length is None:
        return kind, _WITHOUT_LENGTH
    if isinstance(length, bool) or not isinstance(length, int) or length < 0:
        raise InputError(f"envelope.items[{index}].length", f"{str(length)[:40]!r} is no number of bytes")
    return kind, length


def _json_object(line: bytes, field: str) -> Mapping[str, Any]:
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(field, "has a head that is not JSON") from None
    if not isinstance(read, dict):
        raise InputError(field, "has a head that is not an object of JSON")
    return read
