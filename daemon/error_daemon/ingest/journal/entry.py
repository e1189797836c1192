"""
One entry of the journal, as `journalctl --output=json` writes it: a line, which is an object of texts.

What is no UTF-8, or has control characters, comes as a list of its bytes; a field that was written several times as a list of its values,
of which the first counts; one that is too large for journalctl as null. See "Journal JSON Format" in systemd's documentation.

**Whose word it is.** Any user may write any field into the journal. What begins with an underscore is journald's own: it has it from the
kernel. So an entry counts as systemd's where the superuser wrote it, or the program that keeps core dumps, which gives up its rights
before it writes, and is known by its unit: only the superuser has units of the system.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

FIELDS = (
    "MESSAGE",
    "MESSAGE_ID",
    "UNIT",
    "UNIT_RESULT",
    "INVOCATION_ID",
    "EXIT_CODE",
    "EXIT_STATUS",
    "COREDUMP_UNIT",
    "COREDUMP_USER_UNIT",
    "COREDUMP_EXE",
    "COREDUMP_COMM",
    "COREDUMP_PID",
    "COREDUMP_UID",
    "COREDUMP_SIGNAL",
    "COREDUMP_SIGNAL_NAME",
    "COREDUMP_TIMESTAMP",
    "COREDUMP_FILENAME",
    "COREDUMP_TRUNCATED",
    "COREDUMP_STACKTRACE",
    "_HOSTNAME",
    "_UID",
    "_SYSTEMD_UNIT",
    "_SOURCE_REALTIME_TIMESTAMP",
)
"""What is asked for. Not the core itself, nor what may have secrets in it: command line and environment."""

_CURSOR = re.compile(r"s=[0-9a-f]+(?:;[a-z]=[0-9a-f]+)+", re.ASCII)
_MOST_CURSOR_BYTES = 400
_ROOT = "0"
_DUMPER = "systemd-coredump@"


@dataclass(frozen=True, slots=True)
class Entry:
    """`cursor`: where it stands in the journal; empty where that is not known. `at_us`: when it was written, since 1970; 0: not known."""

    cursor: str
    at_us: int
    fields: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.fields.get(name, "")

    @property
    def is_of_the_system(self) -> bool:
        return self["_UID"] == _ROOT or self["_SYSTEMD_UNIT"].startswith(_DUMPER)


def entry_of(line: bytes) -> Entry | None:
    """None for what is no entry."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    fields = {name: text for name in FIELDS if (text := _text(said.get(name)))}
    cursor = _text(said.get("__CURSOR"))
    at = fields.get("_SOURCE_REALTIME_TIMESTAMP") or _text(said.get("__REALTIME_TIMESTAMP"))
    return Entry(cursor if is_cursor(cursor) else "", number(at), fields)


def is_cursor(text: str) -> bool:
    return len(text) <= _MOST_CURSOR_BYTES and _CURSOR.fullmatch(text) is not None


def number(text: str) -> int:
    """0 for what is none."""
    return int(text) if len(text) < 20 and text.isascii() and text.isdigit() else 0


def _text(value: object) -> str:
    """Empty for what is not there, or is no text."""
    if isinstance(value, str):
        return (
            value if value.isascii() else value.encode("utf-8", "replace").decode()
        )  # a lone half of a pair is no text
    if not isinstance(value, list) or not value:
        return ""
    if not isinstance(value[0], int):
        return "" if isinstance(value[0], list) and value[0] and isinstance(value[0][0], list) else _text(value[0])
    try:
        return bytes(value).decode("utf-8", "replace")
    except (ValueError, TypeError):
        return ""
